//! The change log in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, io};
use crate::adapters::embedded::tables::CHANGES;
use crate::domain::change::Change;
use crate::domain::id::{AccountId, ClipId, ProductId};
use crate::ports::changes::ChangeLog;
use crate::ports::error::StoreError;

fn to_row(change: Change) -> (u8, u128) {
    match change {
        Change::ClipPublished(id) => (1, id.bits()),
        Change::ClipRemoved(id) => (2, id.bits()),
        Change::ProductChanged(id) => (3, id.bits()),
        Change::StockChanged(id) => (4, id.bits()),
        Change::AccountChanged(id) => (5, id.bits()),
    }
}

fn from_row(offset: u64, (kind, bits): (u8, u128)) -> Result<Change, StoreError> {
    match kind {
        1 => Ok(Change::ClipPublished(ClipId::from_bits(bits))),
        2 => Ok(Change::ClipRemoved(ClipId::from_bits(bits))),
        3 => Ok(Change::ProductChanged(ProductId::from_bits(bits))),
        4 => Ok(Change::StockChanged(ProductId::from_bits(bits))),
        5 => Ok(Change::AccountChanged(AccountId::from_bits(bits))),
        other => Err(corrupt("changes", offset, format!("kind {other}"))),
    }
}

#[async_trait]
impl ChangeLog for Embedded {
    async fn append(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let rows: Vec<_> = changes.iter().copied().map(to_row).collect();
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
                found.push((offset.value(), from_row(offset.value(), row.value())?));
            }
            Ok(found)
        })
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
