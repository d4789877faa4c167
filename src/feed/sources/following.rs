//! Clips of the creators whom the viewer follows, and with products of merchants followed: a few for the ranked feed, or all in order of time.

use std::collections::BinaryHeap;

use async_trait::async_trait;

use crate::domain::limits::SHOPPABLE_LEFTOVERS_MAX;
use crate::feed::candidate::{Found, SourceKind};
use crate::feed::index::{Entity, SHOPPABLE, SharedIndex};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// Creators whose newest clips are looked at for a ranked page: those with the freshest first.
const CREATORS: usize = 64;
/// Clips of each.
const PER_CREATOR: usize = 4;

/// The newest clips of followed creators and with followed merchants' products, for the ranked feed.
pub struct Followed {
    index: SharedIndex,
}

impl Followed {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Followed {
    fn kind(&self) -> SourceKind {
        SourceKind::Following
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        if query.follows.is_empty() {
            return Ok(Batch::default());
        }
        let index = self.index.read();
        let newest = |&creator: &Entity| {
            let last = *index.clips_of(creator).last()?;
            Some((index.row(last).published_ms, index.entity_key(creator), creator))
        };
        let own = query.follows.iter().copied();
        let shops = query.follows.iter().filter_map(|&account| index.shop_of(account));
        let lists: Vec<Entity> = own.chain(shops).collect();
        let mut creators: Vec<(i64, u64, Entity)> = lists.iter().filter_map(newest).collect();
        creators.sort_unstable_by(|a, b| b.cmp(a));
        creators.truncate(CREATORS);
        let is_old = query.is_old();
        let mut found: Vec<(i64, Found)> = Vec::new();
        for (_, _, creator) in creators {
            let clips = index.clips_of(creator).iter().rev().take(4 * PER_CREATOR);
            let fresh = clips.filter_map(|&ordinal| {
                let row = index.row(ordinal);
                (!is_old(row.key)).then_some((row.published_ms, Found { ordinal, key: row.key }))
            });
            found.extend(fresh.take(PER_CREATOR));
        }
        found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.key.cmp(&b.1.key)));
        found.dedup_by_key(|(_, found)| found.key); // Of a followed creator with a followed merchant's.
        let found = found.into_iter().take(limit).map(|(_, found)| found).collect();
        Ok(Batch { found, more: false, walked: None })
    }
}

/// All clips of followed creators, the newest first: the surface `following`. Pages follow each other
/// by time, so a clip that is published during the walk belongs to the next one.
pub struct Timeline {
    index: SharedIndex,
}

impl Timeline {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Timeline {
    fn kind(&self) -> SourceKind {
        SourceKind::Following
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let index = self.index.read();
        let not_after = query.not_after.map_or(i64::MAX, crate::domain::time::Timestamp::unix_ms);
        // A merge of the creators' lists, which are ordered by time: the heap holds the next of each.
        let mut heads = BinaryHeap::new();
        for &creator in query.follows.iter() {
            if query.user.read().blocks(creator) {
                continue;
            }
            let clips = index.clips_of(creator);
            let end = clips.partition_point(|&one| index.row(one).published_ms <= not_after);
            if let Some(last) = end.checked_sub(1) {
                let row = index.row(clips[last]);
                heads.push((row.published_ms, row.key, creator, last));
            }
        }
        let is_old = query.is_old();
        let mut found = Vec::with_capacity(limit);
        let mut shoppable = 0;
        while found.len() < limit
            && let Some((_, key, creator, place)) = heads.pop()
        {
            let clips = index.clips_of(creator);
            let ordinal = clips[place];
            let row = index.row(ordinal);
            let allowed = query.allowed_sets.get(usize::from(row.market_set));
            let sells = query.is_rationed() && row.flags & SHOPPABLE != 0;
            // More than enough of those are there; the rest must not keep a page from its other clips.
            let is_surplus = sells && shoppable >= SHOPPABLE_LEFTOVERS_MAX;
            if !is_old(key) && allowed.is_none_or(|allowed| *allowed) && !is_surplus {
                shoppable += usize::from(sells);
                found.push(Found { ordinal, key });
            }
            if let Some(next) = place.checked_sub(1) {
                let row = index.row(clips[next]);
                heads.push((row.published_ms, row.key, creator, next));
            }
        }
        Ok(Batch { found, more: !heads.is_empty(), walked: None })
    }
}
