//! Takes jobs from the queue: claim with a lease, heartbeat while it runs, then done, again later, or
//! parked.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::job::{AfterFailure, JobKind, after_failure, after_outage, wears_workers_out};
use crate::domain::limits::{JOB_HEARTBEAT_MS, JOB_LEASE_MS};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::jobs::{Claimed, JobQueue, Lease};
use crate::worker::media::{JobError, MediaJobs};

/// How long an idle worker waits before it looks again for jobs of other nodes and expired leases.
const POLL: Duration = Duration::from_secs(1);

/// How long a worker rests before it gives a job back that failed because a store was away: clips go on
/// soon after an outage, and a try every now and then harms nobody during one.
const OUTAGE_PAUSE: Duration = Duration::from_secs(2);

/// Runs jobs, one at a time.
pub struct Runner {
    queue: Arc<dyn JobQueue>,
    clock: Arc<dyn Clock>,
    media: Arc<MediaJobs>,
}

impl Runner {
    /// Takes jobs from `queue` and has `media` do them.
    pub fn new(queue: Arc<dyn JobQueue>, clock: Arc<dyn Clock>, media: Arc<MediaJobs>) -> Self {
        Self { queue, clock, media }
    }

    /// Takes jobs until `stop`. A job that runs then is given back at once: its work is dropped, the
    /// try is not counted, and another worker (or this one after its restart) begins it anew.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), StoreError> {
        while !stop.is_cancelled() {
            match self.run_one(&stop).await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = self.queue.wait() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the job queue does not answer");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
        Ok(())
    }

    /// Does the next due job; `false` when there is none.
    pub async fn run_due(&self) -> Result<bool, StoreError> {
        self.run_one(&CancellationToken::new()).await
    }

    async fn run_one(&self, stop: &CancellationToken) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(claimed) = self.queue.claim(now, now.plus_ms(JOB_LEASE_MS)).await? else {
            return Ok(false);
        };
        let attempts = claimed.job.attempts;
        if wears_workers_out(attempts) {
            let error = JobError::WorkersLost(attempts - 1);
            return Self::ended(self.park(&claimed, &error).await);
        }
        let outcome = tokio::select! {
            () = stop.cancelled() => {
                return Self::ended(self.queue.give_back(claimed.lease).await);
            }
            outcome = self.perform(&claimed) => outcome,
            lost = self.keep(claimed.lease) => {
                tracing::warn!(job = %claimed.job.id, "the lease was lost: {lost}");
                return Ok(true); // Somebody else does it now.
            }
        };
        if let Err(error) = &outcome
            && error.is_outage()
        {
            tracing::warn!(job = %claimed.job.id, %error, "a store is away; the try does not count");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(OUTAGE_PAUSE) => {}
            }
            return Self::ended(self.queue.give_back(claimed.lease).await);
        }
        Self::ended(self.settle(&claimed, outcome).await)
    }

    /// A lease that was lost in the last moment is no failure: somebody else does the job now.
    fn ended(outcome: Result<(), StoreError>) -> Result<bool, StoreError> {
        match outcome {
            Err(StoreError::Conflict) | Ok(()) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn perform(&self, claimed: &Claimed) -> Result<(), JobError> {
        match claimed.job.kind {
            JobKind::Transcode(clip) => self.media.transcode(clip, claimed.lease.token).await,
            JobKind::Purge(clip) => self.media.purge(clip).await,
        }
    }

    /// Renews the lease until that fails; answers why.
    async fn keep(&self, lease: Lease) -> StoreError {
        loop {
            tokio::time::sleep(Duration::from_millis(JOB_HEARTBEAT_MS as u64)).await;
            let until = self.clock.now().plus_ms(JOB_LEASE_MS);
            if let Err(error @ StoreError::Conflict) = self.queue.heartbeat(lease, until).await {
                return error;
            }
        }
    }

    async fn settle(
        &self,
        claimed: &Claimed,
        outcome: Result<(), JobError>,
    ) -> Result<(), StoreError> {
        let error = match outcome {
            Ok(()) => return self.queue.complete(claimed.lease).await,
            Err(error) => error,
        };
        let job = &claimed.job;
        let now = self.clock.now();
        let fate = if error.is_outage() {
            AfterFailure::RetryAt(after_outage(job.attempts, now))
        } else {
            after_failure(job.attempts, now)
        };
        match fate {
            // The request that queued it died before it wrote the clip; if its creator asks again, the
            // job is queued again.
            AfterFailure::Park if matches!(error, JobError::NoClip) => {
                self.queue.complete(claimed.lease).await
            }
            AfterFailure::RetryAt(at) => {
                tracing::warn!(job = %job.id, attempt = job.attempts, %error, "a job failed; again later");
                self.queue.fail(claimed.lease, Some(at), &error.to_string()).await
            }
            AfterFailure::Park => self.park(claimed, &error).await,
        }
    }

    /// Keeps the job for an operator to look at. Who waits for it is told first: a crash in between
    /// leads here again.
    async fn park(&self, claimed: &Claimed, error: &JobError) -> Result<(), StoreError> {
        let job = &claimed.job;
        tracing::error!(job = %job.id, attempt = job.attempts, %error, "a job failed for good");
        self.give_up(job.kind, error).await?;
        self.queue.fail(claimed.lease, None, &error.to_string()).await
    }

    /// Tells whoever waits for the job that it will not be done.
    async fn give_up(&self, kind: JobKind, error: &JobError) -> Result<(), StoreError> {
        match kind {
            JobKind::Transcode(clip) => self.media.give_up(clip, error).await,
            JobKind::Purge(_) => Ok(()),
        }
    }
}
