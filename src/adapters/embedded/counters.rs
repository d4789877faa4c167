//! Snapshots of the clips' counters in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{CLIP_COUNTERS, META};
use crate::domain::id::ClipId;
use crate::ports::counters::{CounterRow, CounterStore};
use crate::ports::error::StoreError;
use crate::records;

/// Where `META` keeps the offset of the snapshot.
const OFFSET: &str = "clip_counters_offset";

#[async_trait]
impl CounterStore for Embedded {
    async fn save(&self, offset: u64, rows: Vec<CounterRow>) -> Result<(), StoreError> {
        let bytes = |row: &CounterRow| records::counters::encode(&row.counters, &row.heat);
        let rows: Vec<(u128, Vec<u8>)> =
            rows.iter().map(|row| (row.clip.bits(), bytes(row))).collect();
        self.write(move |txn| {
            let mut meta = txn.open_table(META).map_err(io)?;
            let stored = meta.get(OFFSET).map_err(io)?.map_or(0, |offset| offset.value());
            if stored > offset {
                return Err(StoreError::Conflict);
            }
            meta.insert(OFFSET, offset).map_err(io)?;
            let mut table = txn.open_table(CLIP_COUNTERS).map_err(io)?;
            for (clip, row) in rows {
                table.insert(clip, row.as_slice()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    /// No other process saves while this one reads, so there is nothing to pin.
    async fn load(
        &self,
        _pinned: Option<u64>,
        clips: &[ClipId],
    ) -> Result<(u64, Vec<CounterRow>), StoreError> {
        self.read(|txn| {
            let meta = txn.open_table(META).map_err(io)?;
            let offset = meta.get(OFFSET).map_err(io)?.map_or(0, |offset| offset.value());
            let table = txn.open_table(CLIP_COUNTERS).map_err(io)?;
            let mut rows = Vec::new();
            for &clip in clips {
                if let Some(row) = table.get(clip.bits()).map_err(io)? {
                    let found = records::counters::decode(row.value());
                    let (counters, heat) = found.map_err(damaged("clip_counters", clip))?;
                    rows.push(CounterRow { clip, counters, heat });
                }
            }
            Ok((offset, rows))
        })
    }
}
