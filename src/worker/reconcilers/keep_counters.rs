//! The clips' counters are made durable from time to time, so that a start replays seconds of events.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;

use crate::domain::limits::COUNTERS_SNAPSHOT_MS;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::services::indexing::Indexing;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Saves the counters that changed.
pub struct KeepCounters {
    indexing: Arc<Indexing>,
    clock: Arc<dyn Clock>,
    last_ms: AtomicI64,
}

impl KeepCounters {
    /// Over the service that has the counters.
    pub fn new(indexing: Arc<Indexing>, clock: Arc<dyn Clock>) -> Self {
        Self { indexing, clock, last_ms: AtomicI64::new(0) }
    }
}

#[async_trait]
impl Reconciler for KeepCounters {
    fn name(&self) -> &'static str {
        "keep_counters"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let now_ms = self.clock.now().unix_ms();
        if (now_ms - self.last_ms.load(Ordering::Relaxed)).abs() < COUNTERS_SNAPSHOT_MS {
            return Ok(Activation::default());
        }
        self.last_ms.store(now_ms, Ordering::Relaxed);
        let changed = self.indexing.snapshot().await?;
        Ok(Activation { changed, more: false })
    }
}
