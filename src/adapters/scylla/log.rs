//! Ordered logs: one total order with dense offsets from 1, appended to by every node.
//!
//! A log is cut into segments of [`SEGMENT_LEN`] offsets, one partition each. A segment's static column
//! `next` says which offset comes next, and entries are appended in one conditional write of the
//! partition: `next` moves on if it is still what it was, and the entries go in with it. So there is one
//! order for all nodes that survives the loss of everything but this store, and no offset is ever left
//! out.
//!
//! A conditional write costs several round trips between the database's nodes. Each node therefore
//! gathers what its requests want to append while the write before is under way, and appends all of it in
//! the next one.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use scylla::value::CqlValue;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::scylla::query::{Cql, Values};
use crate::adapters::scylla::{Scylla, corrupt, repeated};
use crate::domain::limits::{
    CONFLICT_RETRIES_MAX, LOG_GROUP_BYTES_MAX, LOG_POLL_MS, LOG_QUEUE_MAX,
};
use crate::ports::error::StoreError;
use crate::ports::wakeups::Topic;

/// Offsets of one segment: at up to a few hundred bytes each, a partition of a few megabytes.
const SEGMENT_LEN: u64 = 10_000;
/// Entries of one conditional write.
const GROUP_MAX: usize = 256;
/// Conflicts with other nodes' appends before those who wait are told to come back. Each conflict means
/// that some other node's group went in.
const CONFLICTS_MAX: usize = 8 * CONFLICT_RETRIES_MAX;

const HINT: Cql = Cql::read("SELECT segment FROM log_heads WHERE log = ?");
const PUT_HINT: Cql = Cql::write("INSERT INTO log_heads (log, segment) VALUES (?, ?)");
const NEXT: Cql =
    Cql::serial_read("SELECT next FROM log_entries WHERE log = ? AND segment = ? LIMIT 1");
const WHOSE: Cql =
    Cql::serial_read("SELECT op FROM log_entries WHERE log = ? AND segment = ? AND entry = ?");
const MOVE_FIRST: Cql = Cql::conditional(
    "UPDATE log_entries SET next = ? WHERE log = ? AND segment = ? IF next = NULL",
);
const MOVE: Cql =
    Cql::conditional("UPDATE log_entries SET next = ? WHERE log = ? AND segment = ? IF next = ?");
const ENTRY: Cql = Cql::conditional(
    "INSERT INTO log_entries (log, segment, entry, body, op) VALUES (?, ?, ?, ?, ?)",
);
const TRIMMED: Cql = Cql::read("SELECT trimmed FROM log_heads WHERE log = ?");
const PUT_TRIMMED: Cql = Cql::write("INSERT INTO log_heads (log, trimmed) VALUES (?, ?)");
const FORGET: Cql =
    Cql::write("DELETE FROM log_entries WHERE log = ? AND segment = ? AND entry <= ?");
const READ: Cql = Cql::read(
    "SELECT entry, body FROM log_entries WHERE log = ? AND segment = ? AND entry > ? LIMIT ?",
);

/// What waits to be appended for one caller.
struct Waiting {
    entries: VecDeque<Vec<u8>>,
    offsets: Vec<u64>,
    answer: oneshot::Sender<Result<Vec<u64>, StoreError>>,
}

/// A log as this node knows it.
pub(super) struct Log {
    name: &'static str,
    topic: Topic,
    /// The highest offset that this node has read or written.
    head: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    entries: usize,
    /// A task is emptying it.
    busy: bool,
}

impl Log {
    pub(super) const fn new(name: &'static str, topic: Topic) -> Self {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), entries: 0, busy: false });
        Self { name, topic, head: AtomicU64::new(0), queue }
    }

    /// The highest offset that this node has read or written: every entry up to it can be read.
    pub(super) fn known_head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    fn saw(&self, offset: u64) {
        self.head.fetch_max(offset, Ordering::AcqRel);
    }
}

const fn segment_of(offset: u64) -> u64 {
    offset.saturating_sub(1) / SEGMENT_LEN
}

/// The offsets of a segment.
const fn offsets(segment: u64) -> Range<u64> {
    segment * SEGMENT_LEN + 1..(segment + 1) * SEGMENT_LEN + 1
}

impl Scylla {
    /// Appends `entries` in their order; answers their offsets, which grow but need not be neighbours.
    pub(super) async fn append_to(
        &self,
        log: &'static str,
        entries: Vec<Vec<u8>>,
    ) -> Result<Vec<u64>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let log = self.log(log);
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut queue = log.queue.lock();
            if queue.entries + entries.len() > LOG_QUEUE_MAX {
                return Err(StoreError::unavailable("too much waits to be logged"));
            }
            queue.entries += entries.len();
            queue.waiting.push_back(Waiting {
                entries: entries.into(),
                offsets: Vec::new(),
                answer,
            });
            !std::mem::replace(&mut queue.busy, true)
        };
        if start {
            let (store, log) = (self.clone(), Arc::clone(&log));
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with the queue, and must go on when the caller is gone: others wait too"
            )]
            tokio::spawn(async move { store.empty_queue(&log).await });
        }
        let answer = answered.await;
        self.waited_for_group(began);
        answer.unwrap_or_else(|_| Err(StoreError::unavailable("the log's writer ended")))
    }

    /// The newest offset; 0 for an empty log.
    pub(super) async fn head_of(&self, log: &'static str) -> Result<u64, StoreError> {
        let log = self.log(log);
        let (segment, next) = self.newest(&log).await?;
        let head = next.unwrap_or(offsets(segment).start) - 1;
        log.saw(head);
        Ok(head)
    }

    /// Entries strictly above `after`, in order, without a gap, at most `limit`.
    pub(super) async fn read_log(
        &self,
        log: &'static str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let log = self.log(log);
        let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut after = after;
        if i64::try_from(after).is_err() {
            return Ok(found); // No log gets there.
        }
        while found.len() < limit {
            let segment = segment_of(after + 1);
            let wanted = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let values = (log.name, segment as i64, after as i64, wanted);
            let rows: Vec<(i64, Option<Vec<u8>>)> = self.rows(READ, values).await?;
            let gap =
                rows.first().map_or(found.is_empty(), |(first, _)| *first as u64 != after + 1);
            if gap && found.is_empty() {
                // Forgotten entries are passed over; others are only late on the replicas that were asked.
                let trimmed = self.trimmed(&log).await?;
                if trimmed <= after {
                    break;
                }
                after = trimmed;
                continue;
            }
            for (offset, body) in rows {
                // A replica may know a later entry before an earlier one: stop at the gap, it closes.
                if offset as u64 != after + 1 {
                    break;
                }
                after = offset as u64;
                found.push((after, body.ok_or_else(|| corrupt("log_entries", after, "no body"))?));
            }
            // Only a segment that was read to its end leads on to the next one.
            if after + 1 != offsets(segment).end {
                break;
            }
        }
        log.saw(found.last().map_or(0, |(offset, _)| *offset));
        Ok(found)
    }

    /// Up to which offset entries are forgotten.
    async fn trimmed(&self, log: &Log) -> Result<u64, StoreError> {
        let found: Option<(Option<i64>,)> = self.row(TRIMMED, (log.name,)).await?;
        Ok(found.and_then(|(trimmed,)| trimmed).unwrap_or(0).max(0) as u64)
    }

    /// Forgets the oldest entries but the newest `kept`, at most `limit`; answers how many. Readers learn
    /// first that they are gone. What says which offset comes next stays in each segment.
    pub(super) async fn trim_log(
        &self,
        log: &'static str,
        kept: u64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let head = self.head_of(log).await?;
        let log = self.log(log);
        let trimmed = self.trimmed(&log).await?;
        let last = head.saturating_sub(kept.max(1)).min(trimmed + limit as u64);
        if last <= trimmed {
            return Ok(0);
        }
        self.run(PUT_TRIMMED, (log.name, last as i64)).await?;
        for segment in segment_of(trimmed + 1)..=segment_of(last) {
            self.run(FORGET, (log.name, segment as i64, last as i64)).await?;
        }
        Ok((last - trimmed) as usize)
    }

    /// Waits until there may be an entry above `after`. A wake-up may be lost with its server; the poll is
    /// what is promised.
    pub(super) async fn wait_for(&self, log: &'static str, after: u64) {
        let log = self.log(log);
        if log.known_head() > after {
            return;
        }
        let poll = Duration::from_millis(LOG_POLL_MS);
        drop(tokio::time::timeout(poll, self.inner.ports.wakeups.wait(log.topic)).await);
    }

    fn log(&self, name: &'static str) -> Arc<Log> {
        let logs = &self.inner.logs;
        if name == logs.changes.name { Arc::clone(&logs.changes) } else { Arc::clone(&logs.events) }
    }

    /// Appends groups until nothing waits.
    async fn empty_queue(&self, log: &Log) {
        let mut place = None;
        loop {
            let group = {
                let mut queue = log.queue.lock();
                let group = take_group(&mut queue);
                queue.busy = !group.is_empty();
                group
            };
            if group.is_empty() {
                return;
            }
            match self.append_group(log, &mut place, &group).await {
                Ok(written) => {
                    log.saw(written.end - 1);
                    hand_out(&mut log.queue.lock(), written);
                    self.inner.ports.wakeups.announce(log.topic);
                }
                Err(error) => {
                    place = None;
                    refuse(&mut log.queue.lock(), group.len(), &error);
                }
            }
        }
    }

    /// Appends a group, or as much of it as the segment has room for; answers the offsets it got.
    async fn append_group(
        &self,
        log: &Log,
        place: &mut Option<(u64, Option<u64>)>,
        group: &[Vec<u8>],
    ) -> Result<Range<u64>, StoreError> {
        for _ in 0..CONFLICTS_MAX {
            let (segment, next) = match *place {
                Some(known) => known,
                None => self.newest(log).await?,
            };
            let first = next.unwrap_or(offsets(segment).start);
            let room = (offsets(segment).end - first) as usize;
            let fits = group.len().min(room);
            let op = self.operation();
            let outcome = self.write_group(log, (segment, next), op, &group[..fits]).await;
            let done = match outcome {
                Err(StoreError::OutcomeUnknown(cause)) => {
                    match self.is_ours(log, segment, first, op).await {
                        Ok(ours) => ours,
                        Err(_) => return Err(StoreError::OutcomeUnknown(cause)),
                    }
                }
                other => other?,
            };
            *place = None;
            if done {
                let after = first + fits as u64;
                *place = if after == offsets(segment).end {
                    self.run(PUT_HINT, (log.name, segment as i64 + 1)).await.ok();
                    Some((segment + 1, None))
                } else {
                    Some((segment, Some(after)))
                };
                return Ok(first..after);
            }
        }
        Err(StoreError::unavailable("other nodes append too fast"))
    }

    async fn write_group(
        &self,
        log: &Log,
        (segment, next): (u64, Option<u64>),
        op: Uuid,
        entries: &[Vec<u8>],
    ) -> Result<bool, StoreError> {
        let first = next.unwrap_or(offsets(segment).start);
        let key = [CqlValue::Text(log.name.to_owned()), CqlValue::BigInt(segment as i64)];
        let after = CqlValue::BigInt((first + entries.len() as u64) as i64);
        let mut advance: Values = vec![Some(after)];
        advance.extend(key.clone().map(Some));
        let mut writes = Vec::with_capacity(entries.len() + 1);
        match next {
            None => writes.push((MOVE_FIRST, advance)),
            Some(next) => {
                advance.push(Some(CqlValue::BigInt(next as i64)));
                writes.push((MOVE, advance));
            }
        }
        for (offset, body) in (first..).zip(entries) {
            let mut row: Values = key.clone().map(Some).to_vec();
            row.push(Some(CqlValue::BigInt(offset as i64)));
            row.push(Some(CqlValue::Blob(body.clone())));
            row.push(Some(CqlValue::Uuid(op)));
            writes.push((ENTRY, row));
        }
        self.apply_all(writes).await
    }

    /// Whether the entry at `offset` was written by `op`.
    async fn is_ours(
        &self,
        log: &Log,
        segment: u64,
        offset: u64,
        op: Uuid,
    ) -> Result<bool, StoreError> {
        let key = (log.name, segment as i64, offset as i64);
        let found: Option<(Option<Uuid>,)> = self.row(WHOSE, key).await?;
        Ok(found.is_some_and(|(by,)| by == Some(op)))
    }

    /// The segment that is appended to, with the offset that comes next in it (`None`: it is new).
    async fn newest(&self, log: &Log) -> Result<(u64, Option<u64>), StoreError> {
        let hint: Option<(Option<i64>,)> = self.row(HINT, (log.name,)).await?;
        let hint = hint.and_then(|(segment,)| segment);
        let known = segment_of(log.known_head().max(1));
        let mut segment = hint.map_or(0, |segment| segment as u64).max(known);
        loop {
            let key = (log.name, segment as i64);
            let found: Option<(Option<i64>,)> = self.row(NEXT, key).await?;
            let next = found.and_then(|(next,)| next).map(|next| next as u64);
            if next != Some(offsets(segment).end) {
                return Ok((segment, next));
            }
            segment += 1;
        }
    }
}

/// The next entries of the queue, which stay in it until they are written.
fn take_group(queue: &mut Queue) -> Vec<Vec<u8>> {
    let (mut group, mut bytes) = (Vec::new(), 0);
    for entry in queue.waiting.iter().flat_map(|waiting| &waiting.entries) {
        bytes += entry.len();
        if group.len() == GROUP_MAX || (bytes > LOG_GROUP_BYTES_MAX && !group.is_empty()) {
            break;
        }
        group.push(entry.clone());
    }
    group
}

/// Gives the first entries of the queue these offsets, and answers those who have all of theirs.
fn hand_out(queue: &mut Queue, written: Range<u64>) {
    for offset in written {
        let Some(front) = queue.waiting.front_mut() else { return };
        front.entries.pop_front();
        front.offsets.push(offset);
        queue.entries -= 1;
        if front.entries.is_empty()
            && let Some(done) = queue.waiting.pop_front()
        {
            done.answer.send(Ok(done.offsets)).ok();
        }
    }
}

/// Answers everyone who has a part in the first `count` entries that they are not written.
fn refuse(queue: &mut Queue, count: usize, error: &StoreError) {
    let mut left = count;
    while left > 0 {
        let Some(front) = queue.waiting.pop_front() else { return };
        left = left.saturating_sub(front.entries.len());
        queue.entries -= front.entries.len();
        front.answer.send(Err(repeated(error))).ok();
    }
}
