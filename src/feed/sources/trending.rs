//! What is popular in the viewer's market now, and anywhere when that is not enough.

use async_trait::async_trait;

use crate::feed::candidate::SourceKind;
use crate::feed::index::{HOTTEST_MAX, SharedIndex};
use crate::feed::places::Places;
use crate::feed::query::FeedQuery;
use crate::feed::sources::take_new;
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// The hottest first.
pub struct Trending {
    index: SharedIndex,
}

impl Trending {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Trending {
    fn kind(&self) -> SourceKind {
        SourceKind::Trending
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let index = self.index.read();
        let mut once = Places::new(HOTTEST_MAX);
        let hottest = index.hottest(query.market).filter(|&ordinal| once.is_new(ordinal));
        let found = take_new(&index, hottest, (limit, usize::MAX), query.is_old());
        Ok(Batch { found, more: false, walked: None })
    }
}
