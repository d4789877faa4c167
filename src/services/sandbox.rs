//! The sandbox's bank, for whoever plays the buyer.

use std::sync::Arc;

use crate::domain::id::{AccountId, PaymentId};
use crate::domain::limits::SANDBOX_CHALLENGE_TTL_MS;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::payments::{ChallengeAnswer, ChallengeStore};

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
    challenges: Arc<dyn ChallengeStore>,
    clock: Arc<dyn Clock>,
}

impl SandboxBank {
    /// The bank of these challenges.
    pub fn new(challenges: Arc<dyn ChallengeStore>, clock: Arc<dyn Clock>) -> Self {
        Self { challenges, clock }
    }

    /// Answers the challenge of one of the buyer's payments.
    pub async fn answer(
        &self,
        buyer: AccountId,
        payment: PaymentId,
        approve: bool,
    ) -> Result<Answered, StoreError> {
        Ok(match self.challenges.answer(payment, buyer, approve).await? {
            ChallengeAnswer::Taken => Answered::Taken,
            ChallengeAnswer::Missing => Answered::Missing,
            ChallengeAnswer::AnsweredDifferently => Answered::Otherwise,
        })
    }

    /// Forgets at most `limit` challenges whose payments are long over; answers how many.
    pub async fn forget_old(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.clock.now().plus_ms(-SANDBOX_CHALLENGE_TTL_MS);
        self.challenges.forget(before, limit).await
    }
}
