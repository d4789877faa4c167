//! Upload records in redb.

use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::tables::{UPLOADS, UPLOADS_BY_END, UPLOADS_OPEN};
use crate::domain::id::{AccountId, UploadId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::uploads::{UploadRecord, UploadStore};
use crate::records;

fn record(id: UploadId, bytes: &[u8]) -> Result<UploadRecord, StoreError> {
    records::upload::decode(id, bytes).map_err(damaged("uploads", id))
}

fn load(txn: &WriteTransaction, id: UploadId) -> Result<Option<UploadRecord>, StoreError> {
    let table = txn.open_table(UPLOADS).map_err(io)?;
    let found = table.get(id.bits()).map_err(io)?;
    found.map(|row| record(id, row.value())).transpose()
}

/// Takes a record out of the lists.
fn unlist(txn: &WriteTransaction, old: &UploadRecord) -> Result<(), StoreError> {
    let mut by_end = txn.open_table(UPLOADS_BY_END).map_err(io)?;
    by_end.remove((old.upload.expires_at().unix_ms(), old.id.bits())).map_err(io)?;
    let mut open = txn.open_table(UPLOADS_OPEN).map_err(io)?;
    open.remove((old.owner.bits(), old.id.bits())).map_err(io)?;
    Ok(())
}

#[async_trait]
impl UploadStore for Embedded {
    async fn get(&self, id: UploadId) -> Result<Option<UploadRecord>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(UPLOADS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            found.map(|row| record(id, row.value())).transpose()
        })
    }

    async fn put(&self, new: &UploadRecord) -> Result<(), StoreError> {
        let new = new.clone();
        self.write(move |txn| {
            let old = load(txn, new.id)?;
            if old.as_ref().map_or(0, |old| old.version) + 1 != new.version {
                return Err(StoreError::Conflict);
            }
            if let Some(old) = &old {
                unlist(txn, old)?;
            }
            let row = records::upload::encode(&new);
            let mut table = txn.open_table(UPLOADS).map_err(io)?;
            table.insert(new.id.bits(), row.as_slice()).map_err(io)?;
            let mut by_end = txn.open_table(UPLOADS_BY_END).map_err(io)?;
            let end = (new.upload.expires_at().unix_ms(), new.id.bits());
            by_end.insert(end, ()).map_err(io)?;
            if new.clip.is_none() {
                let mut open = txn.open_table(UPLOADS_OPEN).map_err(io)?;
                open.insert((new.owner.bits(), new.id.bits()), ()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    async fn remove(&self, id: UploadId) -> Result<(), StoreError> {
        self.write(move |txn| {
            if let Some(old) = load(txn, id)? {
                unlist(txn, &old)?;
                txn.open_table(UPLOADS).map_err(io)?.remove(id.bits()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    async fn open_of(&self, owner: AccountId, limit: usize) -> Result<usize, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(UPLOADS_OPEN).map_err(io)?;
            let range = (owner.bits(), 0)..=(owner.bits(), u128::MAX);
            Ok(table.range(range).map_err(io)?.take(limit).count())
        })
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadRecord>, StoreError> {
        self.read(|txn| {
            let by_end = txn.open_table(UPLOADS_BY_END).map_err(io)?;
            let table = txn.open_table(UPLOADS).map_err(io)?;
            let range = ..=(now.unix_ms(), u128::MAX);
            let mut found = Vec::new();
            for entry in by_end.range(range).map_err(io)?.take(limit) {
                let id = UploadId::from_bits(entry.map_err(io)?.0.value().1);
                let row = table.get(id.bits()).map_err(io)?;
                let row = row.ok_or_else(|| corrupt("uploads", id, "listed but missing"))?;
                found.push(record(id, row.value())?);
            }
            Ok(found)
        })
    }
}
