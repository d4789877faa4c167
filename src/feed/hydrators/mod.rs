//! What is filled in before judging: in the query once, in each candidate from the index.

mod learned;

use std::sync::Arc;

use async_trait::async_trait;

use crate::feed::candidate::Candidate;
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Hydrator, QueryHydrator, StageError};
use crate::feed::user::TasteTable;

pub use learned::{LearnedViewer, ViewerShare};

/// Tastes and follows, unless the viewer turned personalisation off. Follows stay for the surface that
/// is made of them.
pub struct Viewer {
    index: SharedIndex,
}

impl Viewer {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl QueryHydrator for Viewer {
    fn name(&self) -> &'static str {
        "viewer"
    }

    async fn hydrate(&self, query: &mut FeedQuery) -> Result<(), StageError> {
        query.own = self.index.read().known(query.viewer.bits());
        let user = query.user.read();
        let follows = query.personalised || query.surface == crate::feed::query::Surface::Following;
        let tastes = query.personalised.then(|| TasteTable::new(user.tastes(query.now_s())));
        let follows = follows.then(|| Arc::new(user.follows().collect()));
        drop(user);
        query.tastes = tastes.unwrap_or_else(TasteTable::empty);
        query.follows = follows.unwrap_or_default();
        Ok(())
    }
}

/// Where the clips of each set of markets may be shown.
pub struct Markets {
    index: SharedIndex,
}

impl Markets {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl QueryHydrator for Markets {
    fn name(&self) -> &'static str {
        "markets"
    }

    async fn hydrate(&self, query: &mut FeedQuery) -> Result<(), StageError> {
        query.allowed_sets = self.index.read().allowed_sets(query.market);
        Ok(())
    }
}

/// Copies each candidate's row and counters out of the index.
pub struct Rows {
    index: SharedIndex,
}

impl Rows {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

impl Hydrator for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn hydrate(&self, _: &FeedQuery, candidates: &mut [Candidate]) {
        let index = self.index.read();
        // One plain loop without branches on what was read: the processor then waits for many rows at
        // once instead of one after the other.
        for candidate in candidates {
            candidate.row = *index.row(candidate.found.ordinal);
            candidate.counters = *index.counters(candidate.found.ordinal);
        }
    }
}
