//! How far this node has come: its queue, its place in the logs, its index.

use std::sync::Arc;
use std::time::Duration;

use crate::feed::index::SharedIndex;
use crate::ports::error::StoreError;
use crate::ports::events::EventLog;
use crate::ports::jobs::{JobQueue, QueueDepth};
use crate::services::engagement::Engagement;
use crate::services::freshness::{Effect, Lags};
use crate::services::indexing::Indexing;
use crate::services::training::{ModelSigns, Training};

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

/// How far this node has come in one log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogPlace {
    /// The newest entry.
    pub head: u64,
    /// The newest entry that was taken in.
    pub applied: u64,
}

/// What [`Vitals::freshness`] found.
#[derive(Clone, PartialEq, Debug)]
pub struct FreshnessSigns {
    /// The event log.
    pub events: LogPlace,
    /// The change log.
    pub changes: LogPlace,
    /// How long events took to each effect of late.
    pub effects: Vec<(Effect, Lags)>,
    /// How learning stands.
    pub model: ModelSigns,
}

/// Reads them.
pub struct Vitals {
    engagement: Arc<Engagement>,
    jobs: Arc<dyn JobQueue>,
    events: Arc<dyn EventLog>,
    indexing: Arc<Indexing>,
    training: Arc<Training>,
    index: SharedIndex,
}

impl Vitals {
    /// Takes only what it needs.
    pub fn new(
        (jobs, events): (Arc<dyn JobQueue>, Arc<dyn EventLog>),
        engagement: Arc<Engagement>,
        (indexing, training): (Arc<Indexing>, Arc<Training>),
        index: SharedIndex,
    ) -> Self {
        Self { engagement, jobs, events, indexing, training, index }
    }

    /// How long events took to their effects of late.
    pub fn lags(&self) -> Vec<(Effect, Lags)> {
        let freshness = &self.engagement.freshness;
        Effect::ALL.map(|effect| (effect, freshness.lags(effect))).to_vec()
    }

    /// How learning stands.
    pub fn model(&self) -> ModelSigns {
        self.training.signs()
    }

    /// How far this node is behind the logs, and how long effects took.
    ///
    /// # Errors
    ///
    /// When a log fails or takes longer than two seconds.
    pub async fn freshness(&self) -> Result<FreshnessSigns, StoreError> {
        let reads = async {
            // What was taken in is read first: it is never ahead of a head that is read later.
            let (events, changes) = (self.index.read().applied(), self.indexing.applied());
            let events = LogPlace { applied: events, head: self.events.head().await? };
            let lag = self.indexing.lag().await?;
            let changes = LogPlace { applied: changes, head: self.indexing.applied() + lag };
            let (effects, model) = (self.lags(), self.training.signs());
            Ok(FreshnessSigns { events, changes, effects, model })
        };
        let late = |_| StoreError::unavailable("the logs do not tell how long they are");
        tokio::time::timeout(DEADLINE, reads).await.map_err(late)?
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
