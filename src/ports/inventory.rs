//! Stock and its holds: one partition per variant.

use async_trait::async_trait;

use crate::domain::checkout::Fingerprint;
use crate::domain::id::{HoldId, VariantId};
use crate::domain::stock::{
    AdjustRefusal, Hold, HoldEvent, HoldRefusal, HoldState, StockEdit, StockLevel, StockReason,
};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// The level before and after a write; equal when the write had nothing left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StockChange {
    /// Before.
    pub before: StockLevel,
    /// After.
    pub after: StockLevel,
}

impl StockChange {
    /// Whether a buyer sees another word than before.
    pub fn crossed(&self) -> bool {
        self.before.availability() != self.after.availability()
    }
}

/// The answer to a request to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldAnswer {
    /// The hold is there, by this call or an earlier one, and stands like this.
    Stands(HoldState, StockChange),
    /// Nothing was held.
    Refused(HoldRefusal),
    /// The id holds something else: the caller's bug.
    HeldDifferently,
}

/// A correction of stock with the key it came under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adjustment {
    /// What is corrected.
    pub variant: VariantId,
    /// How.
    pub edit: StockEdit,
    /// Why.
    pub reason: StockReason,
    /// The digest of account, route and key.
    pub key: u128,
    /// The digest of the body.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Timestamp,
}

/// The answer to a correction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdjustAnswer {
    /// It was made by this call.
    Made(Result<StockChange, AdjustRefusal>),
    /// The key was used before with the same body: the first answer.
    Repeated(Result<StockLevel, AdjustRefusal>),
    /// The key was used before with another body.
    KeyReused,
}

/// One variant's partition as an auditor reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StockAudit {
    /// Whose.
    pub variant: VariantId,
    /// The sums as they are kept.
    pub level: StockLevel,
    /// The sum of units over the pending holds as they are stored.
    pub held: u64,
    /// The number of pending holds as they are stored.
    pub holds: u64,
}

/// Keeps stock. A variant that was never written has the level of [`StockLevel::default`].
///
/// Each write is one conditional write in the variant's partition, and it is idempotent by the id it
/// carries (hold or key): a caller that is told [`StoreError::OutcomeUnknown`] may call again.
#[async_trait]
pub trait InventoryStore: Send + Sync {
    /// The levels of `variants`, in their order.
    async fn levels(&self, variants: &[VariantId]) -> Result<Vec<StockLevel>, StoreError>;

    /// Holds units. A repeat with the same content finds the first hold in whatever state it is by now.
    async fn hold(&self, hold: &Hold) -> Result<HoldAnswer, StoreError>;

    /// Lets `event` happen to a hold, as [`crate::domain::stock::settle`] says; `None` if there is no
    /// such hold.
    async fn settle(
        &self,
        variant: VariantId,
        hold: HoldId,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError>;

    /// Corrects the stock, once per key. A refusal is remembered like a success.
    async fn adjust(&self, adjustment: &Adjustment) -> Result<AdjustAnswer, StoreError>;

    /// Pending holds that end at or before `now`, the oldest first, at most `limit`.
    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(VariantId, HoldId)>, StoreError>;

    /// Forgets a hold that has ended; a pending one stays. Whether none of that id is left.
    async fn forget_hold(&self, variant: VariantId, hold: HoldId) -> Result<bool, StoreError>;

    /// Forgets the keys of corrections that were made before `before`, the oldest first, at most `limit`;
    /// answers how many. The stock itself stays as they made it. A store whose keys end by themselves
    /// answers 0.
    async fn forget_adjustments(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// All variants that were ever written, each exactly once, at most `limit`, with their holds counted
    /// anew. They come in an order of the store's own, which goes on behind `after`, the last one of the
    /// page before. A page is shorter than `limit` only when it is the last.
    async fn audit(
        &self,
        after: Option<VariantId>,
        limit: usize,
    ) -> Result<Vec<StockAudit>, StoreError>;
}
