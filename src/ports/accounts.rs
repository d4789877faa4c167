//! Profiles, one partition each.

use async_trait::async_trait;

use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::ports::error::StoreError;

/// Keeps accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account, if it was ever written.
    async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Writes `account` if the stored version is `account.version - 1` (absence counts as version 0, so
    /// the first write has version 1); else [`StoreError::Conflict`].
    async fn put(&self, account: &Account) -> Result<(), StoreError>;
}
