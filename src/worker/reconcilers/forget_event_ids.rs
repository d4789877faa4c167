//! The ids of events are forgotten when no client may send them again: the events stay.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::engagement::Engagement;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Forgets the ids of old events.
pub struct ForgetEventIds {
    engagement: Arc<Engagement>,
}

impl ForgetEventIds {
    /// Over the service that knows them.
    pub const fn new(engagement: Arc<Engagement>) -> Self {
        Self { engagement }
    }
}

#[async_trait]
impl Reconciler for ForgetEventIds {
    fn name(&self) -> &'static str {
        "forget_event_ids"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.engagement.forget_ids(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
