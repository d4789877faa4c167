//! Snapshots of the clips' counters, so that a start does not replay the whole event log.

use async_trait::async_trait;

use crate::domain::account::Market;
use crate::domain::engagement::ClipCounters;
use crate::domain::id::ClipId;
use crate::ports::error::StoreError;

/// What is counted of one clip.
#[derive(Clone, PartialEq, Debug)]
pub struct CounterRow {
    /// Which.
    pub clip: ClipId,
    /// Its counters.
    pub counters: ClipCounters,
    /// Its standing per market, as `feed::index::trending` defines it.
    pub heat: Vec<(Market, f64)>,
}

/// Keeps the newest snapshot.
#[async_trait]
pub trait CounterStore: Send + Sync {
    /// Replaces `rows` and states that all rows now hold exactly the events up to `offset`. Both or
    /// none. `offset` never goes back.
    async fn save(&self, offset: u64, rows: Vec<CounterRow>) -> Result<(), StoreError>;

    /// The offset of the newest snapshot (0 when there is none) and the rows of `clips` that exist. With
    /// `pinned`, an offset that a call answered a moment ago, the rows are of that snapshot still where
    /// other nodes save meanwhile: whoever reads in steps reads one snapshot.
    async fn load(
        &self,
        pinned: Option<u64>,
        clips: &[ClipId],
    ) -> Result<(u64, Vec<CounterRow>), StoreError>;
}
