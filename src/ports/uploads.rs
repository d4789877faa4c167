//! The records of resumable uploads, one partition each.

use async_trait::async_trait;

use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::time::Timestamp;
use crate::domain::upload::Upload;
use crate::ports::error::StoreError;

/// An upload with whose it is and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    /// Who it is.
    pub id: UploadId,
    /// Who may see and continue it.
    pub owner: AccountId,
    /// How far it has come.
    pub upload: Upload,
    /// Whether all bytes are in the object store.
    pub stored: bool,
    /// The clip it became, once one was made of it: a second request finds the first one's clip.
    pub clip: Option<ClipId>,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

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
