//! THE list: which stages make a page, in what order, with what limits.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::limits::{
    CANDIDATES_PER_PAGE_MAX, LEFTOVERS_PER_SESSION_MAX, SOURCE_DEADLINE_MS,
};
use crate::feed::filters::{Blocked, Gone, OtherMarket, Own, Seen, Served, Unsellable};
use crate::feed::hydrators::{Markets, Rows, Viewer, ViewerShare};
use crate::feed::index::SharedIndex;
use crate::feed::pipeline::{ListedSource, Lists, Pipeline};
use crate::feed::scorers::{ActionValue, LearnedValue, Popularity};
use crate::feed::selectors::{Chronological, VariedSlate};
use crate::feed::sources::{
    CatalogWalk, CoWatch, Embedding, Explore, Followed, Fresh, Interest, ProductInterest, Timeline,
    Trending,
};
use crate::feed::stage::{CandidateSource, Filter};

/// Clips that each source may bring. Together they give 500 candidates and more even to a viewer whom
/// nobody knows, and stay below the bound, so that no clip that the walk passed is dropped.
const EXPLORE: usize = 16;
const FOLLOWED: usize = 96;
const PRODUCT_INTEREST: usize = 48;
const CO_WATCH: usize = 80;
const EMBEDDING: usize = 80;
const INTEREST: usize = 112;
const TRENDING: usize = 160;
const FRESH: usize = 80;

const _: () = assert!(
    EXPLORE
        + FOLLOWED
        + PRODUCT_INTEREST
        + CO_WATCH
        + EMBEDDING
        + INTEREST
        + TRENDING
        + FRESH
        + LEFTOVERS_PER_SESSION_MAX
        <= CANDIDATES_PER_PAGE_MAX
);

/// Raised with every change of the list, its limits or the scorers' priors: slates record a digest of it
/// and of the settings ([`crate::feed::values::Values::digest`]).
pub const STAGES: u64 = 6;

/// See [`Pipeline::enough`]: somewhat more than 500, since filters remove some.
const ENOUGH: usize = 540;

fn listed(source: impl CandidateSource + 'static, limit: usize) -> ListedSource {
    ListedSource { source: Arc::new(source), limit }
}

fn filters() -> Vec<Arc<dyn Filter>> {
    vec![
        Arc::new(Gone),
        Arc::new(Served),
        Arc::new(Seen),
        Arc::new(Blocked),
        Arc::new(Own),
        Arc::new(OtherMarket),
        Arc::new(Unsellable),
    ]
}

/// The surface `for_you`.
pub fn for_you(index: &SharedIndex) -> Pipeline {
    let over = || Arc::clone(index);
    Pipeline {
        query_hydrators: vec![
            Arc::new(Viewer::new(over())),
            Arc::new(Markets::new(over())),
            Arc::new(ViewerShare::new(over())),
        ],
        sources: vec![
            listed(Explore::new(over()), EXPLORE),
            listed(Followed::new(over()), FOLLOWED),
            listed(ProductInterest::new(over()), PRODUCT_INTEREST),
            listed(CoWatch::new(over()), CO_WATCH),
            listed(Embedding::new(over()), EMBEDDING),
            listed(Interest::new(over()), INTEREST),
            listed(Trending::new(over()), TRENDING),
            listed(Fresh::new(over()), FRESH),
            listed(CatalogWalk::new(over()), LEFTOVERS_PER_SESSION_MAX),
        ],
        enough: ENOUGH,
        source_deadline: Duration::from_millis(SOURCE_DEADLINE_MS),
        hydrators: vec![Arc::new(Rows::new(over()))],
        filters: filters(),
        scorers: vec![
            Arc::new(LearnedValue::new(over())),
            Arc::new(ActionValue::default()),
            Arc::new(Popularity),
        ],
        selector: Arc::new(VariedSlate::new(over())),
        lists: Lists::default(),
    }
}

/// The surface `following`.
pub fn following(index: &SharedIndex) -> Pipeline {
    let over = || Arc::clone(index);
    Pipeline {
        query_hydrators: vec![Arc::new(Viewer::new(over())), Arc::new(Markets::new(over()))],
        sources: vec![listed(Timeline::new(over()), LEFTOVERS_PER_SESSION_MAX)],
        enough: ENOUGH,
        source_deadline: Duration::from_millis(SOURCE_DEADLINE_MS),
        hydrators: vec![Arc::new(Rows::new(over()))],
        filters: filters(),
        scorers: vec![Arc::new(ActionValue::default()), Arc::new(Popularity)],
        selector: Arc::new(Chronological),
        lists: Lists::default(),
    }
}

#[cfg(test)]
mod tests;
