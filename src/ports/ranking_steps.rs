//! The history of a process's ranking state, kept so that slates can be recomputed.

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

pub use crate::domain::ranking_step::{NotedStep, RankingStep};

/// Keeps the steps of each process in a lane of its own, numbered from 0 in the order of noting.
#[async_trait]
pub trait RankingSteps: Send + Sync {
    /// The lane of this process; never 0.
    fn lane(&self) -> u128;

    /// Notes the next step of this process. It returns at once; a crash may lose what was not flushed.
    fn note(&self, after: u64, step: &RankingStep);

    /// Notes nothing any more and lets go of what was noted: for processes that serve no pages.
    fn close(&self);

    /// Makes durable what was noted so far.
    async fn flush(&self) -> Result<(), StoreError>;

    /// The steps of `lane` from the one of number `from` on, some of them; empty at the end. `from` is 0
    /// or follows the last step of an earlier answer.
    async fn read(&self, lane: u128, from: u64) -> Result<Vec<NotedStep>, StoreError>;

    /// Forgets lanes of which nothing was flushed since `before`, at most `limit` objects; answers how
    /// many.
    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
