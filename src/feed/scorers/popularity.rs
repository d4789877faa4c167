//! The scorer of last resort: what many watch.

use crate::domain::engagement::Counter;
use crate::feed::candidate::Candidate;
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Scorer, StageError};

/// Decayed watches; it cannot fail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Popularity;

impl Scorer for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        for candidate in candidates {
            let left = candidate.counters.left(query.now);
            candidate.score = candidate.counters.get(Counter::Watched) * left;
        }
        Ok(())
    }
}
