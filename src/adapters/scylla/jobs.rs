//! The job queue in CQL.
//!
//! A job is listed as due at the instant from which a worker may take it: when it is due, or, while it is
//! leased, when the lease runs out. A parked job is not listed.

use std::time::Duration;

use async_trait::async_trait;
use scylla::response::PagingState;

use crate::adapters::scylla::due::DueKind;
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{LOST_ANSWERS_MAX, Scylla, corrupt, uuid};
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobKind};
use crate::domain::limits::LOG_POLL_MS;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::jobs::{Claimed, JobQueue, Lease, QueueDepth};
use crate::ports::wakeups::Topic;
use crate::records;

const WAITING: i8 = 1;
const LEASED: i8 = 2;
const PARKED: i8 = 3;

/// Due jobs that one claim looks at: workers that look at the same time take different ones of them.
const LOOK: usize = 16;
/// Rows of one page when jobs are counted.
const COUNT_PAGE: usize = 1_000;

const READ: Cql = Cql::serial_read(
    "SELECT kind, attempts, run_at_ms, state, until_ms, claim FROM jobs WHERE id = ?",
);
const ENQUEUE: Cql = Cql::conditional(
    "INSERT INTO jobs (id, kind, attempts, run_at_ms, state, until_ms, claim, reason) \
     VALUES (?, ?, 0, ?, 1, 0, 0, '') IF NOT EXISTS",
);
const CLAIM: Cql = Cql::conditional(
    "UPDATE jobs SET state = 2, until_ms = ?, claim = ?, attempts = ? WHERE id = ? \
     IF claim = ? AND state = ? AND until_ms = ?",
);
const EXTEND: Cql =
    Cql::conditional("UPDATE jobs SET until_ms = ? WHERE id = ? IF claim = ? AND state = 2");
const COMPLETE: Cql = Cql::conditional("DELETE FROM jobs WHERE id = ? IF claim = ? AND state = 2");
const FAIL: Cql = Cql::conditional(
    "UPDATE jobs SET state = ?, run_at_ms = ?, until_ms = 0, reason = ? WHERE id = ? \
     IF claim = ? AND state = 2",
);
const GIVE_BACK: Cql = Cql::conditional(
    "UPDATE jobs SET state = 1, until_ms = 0, attempts = ? WHERE id = ? \
     IF claim = ? AND state = 2",
);
const STATES: Cql = Cql::read("SELECT state FROM jobs");

/// A stored job.
struct Row {
    kind: JobKind,
    attempts: i32,
    run_at_ms: i64,
    state: i8,
    until_ms: i64,
    token: i64,
}

impl Row {
    /// From when on a worker may take it.
    fn due_ms(&self) -> Option<i64> {
        match self.state {
            WAITING => Some(self.run_at_ms),
            LEASED => Some(self.until_ms),
            _ => None,
        }
    }
}

type Columns = (Vec<u8>, i32, i64, i8, i64, i64);

impl Scylla {
    async fn job(&self, id: JobId) -> Result<Option<Row>, StoreError> {
        let found: Option<Columns> = self.row(READ, (uuid(id.bits()),)).await?;
        let row = |(kind, attempts, run_at_ms, state, until_ms, token): Columns| {
            let kind = records::job_kind::decode(&kind).map_err(|e| corrupt("jobs", id, e))?;
            Ok(Row { kind, attempts, run_at_ms, state, until_ms, token })
        };
        found.map(row).transpose()
    }

    /// The job behind a lease that is still held.
    async fn held(&self, lease: Lease) -> Result<Row, StoreError> {
        let row = self.job(lease.job).await?;
        row.filter(|row| row.token == lease.token as i64 && row.state == LEASED)
            .ok_or(StoreError::Conflict)
    }

    /// Takes one due job, if nobody else is faster.
    async fn take(
        &self,
        id: JobId,
        row: &Row,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, StoreError> {
        // Any number that was never given to this job before: 63 random bits.
        let token = (self.operation().as_u128() >> 65) as i64;
        self.add_due(DueKind::Jobs, lease_until, id.bits(), 0).await?;
        let attempts = row.attempts + 1;
        let key = uuid(id.bits());
        let values =
            (lease_until.unix_ms(), token, attempts, key, row.token, row.state, row.until_ms);
        let taken = match self.apply(CLAIM, values).await {
            Err(StoreError::OutcomeUnknown(_)) => {
                self.job(id).await?.is_some_and(|row| row.token == token)
            }
            other => other?,
        };
        if !taken {
            return Ok(None);
        }
        let run_at = Timestamp::from_unix_ms(row.run_at_ms);
        let job = Job { id, kind: row.kind, attempts: attempts as u32, run_at };
        Ok(Some(Claimed { job, lease: Lease { job: id, token: token as u64 } }))
    }

    /// The end of a change of a leased job: a lost answer is found out by `happened`.
    async fn changed(
        &self,
        outcome: Result<bool, StoreError>,
        id: JobId,
        happened: impl Fn(Option<&Row>) -> bool,
    ) -> Result<(), StoreError> {
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Conflict),
            Err(StoreError::OutcomeUnknown(cause)) => match self.job(id).await {
                Ok(row) if happened(row.as_ref()) => Ok(()),
                Ok(_) => Err(StoreError::Conflict),
                Err(_) => Err(StoreError::OutcomeUnknown(cause)),
            },
            Err(other) => Err(other),
        }
    }
}

#[async_trait]
impl JobQueue for Scylla {
    async fn enqueue(&self, id: JobId, kind: JobKind, run_at: Timestamp) -> Result<(), StoreError> {
        self.add_due(DueKind::Jobs, run_at, id.bits(), 0).await?;
        let kind = records::job_kind::encode(kind);
        let mut unknown = None;
        for _ in 0..LOST_ANSWERS_MAX {
            match self.apply(ENQUEUE, (uuid(id.bits()), kind.clone(), run_at.unix_ms())).await {
                Ok(_) => unknown = None,
                Err(StoreError::OutcomeUnknown(cause)) => {
                    // What did not happen is written by way of another node; the condition lets one in.
                    unknown = self.job(id).await?.is_none().then_some(cause);
                }
                Err(other) => return Err(other),
            }
            if unknown.is_none() {
                break;
            }
        }
        if let Some(cause) = unknown {
            return Err(StoreError::Unavailable(cause));
        }
        self.inner.ports.wakeups.announce(Topic::Jobs);
        Ok(())
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, StoreError> {
        for entry in self.look(DueKind::Jobs, now, LOOK).await? {
            let id = JobId::from_bits(entry.id);
            let Some(row) = self.job(id).await? else {
                self.drop_stale(DueKind::Jobs, &entry).await?;
                continue;
            };
            if row.due_ms() != Some(entry.at.unix_ms()) {
                self.drop_stale(DueKind::Jobs, &entry).await?;
            }
            if row.due_ms().is_none_or(|due_ms| due_ms > now.unix_ms()) {
                continue;
            }
            if let Some(claimed) = self.take(id, &row, lease_until).await? {
                self.drop_entry(DueKind::Jobs, &entry).await?;
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), StoreError> {
        let row = self.held(lease).await?;
        self.add_due(DueKind::Jobs, until, lease.job.bits(), 0).await?;
        let key = uuid(lease.job.bits());
        let outcome = self.apply(EXTEND, (until.unix_ms(), key, lease.token as i64)).await;
        let extended = |row: Option<&Row>| row.is_some_and(|row| row.until_ms == until.unix_ms());
        self.changed(outcome, lease.job, extended).await?;
        if row.until_ms == until.unix_ms() {
            return Ok(());
        }
        let former = Timestamp::from_unix_ms(row.until_ms);
        self.remove_due(DueKind::Jobs, former, lease.job.bits()).await
    }

    async fn complete(&self, lease: Lease) -> Result<(), StoreError> {
        let row = self.held(lease).await?;
        let outcome = self.apply(COMPLETE, (uuid(lease.job.bits()), lease.token as i64)).await;
        self.changed(outcome, lease.job, |row| row.is_none()).await?;
        let until = Timestamp::from_unix_ms(row.until_ms);
        self.remove_due(DueKind::Jobs, until, lease.job.bits()).await
    }

    async fn fail(
        &self,
        lease: Lease,
        retry_at: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let row = self.held(lease).await?;
        if let Some(at) = retry_at {
            self.add_due(DueKind::Jobs, at, lease.job.bits(), 0).await?;
        }
        let state = if retry_at.is_some() { WAITING } else { PARKED };
        let run_at_ms = retry_at.map_or(row.run_at_ms, Timestamp::unix_ms);
        let key = uuid(lease.job.bits());
        let outcome = self.apply(FAIL, (state, run_at_ms, reason, key, lease.token as i64)).await;
        let failed = |row: Option<&Row>| row.is_some_and(|row| row.state == state);
        self.changed(outcome, lease.job, failed).await?;
        let until = Timestamp::from_unix_ms(row.until_ms);
        if retry_at != Some(until) {
            self.remove_due(DueKind::Jobs, until, lease.job.bits()).await?;
        }
        self.inner.ports.wakeups.announce(Topic::Jobs);
        Ok(())
    }

    async fn give_back(&self, lease: Lease) -> Result<(), StoreError> {
        let row = self.held(lease).await?;
        let run_at = Timestamp::from_unix_ms(row.run_at_ms);
        self.add_due(DueKind::Jobs, run_at, lease.job.bits(), 0).await?;
        let key = uuid(lease.job.bits());
        let outcome = self.apply(GIVE_BACK, (row.attempts - 1, key, lease.token as i64)).await;
        let given_back = |row: Option<&Row>| row.is_some_and(|row| row.state == WAITING);
        self.changed(outcome, lease.job, given_back).await?;
        let until = Timestamp::from_unix_ms(row.until_ms);
        if until != run_at {
            self.remove_due(DueKind::Jobs, until, lease.job.bits()).await?;
        }
        self.inner.ports.wakeups.announce(Topic::Jobs);
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, StoreError> {
        let mut depth = QueueDepth::default();
        let mut from = Some(PagingState::start());
        while let Some(state) = from {
            let (rows, next) = self.page::<(i8,)>(STATES, (), state, COUNT_PAGE).await?;
            for (state,) in rows {
                match state {
                    WAITING => depth.waiting += 1,
                    LEASED => depth.leased += 1,
                    _ => depth.parked += 1,
                }
            }
            from = next;
        }
        Ok(depth)
    }

    async fn wait(&self) {
        let poll = Duration::from_millis(LOG_POLL_MS);
        drop(tokio::time::timeout(poll, self.inner.ports.wakeups.wait(Topic::Jobs)).await);
    }
}
