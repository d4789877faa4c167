//! Purchases are forgotten when their keys may be: their orders and entries in the journal stay.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::checkout::Checkouts;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Forgets checkouts that are long over, with their keys and holds.
pub struct ForgetFinishedCheckouts {
    checkouts: Arc<Checkouts>,
}

impl ForgetFinishedCheckouts {
    /// Over the service that knows them.
    pub const fn new(checkouts: Arc<Checkouts>) -> Self {
        Self { checkouts }
    }
}

#[async_trait]
impl Reconciler for ForgetFinishedCheckouts {
    fn name(&self) -> &'static str {
        "forget_finished_checkouts"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.checkouts.forget_finished(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
