//! The change log keeps what a node that lags behind still needs.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::indexing::Indexing;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Forgets the oldest changes.
pub struct TrimChanges {
    indexing: Arc<Indexing>,
}

impl TrimChanges {
    /// Over the service that knows them.
    pub const fn new(indexing: Arc<Indexing>) -> Self {
        Self { indexing }
    }
}

#[async_trait]
impl Reconciler for TrimChanges {
    fn name(&self) -> &'static str {
        "trim_changes"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.indexing.trim_changes(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
