//! Clips with what the viewer looked at, wanted or bought, and clips that go with these.

use async_trait::async_trait;

use crate::feed::candidate::SourceKind;
use crate::feed::index::{Entity, Index, SharedIndex};
use crate::feed::places::Places;
use crate::feed::query::FeedQuery;
use crate::feed::sources::LOOKED_AT;
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// Products that are followed up per page: those liked most.
const PRODUCTS: usize = 6;

/// For each of the products liked most its newest clips, and what goes with the newest of them.
pub struct ProductInterest {
    index: SharedIndex,
}

impl ProductInterest {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

/// The products that the viewer likes most, the best first.
fn products(query: &FeedQuery, index: &Index) -> Vec<Entity> {
    let liked =
        query.tastes.iter().filter(|(entity, value)| *value > 0.0 && index.is_product(*entity));
    let mut liked: Vec<(f32, u64, Entity)> =
        liked.map(|(entity, value)| (value, index.entity_key(entity), entity)).collect();
    // Of equals by what does not depend on the order in which the index came to know them.
    liked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    liked.into_iter().take(PRODUCTS).map(|(_, _, entity)| entity).collect()
}

#[async_trait]
impl CandidateSource for ProductInterest {
    fn kind(&self) -> SourceKind {
        SourceKind::ProductInterest
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        if query.tastes.is_empty() {
            return Ok(Batch::default());
        }
        let index = self.index.read();
        let each = limit.div_ceil(2 * PRODUCTS);
        let is_old = query.is_old();
        let mut once = Places::new(2 * limit + 4 * each);
        let mut ordinals = Vec::with_capacity(limit);
        for product in products(query, &index) {
            let clips = index.clips_of(product);
            let newest = clips.iter().rev().copied();
            let is_wanted = |ordinal: &u32| !is_old(index.row(*ordinal).key);
            ordinals.extend(newest.filter(is_wanted).take(each).filter(|&one| once.is_new(one)));
            let Some(&latest) = clips.last() else { continue };
            let near = index.learned().companions_of_clip(index.row(latest).key, each * LOOKED_AT);
            let near = near.into_iter().filter_map(|key| index.ordinal_of_key(key));
            ordinals.extend(near.filter(is_wanted).take(each).filter(|&one| once.is_new(one)));
        }
        ordinals.truncate(limit);
        Ok(Batch { found: index.found(&ordinals), more: false, walked: None })
    }
}
