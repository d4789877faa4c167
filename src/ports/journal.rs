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

    /// All transfers in id order, strictly above `after`, at most `limit`.
    async fn all(
        &self,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError>;

    /// Transfers with a posting to an account that `owner` owns, in id order, strictly above `after`, at
    /// most `limit`.
    async fn by_owner(
        &self,
        owner: AccountId,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError>;
}
