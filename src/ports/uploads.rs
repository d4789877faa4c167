//! The records of resumable uploads, one partition each.

use async_trait::async_trait;

use crate::domain::id::{AccountId, UploadId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

pub use crate::domain::upload::UploadRecord;

/// Keeps upload records.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// The record.
    async fn get(&self, id: UploadId) -> Result<Option<UploadRecord>, StoreError>;

    /// Writes `record` if the stored version is `record.version - 1` (absence counts as version 0);
    /// else [`StoreError::Conflict`].
    async fn put(&self, record: &UploadRecord) -> Result<(), StoreError>;

    /// Forgets a record; one that is not there counts as forgotten.
    async fn remove(&self, id: UploadId) -> Result<(), StoreError>;

    /// How many records of this owner have no clip yet, counted up to `limit`.
    async fn open_of(&self, owner: AccountId, limit: usize) -> Result<usize, StoreError>;

    /// Records whose time was over at `now`, the longest gone first.
    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadRecord>, StoreError>;
}
