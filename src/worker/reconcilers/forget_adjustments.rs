//! The keys of stock corrections are forgotten when they may be: the stock stays as they made it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::inventory::Inventory;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Forgets the keys of old corrections.
pub struct ForgetAdjustments {
    inventory: Arc<Inventory>,
}

impl ForgetAdjustments {
    /// Over the service that knows them.
    pub const fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory }
    }
}

#[async_trait]
impl Reconciler for ForgetAdjustments {
    fn name(&self) -> &'static str {
        "forget_adjustments"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.inventory.forget_adjustments(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
