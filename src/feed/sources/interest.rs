//! Clips near the viewer's tastes: of the creators, hashtags, categories and products liked most.

use async_trait::async_trait;

use crate::feed::candidate::SourceKind;
use crate::feed::index::{Entity, SharedIndex};
use crate::feed::places::Places;
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
        let index = self.index.read();
        let key = |entity| index.entity_key(entity);
        let liked = query.tastes.iter().filter(|(_, value)| *value > 0.0);
        let mut tastes: Vec<(f32, u64, Entity)> =
            liked.map(|(entity, value)| (value, key(entity), entity)).collect();
        // Of equals by what does not depend on the order in which the index came to know them.
        let strongest = |a: &(f32, u64, Entity), b: &(f32, u64, Entity)| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        };
        if tastes.len() > TASTES {
            tastes.select_nth_unstable_by(TASTES, strongest);
            tastes.truncate(TASTES);
        }
        tastes.sort_unstable_by(strongest);
        let each = limit.div_ceil(2 * TASTES);
        let mut dice = Dice::new(query.seed);
        let is_old = query.is_old();
        let mut once = Places::new(limit + 2 * each);
        let mut ordinals = Vec::with_capacity(limit + 2 * each);
        for (_, _, entity) in tastes {
            let clips = index.clips_of(entity);
            let newest = clips.iter().rev().take(each).copied();
            let older = clips.len().saturating_sub(each);
            let sample = (0..each.min(older)).map(|_| clips[dice.below(older)]);
            ordinals.extend(newest.chain(sample).filter(|&ordinal| once.is_new(ordinal)));
            if ordinals.len() >= limit {
                break;
            }
        }
        let mut found = index.found(&ordinals);
        found.retain(|one| !is_old(one.key));
        found.truncate(limit);
        Ok(Batch { found, more: false, walked: None })
    }
}
