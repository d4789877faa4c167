//! Upload records in redb.

use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{UPLOADS, UPLOADS_BY_END, UPLOADS_OPEN};
use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::time::Timestamp;
use crate::domain::upload::{Upload, UploadMetadata};
use crate::ports::error::StoreError;
use crate::ports::uploads::{UploadRecord, UploadStore};

#[derive(Serialize, Deserialize)]
struct UploadRow {
    owner: u128,
    length: u64,
    offset: u64,
    metadata: Vec<(String, Vec<u8>)>,
    expires_at_ms: i64,
    stored: bool,
    clip: Option<u128>,
    version: u64,
}

impl From<&UploadRecord> for UploadRow {
    fn from(record: &UploadRecord) -> Self {
        Self {
            owner: record.owner.bits(),
            length: record.upload.length(),
            offset: record.upload.offset(),
            metadata: record.upload.metadata().pairs().to_vec(),
            expires_at_ms: record.upload.expires_at().unix_ms(),
            stored: record.stored,
            clip: record.clip.map(ClipId::bits),
            version: record.version,
        }
    }
}

fn record(id: UploadId, bytes: &[u8]) -> Result<UploadRecord, StoreError> {
    let row: UploadRow = decode("uploads", id, bytes)?;
    let damaged = |detail: String| corrupt("uploads", id, detail);
    let metadata = UploadMetadata::new(row.metadata).map_err(|e| damaged(e.to_string()))?;
    let expires_at = Timestamp::from_unix_ms(row.expires_at_ms);
    let upload = Upload::restore(row.length, row.offset, metadata, expires_at)
        .map_err(|e| damaged(e.to_string()))?;
    Ok(UploadRecord {
        id,
        owner: AccountId::from_bits(row.owner),
        upload,
        stored: row.stored,
        clip: row.clip.map(ClipId::from_bits),
        version: row.version,
    })
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
            let row = encode(&UploadRow::from(&new));
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
