//! A provider without a bank: what becomes of a payment follows from its method alone.
//!
//! | method | authorize | a later look-up |
//! |---|---|---|
//! | `pm_approve` | authorized | authorized |
//! | `pm_decline` | declined | declined |
//! | `pm_timeout` | no answer | authorized |
//! | `pm_action` | requires action | as the challenge was answered |
//!
//! Only the challenges and their answers are kept, in a store that outlives the process.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::id::PaymentId;
use crate::domain::payment::{Authorization, Capture, DeclineReason, Lookup, PaymentRequest, Void};
use crate::ports::payments::{ChallengeStore, PaymentProvider};

/// The sandbox.
pub struct Sandbox {
    challenges: Arc<dyn ChallengeStore>,
}

impl Sandbox {
    /// A sandbox that keeps its challenges there.
    pub const fn new(challenges: Arc<dyn ChallengeStore>) -> Self {
        Self { challenges }
    }

    async fn fate(&self, request: &PaymentRequest) -> Authorization {
        let authorized = Authorization::Authorized { amount: request.amount };
        match request.method.as_str() {
            "pm_approve" | "pm_timeout" => authorized,
            "pm_action" => match self.challenges.ask(request.payment, request.account).await {
                Ok(Some(true)) => authorized,
                Ok(Some(false)) => Authorization::Declined(DeclineReason::ChallengeRefused),
                Ok(None) => Authorization::RequiresAction,
                Err(error) => {
                    tracing::warn!(payment = %request.payment, %error, "the sandbox cannot tell");
                    Authorization::Unknown
                }
            },
            _ => Authorization::Declined(DeclineReason::Declined),
        }
    }
}

#[async_trait]
impl PaymentProvider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn accepts(&self, method: &str) -> bool {
        ["pm_approve", "pm_decline", "pm_timeout", "pm_action"].contains(&method)
    }

    async fn authorize(&self, request: &PaymentRequest) -> Authorization {
        match request.method.as_str() {
            "pm_timeout" => Authorization::Unknown,
            _ => self.fate(request).await,
        }
    }

    async fn lookup(&self, request: &PaymentRequest) -> Lookup {
        Lookup::Found(self.fate(request).await)
    }

    async fn capture(&self, request: &PaymentRequest) -> Capture {
        match request.method.as_str() {
            "pm_decline" => Capture::Refused,
            _ => Capture::Captured { amount: request.amount },
        }
    }

    async fn void(&self, _: &PaymentRequest) -> Void {
        Void::Voided
    }

    fn next_action(&self, payment: PaymentId) -> (&'static str, String) {
        ("sandbox_challenge", format!("/v1/sandbox/payments/{payment}/challenge"))
    }
}
