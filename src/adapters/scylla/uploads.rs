//! Upload records in CQL.

use async_trait::async_trait;
use scylla::value::CqlValue;

use crate::adapters::scylla::due::{DueKind, GRACE_MS};
use crate::adapters::scylla::guarded::{Guard, NewRow};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::id::{AccountId, UploadId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::uploads::{UploadRecord, UploadStore};
use crate::records;

const GET: Cql = Cql::read("SELECT body FROM uploads WHERE id = ?");
const GUARD: Guard = Guard {
    first: Cql::conditional(
        "INSERT INTO uploads (id, version, body, ends_ms) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    ),
    next: Cql::conditional(
        "UPDATE uploads SET version = ?, body = ?, ends_ms = ? WHERE id = ? IF version = ?",
    ),
    read: Cql::serial_read("SELECT version, body FROM uploads WHERE id = ?"),
};
const REMOVE: Cql = Cql::conditional("DELETE FROM uploads WHERE id = ? IF EXISTS");
const OPEN: Cql =
    Cql::write("INSERT INTO uploads_open (owner, upload, listed_ms) VALUES (?, ?, ?)");
const CLOSE: Cql = Cql::write("DELETE FROM uploads_open WHERE owner = ? AND upload = ?");
const LISTED: Cql = Cql::read("SELECT upload, listed_ms FROM uploads_open WHERE owner = ? LIMIT ?");

/// Entries beyond the limit that are looked at, in case some are superfluous.
const SLACK: usize = 50;

#[async_trait]
impl UploadStore for Scylla {
    async fn get(&self, id: UploadId) -> Result<Option<UploadRecord>, StoreError> {
        let found: Option<(Vec<u8>,)> = self.row(GET, (uuid(id.bits()),)).await?;
        let record = found.map(|(body,)| records::upload::decode(id, &body)).transpose();
        record.map_err(|damage| corrupt("uploads", id, damage))
    }

    async fn put(&self, new: &UploadRecord) -> Result<(), StoreError> {
        let former = if new.version > 1 { self.get(new.id).await? } else { None };
        let ends_at = new.upload.expires_at();
        self.add_due(DueKind::Uploads, ends_at, new.id.bits(), 0).await?;
        let listed = (uuid(new.owner.bits()), sorted(new.id.bits()));
        if new.clip.is_none() && former.is_none() {
            self.run(OPEN, (listed.0, &listed.1[..], self.now_ms())).await?;
        }
        let row = NewRow {
            id: uuid(new.id.bits()),
            version: new.version,
            body: records::upload::encode(new),
            more: Some(CqlValue::BigInt(ends_at.unix_ms())),
        };
        self.put_guarded(&GUARD, &row).await?;
        if let Some(former) = former.filter(|former| former.upload.expires_at() != ends_at) {
            self.remove_due(DueKind::Uploads, former.upload.expires_at(), new.id.bits()).await?;
        }
        if new.clip.is_some() {
            self.run(CLOSE, (listed.0, &listed.1[..])).await?;
        }
        Ok(())
    }

    async fn remove(&self, id: UploadId) -> Result<(), StoreError> {
        let Some(old) = self.get(id).await? else { return Ok(()) };
        self.apply(REMOVE, (uuid(id.bits()),)).await?;
        self.remove_due(DueKind::Uploads, old.upload.expires_at(), id.bits()).await?;
        self.run(CLOSE, (uuid(old.owner.bits()), &sorted(id.bits())[..])).await
    }

    async fn open_of(&self, owner: AccountId, limit: usize) -> Result<usize, StoreError> {
        let key = (uuid(owner.bits()), (limit + SLACK) as i32);
        let listed: Vec<(Vec<u8>, i64)> = self.rows(LISTED, key).await?;
        let mut open = 0;
        for (bytes, listed_ms) in listed {
            let id = UploadId::from_bits(unsorted("uploads_open", &bytes)?);
            let record = self.get(id).await?;
            if record.is_some_and(|record| record.clip.is_none()) {
                open += 1;
            } else if self.now_ms() - listed_ms > GRACE_MS {
                self.run(CLOSE, (uuid(owner.bits()), bytes)).await?;
            }
            if open == limit {
                break;
            }
        }
        Ok(open)
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadRecord>, StoreError> {
        let mut found: Vec<UploadRecord> = Vec::new();
        for entry in self.look(DueKind::Uploads, now, limit).await? {
            let record = self.get(UploadId::from_bits(entry.id)).await?;
            let record = record.filter(|record| record.upload.expires_at() == entry.at);
            match record {
                Some(record) => found.push(record),
                None => self.drop_stale(DueKind::Uploads, &entry).await?,
            }
        }
        Ok(found)
    }
}
