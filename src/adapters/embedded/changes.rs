//! The change log in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::CHANGES;
use crate::domain::change::Change;
use crate::ports::changes::ChangeLog;
use crate::ports::error::StoreError;
use crate::records;

#[async_trait]
impl ChangeLog for Embedded {
    async fn append(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let rows: Vec<_> = changes.iter().copied().map(records::change::encode).collect();
        let last = self
            .write(move |txn| {
                let mut table = txn.open_table(CHANGES).map_err(io)?;
                let mut last = table.last().map_err(io)?.map_or(0, |(offset, _)| offset.value());
                for row in rows {
                    last += 1;
                    table.insert(last, row).map_err(io)?;
                }
                Ok(last)
            })
            .await?;
        self.inner.changed.notify_waiters();
        Ok(last)
    }

    async fn head(&self) -> Result<u64, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHANGES).map_err(io)?;
            let last = table.last().map_err(io)?;
            Ok(last.map_or(0, |(offset, _)| offset.value()))
        })
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHANGES).map_err(io)?;
            let mut found = Vec::new();
            for entry in table.range(after.saturating_add(1)..).map_err(io)?.take(limit) {
                let (offset, row) = entry.map_err(io)?;
                let (offset, (kind, bits)) = (offset.value(), row.value());
                let change = records::change::decode(kind, bits);
                found.push((offset, change.map_err(damaged("changes", offset))?));
            }
            Ok(found)
        })
    }

    async fn trim(&self, kept: u64, limit: usize) -> Result<usize, StoreError> {
        let ends = self.read(|txn| {
            let table = txn.open_table(CHANGES).map_err(io)?;
            let first = table.first().map_err(io)?.map(|(offset, _)| offset.value());
            let last = table.last().map_err(io)?.map(|(offset, _)| offset.value());
            Ok(first.zip(last))
        })?;
        let Some((first, last)) = ends else { return Ok(0) };
        // The last entry stays in any case: it tells the next offset.
        let end = last.saturating_sub(kept.max(1)).min(first.saturating_add(limit as u64) - 1);
        if end < first {
            return Ok(0);
        }
        self.write(move |txn| {
            let mut table = txn.open_table(CHANGES).map_err(io)?;
            let mut gone = 0;
            for offset in first..=end {
                gone += usize::from(table.remove(offset).map_err(io)?.is_some());
            }
            Ok(gone)
        })
        .await
    }

    async fn wait(&self, after: u64) {
        let changed = self.inner.changed.notified();
        tokio::pin!(changed);
        // Listen first, look second: an append between both is not missed.
        changed.as_mut().enable();
        if self.head().await.is_ok_and(|head| head <= after) {
            changed.await;
        }
    }
}
