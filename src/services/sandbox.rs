//! The sandbox's bank, for whoever plays the buyer.

use std::sync::Arc;

use crate::domain::id::{AccountId, PaymentId};
use crate::ports::payments::{ChallengeAnswer, ChallengeDesk};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The bank took it.
    Taken,
    /// No payment of that id and buyer waits for an answer.
    Missing,
    /// It was answered before, otherwise.
    Otherwise,
}

/// Takes answers to challenges.
pub struct SandboxBank {
    desk: Arc<dyn ChallengeDesk>,
}

impl SandboxBank {
    /// The bank behind this desk.
    pub fn new(desk: Arc<dyn ChallengeDesk>) -> Self {
        Self { desk }
    }

    /// Answers the challenge of one of the buyer's payments.
    pub async fn answer(&self, buyer: AccountId, payment: PaymentId, approve: bool) -> Answered {
        match self.desk.answer(payment, buyer, approve).await {
            ChallengeAnswer::Taken => Answered::Taken,
            ChallengeAnswer::Missing => Answered::Missing,
            ChallengeAnswer::AnsweredDifferently => Answered::Otherwise,
        }
    }
}
