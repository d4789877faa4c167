//! Clips that go with what the viewer held lately: who held these, held those.

use async_trait::async_trait;

use crate::feed::candidate::SourceKind;
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::sources::{LOOKED_AT, take_new};
use crate::feed::stage::{Batch, CandidateSource, StageError};

/// Watched along with, tapped along with.
pub struct CoWatch {
    index: SharedIndex,
}

impl CoWatch {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

#[async_trait]
impl CandidateSource for CoWatch {
    fn kind(&self) -> SourceKind {
        SourceKind::CoWatch
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        if !query.personalised {
            return Ok(Batch::default());
        }
        let index = self.index.read();
        let scan = limit * LOOKED_AT;
        let keys = index.learned().companions_of(query.viewer, query.now.unix_ms(), scan);
        let ordinals = keys.into_iter().filter_map(|key| index.ordinal_of_key(key));
        let found = take_new(&index, ordinals, (limit, scan), query.is_old());
        Ok(Batch { found, more: false, walked: None })
    }
}
