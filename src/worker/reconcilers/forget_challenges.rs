//! The sandbox's challenges are forgotten with the purchases that asked for them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::sandbox::SandboxBank;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Forgets old challenges.
pub struct ForgetChallenges {
    bank: Arc<SandboxBank>,
}

impl ForgetChallenges {
    /// Over the service that knows them.
    pub const fn new(bank: Arc<SandboxBank>) -> Self {
        Self { bank }
    }
}

#[async_trait]
impl Reconciler for ForgetChallenges {
    fn name(&self) -> &'static str {
        "forget_challenges"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.bank.forget_old(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
