//! The durable queue of background work.

use async_trait::async_trait;

use crate::domain::id::JobId;
use crate::domain::job::{Job, JobKind};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// Proof that a worker holds a job; a stale one is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// Which claim of it.
    pub token: u64,
}

/// A job in a worker's hands. `job.attempts` counts this try already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// What to do.
    pub job: Job,
    /// The proof for heartbeat, completion and failure.
    pub lease: Lease,
}

/// How many jobs stand where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueDepth {
    /// Waiting, due or not.
    pub waiting: u64,
    /// In a worker's hands.
    pub leased: u64,
    /// Given up.
    pub parked: u64,
}

/// A queue with leases: a job whose worker falls silent is given to another.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Queues a job. A job of that id which is waiting, leased or parked stays as it is.
    async fn enqueue(&self, id: JobId, kind: JobKind, run_at: Timestamp) -> Result<(), StoreError>;

    /// The job that is due longest, or whose lease ran out before `now`, leased until `lease_until`.
    async fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, StoreError>;

    /// Extends a lease; [`StoreError::Conflict`] if it is no longer held.
    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), StoreError>;

    /// Forgets a finished job; [`StoreError::Conflict`] if the lease is no longer held.
    async fn complete(&self, lease: Lease) -> Result<(), StoreError>;

    /// Puts a failed job back, due at `retry_at`, or parks it when that is `None`, with the reason;
    /// [`StoreError::Conflict`] if the lease is no longer held.
    async fn fail(
        &self,
        lease: Lease,
        retry_at: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// Puts a job back as it was before the claim, due at once: a worker that is told to stop did not
    /// try it. [`StoreError::Conflict`] if the lease is no longer held.
    async fn give_back(&self, lease: Lease) -> Result<(), StoreError>;

    /// How many jobs stand where.
    async fn depth(&self) -> Result<QueueDepth, StoreError>;

    /// Waits until a job may have become due by an `enqueue` or `fail` on this node. It may wake early.
    async fn wait(&self);
}
