//! New clips that are owed impressions: the pool that exploration draws from.

use async_trait::async_trait;

use crate::domain::limits::EXPLORE_AGE_MS_MAX;
use crate::feed::candidate::SourceKind;
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::sources::take_new;
use crate::feed::stage::{Batch, CandidateSource, StageError};
use crate::ranking::explore::Dice;

/// How many of those that are owed most a pool is drawn from.
const RESERVE: usize = 64;

/// The least tried clips first; of equals a seeded choice, so that viewers at the same moment try
/// different ones.
pub struct Explore {
    index: SharedIndex,
}

impl Explore {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Explore {
    fn kind(&self) -> SourceKind {
        SourceKind::Explore
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let index = self.index.read();
        let owed = index.owed(query.now.plus_ms(-EXPLORE_AGE_MS_MAX));
        let mut found = take_new(&index, owed, (RESERVE, 4 * RESERVE), query.is_old());
        let mut dice = Dice::new(query.seed);
        for place in 0..limit.min(found.len()) {
            let other = place + dice.below(found.len() - place);
            found.swap(place, other);
        }
        found.truncate(limit);
        Ok(Batch { found, more: false, walked: None })
    }
}
