//! Finds out what became of payments, and finishes or undoes the purchases that a crash left.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::checkout::Checkouts;
use crate::worker::reconcilers::{Activation, Reconciler};

/// See the module.
pub struct ResolveUnknownPayments {
    checkouts: Arc<Checkouts>,
}

impl ResolveUnknownPayments {
    /// Works on these checkouts.
    pub const fn new(checkouts: Arc<Checkouts>) -> Self {
        Self { checkouts }
    }
}

#[async_trait]
impl Reconciler for ResolveUnknownPayments {
    fn name(&self) -> &'static str {
        "resolve_unknown_payments"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let swept = self.checkouts.resume_due(RECONCILER_BATCH_MAX).await?;
        let more = swept.changed > 0 && swept.seen == RECONCILER_BATCH_MAX;
        Ok(Activation { changed: swept.changed, more })
    }
}
