//! Clips near the viewer's tastes: of the creators, hashtags, categories and products liked most.

use async_trait::async_trait;

use crate::feed::candidate::{Found, SourceKind};
use crate::feed::index::{Entity, SharedIndex};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Batch, CandidateSource, StageError};
use crate::ranking::explore::Dice;

/// Tastes that are followed up per page.
const TASTES: usize = 8;

/// For each of the strongest tastes the newest clips and a seeded sample of the older ones.
pub struct Interest {
    index: SharedIndex,
}

impl Interest {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Interest {
    fn kind(&self) -> SourceKind {
        SourceKind::Interest
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        if query.tastes.is_empty() {
            return Ok(Batch::default());
        }
        let mut tastes: Vec<(f32, Entity)> = {
            let user = query.user.read();
            let liked = user.tastes(query.now_s()).filter(|(_, value)| *value > 0.0);
            liked.map(|(entity, value)| (value, entity)).collect()
        };
        tastes.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        tastes.truncate(TASTES);
        let each = limit.div_ceil(2 * TASTES);
        let mut dice = Dice::new(query.seed);
        let index = self.index.read();
        let is_old = query.is_old();
        let mut once = rustc_hash::FxHashSet::default();
        let mut found = Vec::with_capacity(limit);
        for (_, entity) in tastes {
            let clips = index.clips_of(entity);
            let newest = clips.iter().rev().take(each).copied();
            let older = clips.len().saturating_sub(each);
            let sample = (0..each.min(older)).map(|_| clips[dice.below(older)]);
            for ordinal in newest.chain(sample) {
                let key = index.row(ordinal).key;
                if found.len() < limit && !is_old(key) && once.insert(ordinal) {
                    found.push(Found { ordinal, key });
                }
            }
        }
        Ok(Batch { found, more: false, walked: None })
    }
}
