//! Challenges of the sandbox's payments in CQL.

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, uuid};
use crate::domain::id::{AccountId, PaymentId};
use crate::domain::limits::SANDBOX_CHALLENGE_TTL_MS;
use crate::domain::time::{SECOND_MS, Timestamp};
use crate::ports::error::StoreError;
use crate::ports::payments::{ChallengeAnswer, ChallengeStore};

const READ: Cql = Cql::serial_read("SELECT account, approved FROM challenges WHERE payment = ?");
const ASK: Cql = Cql::conditional(
    "INSERT INTO challenges (payment, account) VALUES (?, ?) IF NOT EXISTS USING TTL ?",
);
const ANSWER: Cql = Cql::conditional(
    "UPDATE challenges USING TTL ? SET approved = ? WHERE payment = ? \
     IF approved = NULL AND account = ?",
);
const TTL_S: i32 = (SANDBOX_CHALLENGE_TTL_MS / SECOND_MS) as i32;

impl Scylla {
    async fn challenge(
        &self,
        payment: PaymentId,
    ) -> Result<Option<(Uuid, Option<bool>)>, StoreError> {
        self.row(READ, (uuid(payment.bits()),)).await
    }
}

#[async_trait]
impl ChallengeStore for Scylla {
    async fn ask(
        &self,
        payment: PaymentId,
        account: AccountId,
    ) -> Result<Option<bool>, StoreError> {
        if let Some((_, approved)) = self.challenge(payment).await? {
            return Ok(approved);
        }
        // Whoever asks at the same time puts down the same.
        self.apply(ASK, (uuid(payment.bits()), uuid(account.bits()), TTL_S)).await?;
        Ok(None)
    }

    async fn answer(
        &self,
        payment: PaymentId,
        account: AccountId,
        approve: bool,
    ) -> Result<ChallengeAnswer, StoreError> {
        let key = uuid(payment.bits());
        let by = uuid(account.bits());
        let outcome = self.apply(ANSWER, (TTL_S, approve, key, by)).await;
        if matches!(outcome, Ok(true)) {
            return Ok(ChallengeAnswer::Taken);
        }
        // Not taken, or the answer was lost: what stands there tells.
        let found = self.challenge(payment).await?.filter(|(of, _)| *of == by);
        match found {
            Some((_, Some(first))) if first == approve => Ok(ChallengeAnswer::Taken),
            Some((_, Some(_))) => Ok(ChallengeAnswer::AnsweredDifferently),
            Some((_, None)) => {
                Err(outcome.err().unwrap_or_else(|| StoreError::unavailable("it was overtaken")))
            }
            None => Ok(ChallengeAnswer::Missing),
        }
    }

    async fn forget(&self, _before: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0) // They end by themselves.
    }
}
