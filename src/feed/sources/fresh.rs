//! The clips that were published last.

use async_trait::async_trait;

use crate::feed::candidate::SourceKind;
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::sources::take_new;
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// The newest first.
pub struct Fresh {
    index: SharedIndex,
}

impl Fresh {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for Fresh {
    fn kind(&self) -> SourceKind {
        SourceKind::Fresh
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let index = self.index.read();
        let found = take_new(&index, index.newest(), (limit, 4 * limit), query.is_old());
        Ok(Batch { found, more: false, walked: None })
    }
}
