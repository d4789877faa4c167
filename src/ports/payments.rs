//! Payment providers: someone else's machine, which may answer late, twice or not at all.

use async_trait::async_trait;

use crate::domain::id::{AccountId, PaymentId};
use crate::domain::payment::{Authorization, Capture, Lookup, PaymentRequest, Void};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// A provider. Every call is idempotent by the payment's id, and every answer is one of a closed set:
/// what a provider fails to say is `Unknown`. An implementation checks nothing but its own protocol;
/// amounts are compared by the caller.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// The name a checkout gives, such as `sandbox`.
    fn name(&self) -> &'static str;

    /// Whether `method` is one of the provider's; nothing is asked for others.
    fn accepts(&self, method: &str) -> bool;

    /// Reserves money.
    async fn authorize(&self, request: &PaymentRequest) -> Authorization;

    /// What became of an earlier [`Self::authorize`].
    async fn lookup(&self, request: &PaymentRequest) -> Lookup;

    /// Takes the reserved money.
    async fn capture(&self, request: &PaymentRequest) -> Capture;

    /// Gives the money back, reserved or taken. A payment that never arrived counts as given back, and a
    /// request that arrives later must be refused.
    async fn void(&self, request: &PaymentRequest) -> Void;

    /// Where a buyer passes the challenge of a payment that requires action: the kind of action and its
    /// address.
    fn next_action(&self, payment: PaymentId) -> (&'static str, String);
}

/// The answer to a buyer's answer to a challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeAnswer {
    /// Taken.
    Taken,
    /// No payment of that id and buyer waits for an answer.
    Missing,
    /// It was answered before, otherwise.
    AnsweredDifferently,
}

/// Keeps the challenges of the sandbox's payments, so that a buyer who is at the bank finds the way back
/// whatever restarts meanwhile, and whichever node is asked. Ids of payments carry their time.
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// The answer to a payment's challenge. One that was not asked for before is put down, unanswered.
    async fn ask(&self, payment: PaymentId, account: AccountId)
    -> Result<Option<bool>, StoreError>;

    /// Answers the challenge of a payment of `account`. The first answer stands.
    async fn answer(
        &self,
        payment: PaymentId,
        account: AccountId,
        approve: bool,
    ) -> Result<ChallengeAnswer, StoreError>;

    /// Forgets challenges of payments from before `before`, the oldest first, at most `limit`; answers
    /// how many. A store whose challenges end by themselves answers 0.
    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
