//! The job queue in redb.
//!
//! A job stands in `jobs_due` at the instant from which a worker may take it: when it is due, or, while
//! it is leased, when the lease runs out. A parked job does not stand there.

use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::tables::{JOBS, JOBS_DUE, META};
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobKind};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::jobs::{Claimed, JobQueue, Lease, QueueDepth};
use crate::records;

#[derive(Serialize, Deserialize)]
struct JobRow {
    #[serde(with = "records::job_kind")]
    kind: JobKind,
    attempts: u32,
    run_at_ms: i64,
    state: StateRow,
    /// Why the last try failed.
    reason: String,
    /// The lease token of the last claim.
    claims: u64,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq)]
enum StateRow {
    Waiting,
    Leased { until_ms: i64 },
    Parked,
}

impl JobRow {
    /// Where it stands in `jobs_due`.
    fn due_ms(&self) -> Option<i64> {
        match self.state {
            StateRow::Waiting => Some(self.run_at_ms),
            StateRow::Leased { until_ms } => Some(until_ms),
            StateRow::Parked => None,
        }
    }

    fn job(&self, id: JobId) -> Job {
        Job {
            id,
            kind: self.kind,
            attempts: self.attempts,
            run_at: Timestamp::from_unix_ms(self.run_at_ms),
        }
    }
}

fn job_row(id: JobId, bytes: &[u8]) -> Result<JobRow, StoreError> {
    records::from_bytes(bytes).map_err(damaged("jobs", id))
}

fn load(txn: &WriteTransaction, id: JobId) -> Result<Option<JobRow>, StoreError> {
    let table = txn.open_table(JOBS).map_err(io)?;
    let found = table.get(id.bits()).map_err(io)?;
    found.map(|found| job_row(id, found.value())).transpose()
}

/// Moves a job from one place in the queue to another.
fn store(
    txn: &WriteTransaction,
    id: JobId,
    was_due_ms: Option<i64>,
    row: Option<&JobRow>,
) -> Result<(), StoreError> {
    let mut jobs = txn.open_table(JOBS).map_err(io)?;
    let mut due = txn.open_table(JOBS_DUE).map_err(io)?;
    if let Some(was_ms) = was_due_ms {
        due.remove((was_ms, id.bits())).map_err(io)?;
    }
    let Some(row) = row else {
        jobs.remove(id.bits()).map_err(io)?;
        return Ok(());
    };
    jobs.insert(id.bits(), records::to_bytes(row).as_slice()).map_err(io)?;
    if let Some(due_ms) = row.due_ms() {
        due.insert((due_ms, id.bits()), ()).map_err(io)?;
    }
    Ok(())
}

/// A lease token that was never given before: not even to a job of the same id that is long done, for
/// a worker may sleep through the end of one and the beginning of the next.
fn next_token(txn: &WriteTransaction) -> Result<u64, StoreError> {
    let mut meta = txn.open_table(META).map_err(io)?;
    let next = meta.get("lease_token").map_err(io)?.map_or(0, |last| last.value()) + 1;
    meta.insert("lease_token", next).map_err(io)?;
    Ok(next)
}

/// Puts leased jobs back. Only one process at a time has the store open, so when it opens, every
/// worker that held a lease is dead; waiting for the leases' ends would only waste time.
pub(super) fn end_leases(txn: &WriteTransaction) -> Result<(), StoreError> {
    let mut leased = Vec::new();
    for entry in txn.open_table(JOBS).map_err(io)?.iter().map_err(io)? {
        let (key, row) = entry.map_err(io)?;
        let id = JobId::from_bits(key.value());
        let row = job_row(id, row.value())?;
        if matches!(row.state, StateRow::Leased { .. }) {
            leased.push((id, row));
        }
    }
    for (id, mut row) in leased {
        let was = row.due_ms();
        row.state = StateRow::Waiting;
        store(txn, id, was, Some(&row))?;
    }
    Ok(())
}

/// The row behind a lease that is still held.
fn held(txn: &WriteTransaction, lease: Lease) -> Result<JobRow, StoreError> {
    load(txn, lease.job)?
        .filter(|row| row.claims == lease.token && matches!(row.state, StateRow::Leased { .. }))
        .ok_or(StoreError::Conflict)
}

#[async_trait]
impl JobQueue for Embedded {
    async fn enqueue(&self, id: JobId, kind: JobKind, run_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |txn| {
            if load(txn, id)?.is_some() {
                return Ok(());
            }
            let row = JobRow {
                kind,
                attempts: 0,
                run_at_ms: run_at.unix_ms(),
                state: StateRow::Waiting,
                reason: String::new(),
                claims: 0,
            };
            store(txn, id, None, Some(&row))
        })
        .await?;
        self.inner.queued.notify_one();
        Ok(())
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, StoreError> {
        self.write(move |txn| {
            let first = {
                let due = txn.open_table(JOBS_DUE).map_err(io)?;
                let first = due.first().map_err(io)?;
                first.map(|(key, _)| key.value())
            };
            let Some((due_ms, bits)) = first.filter(|(due_ms, _)| *due_ms <= now.unix_ms()) else {
                return Ok(None);
            };
            let id = JobId::from_bits(bits);
            let mut row = load(txn, id)?.ok_or_else(|| corrupt("jobs", id, "due but missing"))?;
            row.attempts += 1;
            row.claims = next_token(txn)?;
            row.state = StateRow::Leased { until_ms: lease_until.unix_ms() };
            store(txn, id, Some(due_ms), Some(&row))?;
            Ok(Some(Claimed { job: row.job(id), lease: Lease { job: id, token: row.claims } }))
        })
        .await
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), StoreError> {
        self.write(move |txn| {
            let mut row = held(txn, lease)?;
            let was = row.due_ms();
            row.state = StateRow::Leased { until_ms: until.unix_ms() };
            store(txn, lease.job, was, Some(&row))
        })
        .await
    }

    async fn complete(&self, lease: Lease) -> Result<(), StoreError> {
        self.write(move |txn| {
            let row = held(txn, lease)?;
            store(txn, lease.job, row.due_ms(), None)
        })
        .await
    }

    async fn fail(
        &self,
        lease: Lease,
        retry_at: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        self.write(move |txn| {
            let mut row = held(txn, lease)?;
            let was = row.due_ms();
            row.reason = reason;
            row.state = StateRow::Parked;
            if let Some(at) = retry_at {
                row.run_at_ms = at.unix_ms();
                row.state = StateRow::Waiting;
            }
            store(txn, lease.job, was, Some(&row))
        })
        .await?;
        self.inner.queued.notify_one();
        Ok(())
    }

    async fn give_back(&self, lease: Lease) -> Result<(), StoreError> {
        self.write(move |txn| {
            let mut row = held(txn, lease)?;
            let was = row.due_ms();
            row.attempts = row.attempts.saturating_sub(1);
            row.state = StateRow::Waiting;
            store(txn, lease.job, was, Some(&row))
        })
        .await?;
        self.inner.queued.notify_one();
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(JOBS).map_err(io)?;
            let mut depth = QueueDepth::default();
            for entry in table.iter().map_err(io)? {
                let (key, row) = entry.map_err(io)?;
                let row = job_row(JobId::from_bits(key.value()), row.value())?;
                match row.state {
                    StateRow::Waiting => depth.waiting += 1,
                    StateRow::Leased { .. } => depth.leased += 1,
                    StateRow::Parked => depth.parked += 1,
                }
            }
            Ok(depth)
        })
    }

    async fn wait(&self) {
        self.inner.queued.notified().await;
    }
}
