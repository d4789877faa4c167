//! The newest first, as on the surface `following`.

use crate::feed::candidate::Candidate;
use crate::feed::index::SHOPPABLE;
use crate::feed::query::{FeedQuery, ShownFace};
use crate::feed::stage::{Selected, Selector};
use crate::ranking::diversity::{Face, Slate};
use crate::ranking::likeness::SharedTraits;

/// Strictly by time; no rule moves a clip. One with something to buy that the viewer's budget has no room
/// for is passed over.
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
        let shown: Vec<Face<'_>> = query.shown.iter().map(ShownFace::face).collect();
        let mut slate = Slate::after(&shown, query.values.rules, query.budget, &SharedTraits);
        let mut selected = Selected::default();
        for one in candidates {
            let is_shoppable = one.row.flags & SHOPPABLE != 0;
            if selected.page.len() < query.limit && (!is_shoppable || slate.has_budget()) {
                slate.push(Face { is_shoppable, ..Face::default() });
                selected.page.push(one);
            } else {
                selected.rest.push(one);
            }
        }
        selected
    }
}
