//! The ordered change log that keeps indexes and caches of every node fresh.

use async_trait::async_trait;

use crate::domain::change::Change;
use crate::ports::error::StoreError;

/// An append-only log of [`Change`]s with dense, growing offsets from 1.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// Appends `changes` in order and answers the offset of the last one. Durable when it answers.
    async fn append(&self, changes: &[Change]) -> Result<u64, StoreError>;

    /// The offset of the newest entry; 0 when there is none.
    async fn head(&self) -> Result<u64, StoreError>;

    /// Entries strictly above `after`, in order, at most `limit`.
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>, StoreError>;

    /// Forgets the oldest entries but keeps the newest `kept`, at least one; at most `limit` at once.
    /// Answers how many went. A reader that was not there yet sees a gap between its offset and the first
    /// entry it gets.
    async fn trim(&self, kept: u64, limit: usize) -> Result<usize, StoreError>;

    /// Waits until there may be an entry above `after`. It may wake early, never late.
    async fn wait(&self, after: u64);
}
