//! How far this node has come: its queue, its place in the logs, its index.

use std::sync::Arc;
use std::time::Duration;

use crate::feed::index::SharedIndex;
use crate::ports::error::StoreError;
use crate::ports::events::EventLog;
use crate::ports::jobs::{JobQueue, QueueDepth};
use crate::services::indexing::Indexing;

/// A scrape must not wait longer for a store than scrapes are apart.
const DEADLINE: Duration = Duration::from_secs(2);

/// What [`Vitals::read`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VitalSigns {
    /// Jobs of all nodes.
    pub jobs: QueueDepth,
    /// Changes that the index has not taken in.
    pub change_lag: u64,
    /// Events that the index has not taken in.
    pub event_lag: u64,
    /// Clips in the index.
    pub index_clips: u64,
}

/// Reads them.
pub struct Vitals {
    jobs: Arc<dyn JobQueue>,
    events: Arc<dyn EventLog>,
    indexing: Arc<Indexing>,
    index: SharedIndex,
}

impl Vitals {
    /// Takes only what it needs.
    pub fn new(
        jobs: Arc<dyn JobQueue>,
        events: Arc<dyn EventLog>,
        indexing: Arc<Indexing>,
        index: SharedIndex,
    ) -> Self {
        Self { jobs, events, indexing, index }
    }

    /// The present figures.
    ///
    /// # Errors
    ///
    /// When a store fails or takes longer than two seconds.
    pub async fn read(&self) -> Result<VitalSigns, StoreError> {
        let reads = async {
            let jobs = self.jobs.depth().await?;
            let change_lag = self.indexing.lag().await?;
            let head = self.events.head().await?;
            let index = self.index.read();
            let event_lag = head.saturating_sub(index.applied());
            Ok(VitalSigns { jobs, change_lag, event_lag, index_clips: index.len() as u64 })
        };
        let late = |_| Err(StoreError::unavailable("the stores took too long"));
        tokio::time::timeout(DEADLINE, reads).await.unwrap_or_else(late)
    }
}
