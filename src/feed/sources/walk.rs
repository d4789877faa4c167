//! A walk over all clips, so that a session that is followed to its end shows each of them once.

use async_trait::async_trait;

use crate::domain::limits::SHOPPABLE_LEFTOVERS_MAX;
use crate::feed::candidate::{Found, SourceKind};
use crate::feed::index::{SHOPPABLE, SharedIndex};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// Stops per hold of the lock: a viewer who has seen nearly everything makes many.
const STOPS_PER_LOCK: u32 = 8_192;

/// First the clips that earlier pages passed without showing them, then further stops of the walk.
pub struct CatalogWalk {
    index: SharedIndex,
}

impl CatalogWalk {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for CatalogWalk {
    fn kind(&self) -> SourceKind {
        SourceKind::Catalog
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let walk = &query.walk;
        let mut found: Vec<Found> = Vec::with_capacity(limit);
        found.extend(walk.leftovers.iter().take(limit));
        let mut walked = walk.walked;
        let is_rationed = query.is_rationed();
        let mut shoppable = 0;
        if is_rationed {
            let index = self.index.read();
            let sells = |one: &&Found| index.row(one.ordinal).flags & SHOPPABLE != 0;
            shoppable = found.iter().filter(sells).count();
        }
        while walked < walk.capacity && found.len() < limit {
            let index = self.index.read();
            let is_old = query.is_old();
            let end = walked.saturating_add(STOPS_PER_LOCK).min(walk.capacity);
            while walked < end && found.len() < limit {
                let ordinal = walk.stop(walked);
                walked += 1;
                let row = index.row(ordinal);
                let allowed = query.allowed_sets.get(usize::from(row.market_set));
                let sells = is_rationed && row.flags & SHOPPABLE != 0;
                // Passed over for good: more than enough of those wait already.
                if sells && shoppable >= SHOPPABLE_LEFTOVERS_MAX {
                    continue;
                }
                if row.key != 0 && !is_old(row.key) && allowed.is_none_or(|allowed| *allowed) {
                    found.push(Found { ordinal, key: row.key });
                    shoppable += usize::from(sells);
                }
            }
        }
        let more = walked < walk.capacity || found.len() < walk.leftovers.len();
        Ok(Batch { found, more, walked: Some(walked) })
    }
}
