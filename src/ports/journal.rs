//! The journal: balanced transfers, one partition each, never edited.

use async_trait::async_trait;

use crate::domain::id::{AccountId, TransferId};
use crate::domain::ledger::Transfer;
use crate::ports::error::StoreError;
use crate::ports::orders::WriteOnce;

/// Keeps transfers.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends a transfer, once per id. The list by owner follows the write; a crash between both is
    /// healed by repeating the append.
    async fn append(&self, transfer: &Transfer) -> Result<WriteOnce, StoreError>;

    /// The transfer.
    async fn get(&self, id: TransferId) -> Result<Option<Transfer>, StoreError>;

    /// All transfers, each exactly once, at most `limit`. They come in an order of the store's own, which
    /// goes on behind `after`, the last one of the page before. A page is shorter than `limit` only when
    /// it is the last.
    async fn all(
        &self,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError>;

    /// Transfers with a posting to an account that `owner` owns, paged like [`Self::all`].
    async fn by_owner(
        &self,
        owner: AccountId,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError>;
}
