//! Takes back stock that was held and not paid.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::inventory::Inventory;
use crate::worker::reconcilers::{Activation, Reconciler};

/// See the module.
pub struct ReleaseExpiredHolds {
    inventory: Arc<Inventory>,
}

impl ReleaseExpiredHolds {
    /// Works on this stock.
    pub const fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory }
    }
}

#[async_trait]
impl Reconciler for ReleaseExpiredHolds {
    fn name(&self) -> &'static str {
        "release_expired_holds"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.inventory.release_expired(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed == RECONCILER_BATCH_MAX })
    }
}
