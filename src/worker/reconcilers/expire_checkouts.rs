//! Ends checkouts that nobody paid in time, and finishes those whose opening broke off.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::checkout::Checkouts;
use crate::worker::reconcilers::{Activation, Reconciler};

/// See the module.
pub struct ExpireCheckouts {
    checkouts: Arc<Checkouts>,
}

impl ExpireCheckouts {
    /// Works on these checkouts.
    pub const fn new(checkouts: Arc<Checkouts>) -> Self {
        Self { checkouts }
    }
}

#[async_trait]
impl Reconciler for ExpireCheckouts {
    fn name(&self) -> &'static str {
        "expire_checkouts"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let swept = self.checkouts.expire_due(RECONCILER_BATCH_MAX).await?;
        let more = swept.changed > 0 && swept.seen == RECONCILER_BATCH_MAX;
        Ok(Activation { changed: swept.changed, more })
    }
}
