//! Snapshots of the clips' counters in CQL.
//!
//! All nodes fold the same log, so a clip's counters as of an offset are the same on each of them. A row
//! says as of which offset it is; the snapshot's offset says up to where rows are complete. A node that
//! saves first writes all rows that changed since its last save, then moves the offset on. Who loads takes
//! of each clip the newest row that is not beyond the snapshot.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{KEYS_PER_READ, Scylla, corrupt, uuid};
use crate::domain::id::ClipId;
use crate::ports::counters::{CounterRow, CounterStore};
use crate::ports::error::StoreError;
use crate::records;

/// The one snapshot's name.
const NAME: &str = "clips";
/// Rows that are written at the same time.
const WRITES: usize = 32;
/// How long a row is kept that newer ones have replaced, in offsets: far more than happen while a node
/// that starts loads the snapshot.
const KEPT_OFFSETS: u64 = 1_000_000;

const OFFSET: Cql = Cql::serial_read("SELECT entry FROM counter_snapshots WHERE name = ?");
const FIRST: Cql =
    Cql::conditional("INSERT INTO counter_snapshots (name, entry) VALUES (?, ?) IF NOT EXISTS");
const MOVE: Cql =
    Cql::conditional("UPDATE counter_snapshots SET entry = ? WHERE name = ? IF entry < ?");
const PUT: Cql = Cql::write("INSERT INTO clip_counters (clip, entry, body) VALUES (?, ?, ?)");
const FORGET: Cql = Cql::write("DELETE FROM clip_counters WHERE clip = ? AND entry < ?");
const LOAD: Cql = Cql::read(
    "SELECT clip, body FROM clip_counters WHERE clip IN ? AND entry <= ? PER PARTITION LIMIT 1",
);

#[async_trait]
impl CounterStore for Scylla {
    async fn save(&self, offset: u64, rows: Vec<CounterRow>) -> Result<(), StoreError> {
        let stored = self.snapshot_offset().await?;
        if stored.is_some_and(|stored| stored > offset) {
            return Err(StoreError::Conflict); // Another node has saved more than this one knows.
        }
        let entry = offset as i64;
        for some in rows.chunks(WRITES) {
            let writes = some.iter().map(|row| {
                let body = records::counters::encode(&row.counters, &row.heat);
                self.run(PUT, (uuid(row.clip.bits()), entry, body))
            });
            futures_util::future::try_join_all(writes).await?;
        }
        let moved = match stored {
            None => self.apply(FIRST, (NAME, entry)).await?,
            Some(_) => self.apply(MOVE, (entry, NAME, entry)).await?,
        };
        if !moved && self.snapshot_offset().await?.unwrap_or(0) != offset {
            return Err(StoreError::Conflict);
        }
        let old = offset.saturating_sub(KEPT_OFFSETS);
        if old > 0 {
            for some in rows.chunks(WRITES) {
                let forget =
                    some.iter().map(|row| self.run(FORGET, (uuid(row.clip.bits()), old as i64)));
                futures_util::future::try_join_all(forget).await?;
            }
        }
        Ok(())
    }

    async fn load(
        &self,
        pinned: Option<u64>,
        clips: &[ClipId],
    ) -> Result<(u64, Vec<CounterRow>), StoreError> {
        let offset = match pinned {
            Some(offset) => offset,
            None => self.snapshot_offset().await?.unwrap_or(0),
        };
        let mut found = Vec::with_capacity(clips.len());
        for some in clips.chunks(KEYS_PER_READ) {
            let keys: Vec<Uuid> = some.iter().map(|id| uuid(id.bits())).collect();
            let rows: Vec<(Uuid, Vec<u8>)> = self.rows(LOAD, (keys, offset as i64)).await?;
            let rows: HashMap<u128, Vec<u8>> =
                rows.into_iter().map(|(clip, body)| (clip.as_u128(), body)).collect();
            for &clip in some {
                let Some(body) = rows.get(&clip.bits()) else { continue };
                let decoded = records::counters::decode(body);
                let (counters, heat) = decoded.map_err(|e| corrupt("clip_counters", clip, e))?;
                found.push(CounterRow { clip, counters, heat });
            }
        }
        Ok((offset, found))
    }
}

impl Scylla {
    async fn snapshot_offset(&self) -> Result<Option<u64>, StoreError> {
        let found: Option<(Option<i64>,)> = self.row(OFFSET, (NAME,)).await?;
        Ok(found.and_then(|(entry,)| entry).map(|entry| entry as u64))
    }
}
