//! Checkouts, one partition each.

use async_trait::async_trait;

use crate::domain::checkout::Checkout;
use crate::domain::id::{AccountId, CheckoutId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// Keeps checkouts.
#[async_trait]
pub trait CheckoutStore: Send + Sync {
    /// The checkout, in whatever state.
    async fn get(&self, id: CheckoutId) -> Result<Option<Checkout>, StoreError>;

    /// Writes `checkout` if the stored version is `checkout.version - 1` (absence counts as version 0, so
    /// the first write has version 1); else [`StoreError::Conflict`]. The lists follow the write; a crash
    /// between both is healed by the next write of the same checkout.
    async fn put(&self, checkout: &Checkout) -> Result<(), StoreError>;

    /// Checkouts whose [`Checkout::due_at`] is at or before `now`, the oldest first, at most `limit`.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CheckoutId>, StoreError>;

    /// Checkouts that are over and whose time to pay ended before `before`, the oldest first, at most
    /// `limit`.
    async fn finished(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<CheckoutId>, StoreError>;

    /// Forgets a checkout that is over, if it is still at this version; else [`StoreError::Conflict`].
    /// One that is gone already is no conflict.
    async fn forget(&self, checkout: &Checkout) -> Result<(), StoreError>;

    /// How many checkouts of `buyer` are not over, counted up to `limit`.
    async fn unfinished(&self, buyer: AccountId, limit: usize) -> Result<usize, StoreError>;
}
