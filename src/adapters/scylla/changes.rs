//! The change log in CQL.

use async_trait::async_trait;

use crate::adapters::scylla::{Scylla, corrupt, sorted, unsorted};
use crate::domain::change::Change;
use crate::ports::changes::ChangeLog;
use crate::ports::error::StoreError;
use crate::records;

/// The log's name.
pub(super) const CHANGES: &str = "changes";

#[async_trait]
impl ChangeLog for Scylla {
    async fn append(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let entry = |change: &Change| {
            let (kind, bits) = records::change::encode(*change);
            let mut entry = vec![kind];
            entry.extend_from_slice(&sorted(bits));
            entry
        };
        let entries = changes.iter().map(entry).collect();
        let offsets = self.append_to(CHANGES, entries).await?;
        match offsets.last() {
            Some(last) => Ok(*last),
            None => ChangeLog::head(self).await,
        }
    }

    async fn head(&self) -> Result<u64, StoreError> {
        self.head_of(CHANGES).await
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>, StoreError> {
        let entries = self.read_log(CHANGES, after, limit).await?;
        let decode = |(offset, body): (u64, Vec<u8>)| {
            let (kind, id) = body.split_first().unwrap_or((&0, &[]));
            let change = records::change::decode(*kind, unsorted("log_entries", id)?);
            change.map(|change| (offset, change)).map_err(|e| corrupt("log_entries", offset, e))
        };
        entries.into_iter().map(decode).collect()
    }

    async fn trim(&self, kept: u64, limit: usize) -> Result<usize, StoreError> {
        self.trim_log(CHANGES, kept, limit).await
    }

    async fn wait(&self, after: u64) {
        self.wait_for(CHANGES, after).await;
    }
}
