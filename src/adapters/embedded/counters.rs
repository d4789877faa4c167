//! Snapshots of the clips' counters in redb.

use async_trait::async_trait;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{CLIP_COUNTERS, META};
use crate::domain::account::Market;
use crate::domain::engagement::ClipCounters;
use crate::domain::id::ClipId;
use crate::ports::counters::{CounterRow, CounterStore};
use crate::ports::error::StoreError;

/// Where `META` keeps the offset of the snapshot.
const OFFSET: &str = "clip_counters_offset";

#[derive(Serialize, Deserialize)]
struct Row {
    decayed: [f32; 12],
    at_s: u32,
    plays: u32,
    likes: u32,
    shares: u32,
    heat: Vec<(String, f64)>,
}

fn to_row(row: &CounterRow) -> Row {
    Row {
        decayed: row.counters.decayed,
        at_s: row.counters.at_s,
        plays: row.counters.plays,
        likes: row.counters.likes,
        shares: row.counters.shares,
        heat: row.heat.iter().map(|(market, heat)| (market.code().to_owned(), *heat)).collect(),
    }
}

fn from_row(clip: ClipId, row: Row) -> Result<CounterRow, StoreError> {
    let market = |(code, heat): (String, f64)| Some((Market::new(&code)?, heat));
    let heat: Option<Vec<(Market, f64)>> = row.heat.into_iter().map(market).collect();
    let counters = ClipCounters {
        decayed: row.decayed,
        at_s: row.at_s,
        plays: row.plays,
        likes: row.likes,
        shares: row.shares,
    };
    let heat = heat.ok_or_else(|| corrupt("clip_counters", clip, "market"))?;
    Ok(CounterRow { clip, counters, heat })
}

#[async_trait]
impl CounterStore for Embedded {
    async fn save(&self, offset: u64, rows: Vec<CounterRow>) -> Result<(), StoreError> {
        let rows: Vec<(u128, Vec<u8>)> =
            rows.iter().map(|row| (row.clip.bits(), encode(&to_row(row)))).collect();
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

    async fn load(&self, clips: &[ClipId]) -> Result<(u64, Vec<CounterRow>), StoreError> {
        self.read(|txn| {
            let meta = txn.open_table(META).map_err(io)?;
            let offset = meta.get(OFFSET).map_err(io)?.map_or(0, |offset| offset.value());
            let table = txn.open_table(CLIP_COUNTERS).map_err(io)?;
            let mut rows = Vec::new();
            for &clip in clips {
                if let Some(row) = table.get(clip.bits()).map_err(io)? {
                    rows.push(from_row(clip, decode("clip_counters", clip, row.value())?)?);
                }
            }
            Ok((offset, rows))
        })
    }
}
