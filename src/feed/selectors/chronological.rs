//! The newest first, as on the surface `following`.

use crate::feed::candidate::Candidate;
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Selected, Selector};

/// Strictly by time; no rule moves a clip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chronological;

impl Selector for Chronological {
    fn name(&self) -> &'static str {
        "chronological"
    }

    fn select(&self, query: &FeedQuery, mut candidates: Vec<Candidate>) -> Selected {
        // As in the source: of equal times the higher key first.
        let place = |one: &Candidate| (one.row.published_ms, one.found.key);
        candidates.sort_unstable_by_key(|one| std::cmp::Reverse(place(one)));
        let rest = candidates.split_off(query.limit.min(candidates.len()));
        Selected { page: candidates, rest }
    }
}
