//! Uploads that nobody finished or named go when their time is over.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::services::uploads::Uploads;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Drops uploads whose time is over, bytes and record.
pub struct ExpireUploads {
    uploads: Arc<Uploads>,
    clock: Arc<dyn Clock>,
}

impl ExpireUploads {
    /// Over the service that knows how an upload is dropped.
    pub fn new(uploads: Arc<Uploads>, clock: Arc<dyn Clock>) -> Self {
        Self { uploads, clock }
    }
}

#[async_trait]
impl Reconciler for ExpireUploads {
    fn name(&self) -> &'static str {
        "expire_uploads"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.uploads.expire(self.clock.now(), RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed == RECONCILER_BATCH_MAX })
    }
}
