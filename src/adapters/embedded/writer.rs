//! The one writer: drains a bounded queue into groups, commits each once, then answers.
//!
//! Commands that nobody waits for are kept back for a moment: they travel with the next command that
//! somebody waits for, or together when their time is over. A commit costs the same with and without
//! them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use redb::{Database, WriteTransaction};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::adapters::embedded::codec::io;
use crate::domain::limits::{COMMIT_GROUP_MAX, LATE_WRITE_MS, WRITE_QUEUE_MAX};
use crate::ports::error::StoreError;

/// What became of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// On disk.
    Committed,
    /// Undone: nothing of it was written.
    Aborted,
    /// The commit itself failed: it may be there after a restart.
    Unknown,
}

/// A command with its answer kept back until the group's fate is known.
trait Command: Send {
    /// Runs it; `false` when the store itself failed and the group must be undone.
    fn run(&mut self, txn: &WriteTransaction) -> bool;
    /// Whether somebody waits for the answer.
    fn is_awaited(&self) -> bool;
    /// Tells the caller.
    fn answer(self: Box<Self>, fate: Fate);
}

struct Pending<F, T> {
    command: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<F, T> Command for Pending<F, T>
where
    F: FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, txn: &WriteTransaction) -> bool {
        let Some(command) = self.command.take() else { return true };
        let outcome = catch_unwind(AssertUnwindSafe(|| command(txn)))
            .unwrap_or_else(|_| Err(StoreError::unavailable("a store command panicked")));
        let sound = !matches!(outcome, Err(StoreError::Unavailable(_)));
        self.outcome = Some(outcome);
        sound
    }

    fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }

    fn answer(self: Box<Self>, fate: Fate) {
        let Some(reply) = self.reply else { return };
        let outcome = match (fate, self.outcome) {
            (Fate::Committed, Some(outcome)) => outcome,
            // A refusal wrote nothing, so it stands whatever became of the others.
            (Fate::Aborted | Fate::Unknown, Some(Err(refusal))) => Err(refusal),
            (Fate::Unknown, Some(Ok(_))) => {
                Err(StoreError::OutcomeUnknown("the commit failed".into()))
            }
            (Fate::Aborted, Some(Ok(_))) | (_, None) => {
                Err(StoreError::unavailable("the group of writes was undone"))
            }
        };
        // The caller may be gone; the write stands all the same.
        drop(reply.send(outcome));
    }
}

/// The queue's near end and the thread at its far end.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
    failed: CancellationToken,
}

impl Writer {
    pub(super) fn start(db: Arc<Database>) -> Self {
        let (queue, commands) = mpsc::channel(WRITE_QUEUE_MAX);
        let failed = CancellationToken::new();
        let told = failed.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&db, commands, &told))
            .expect("a process can start one thread");
        Self { queue: Some(queue), thread: Some(thread), failed }
    }

    /// Cancelled once a commit failed: nothing more can be written until the file is opened anew.
    pub(super) fn failed(&self) -> &CancellationToken {
        &self.failed
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        command: impl FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
        deadline: Duration,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { command: Some(command), outcome: None, reply: Some(reply) };
        let Some(queue) = &self.queue else { return Err(closed()) };
        queue.send_timeout(Box::new(pending), deadline).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => {
                StoreError::unavailable("the write queue is full")
            }
            mpsc::error::SendTimeoutError::Closed(_) => closed(),
        })?;
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => {
                Err(StoreError::OutcomeUnknown("the commit took too long".into()))
            }
        }
    }

    pub(super) fn write_later(
        &self,
        command: impl FnOnce(&WriteTransaction) -> Result<(), StoreError> + Send + 'static,
    ) {
        let pending = Pending { command: Some(command), outcome: None, reply: None };
        if let Some(queue) = &self.queue
            && queue.try_send(Box::new(pending)).is_err()
        {
            tracing::debug!("a write that may be lost was dropped: the queue is full");
        }
    }
}

impl Drop for Writer {
    /// Lets the thread finish what is queued, so that a clean shutdown loses nothing.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn closed() -> StoreError {
    StoreError::unavailable("the store is closed")
}

fn run(db: &Database, mut commands: mpsc::Receiver<Box<dyn Command>>, failed: &CancellationToken) {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let clock = clock.expect("a runtime of this thread alone needs nothing that can fail");
    let mut group = Vec::with_capacity(COMMIT_GROUP_MAX);
    while clock.block_on(gather(&mut commands, &mut group)) {
        let fate = commit(db, &mut group);
        if fate == Fate::Unknown {
            // redb refuses all writes after a failed commit, whatever becomes of the disk.
            failed.cancel();
        }
        for command in group.drain(..) {
            command.answer(fate);
        }
    }
}

/// Fills the empty `group` with what is waiting: until somebody waits for one of them, it is full, or
/// the first has waited for [`LATE_WRITE_MS`]. `false` when the queue has ended.
async fn gather(
    commands: &mut mpsc::Receiver<Box<dyn Command>>,
    group: &mut Vec<Box<dyn Command>>,
) -> bool {
    let mut due = None;
    let mut awaited = false;
    loop {
        let next = match due {
            None => commands.recv().await,
            Some(due) => match timeout_at(due, commands.recv()).await {
                Ok(next) => next,
                Err(_) => return true,
            },
        };
        let Some(first) = next else { return !group.is_empty() };
        awaited |= first.is_awaited();
        group.push(first);
        while group.len() < COMMIT_GROUP_MAX
            && let Ok(next) = commands.try_recv()
        {
            awaited |= next.is_awaited();
            group.push(next);
        }
        if awaited || group.len() >= COMMIT_GROUP_MAX {
            return true;
        }
        due.get_or_insert_with(|| Instant::now() + Duration::from_millis(LATE_WRITE_MS));
    }
}

fn commit(db: &Database, group: &mut [Box<dyn Command>]) -> Fate {
    let txn = match db.begin_write() {
        Ok(txn) => txn,
        Err(error) => {
            tracing::error!(error = %io(error), "the store cannot begin a transaction");
            return Fate::Aborted;
        }
    };
    // Not `all`: a failing command ends the group, the rest is answered without having run.
    let sound = group.iter_mut().try_for_each(|command| command.run(&txn).then_some(())).is_some();
    if !sound {
        if let Err(error) = txn.abort() {
            tracing::error!(%error, "the store cannot undo a transaction");
        }
        return Fate::Aborted;
    }
    match txn.commit() {
        Ok(()) => Fate::Committed,
        Err(error) => {
            tracing::error!(%error, "the store cannot commit");
            Fate::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use redb::ReadableDatabase as _;
    use redb::ReadableTable as _;
    use redb::TableDefinition;
    use redb::backends::InMemoryBackend;

    use super::*;

    const COUNTS: TableDefinition<u64, u64> = TableDefinition::new("counts");

    fn writer() -> (Arc<Database>, Writer) {
        let db = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let db = Arc::new(db);
        (Arc::clone(&db), Writer::start(db))
    }

    fn add(txn: &WriteTransaction, key: u64) -> Result<u64, StoreError> {
        let mut table = txn.open_table(COUNTS).map_err(io)?;
        let next = table.get(key).map_err(io)?.map_or(0, |value| value.value()) + 1;
        table.insert(key, next).map_err(io)?;
        Ok(next)
    }

    #[tokio::test]
    async fn commands_of_a_group_see_each_other() {
        let (_, writer) = writer();
        let deadline = Duration::from_secs(5);
        let all = (0..100).map(|_| writer.write(|txn| add(txn, 1), deadline));
        let mut seen: Vec<u64> =
            futures_util::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_panic_undoes_its_group_and_the_writer_lives_on() {
        let (db, writer) = writer();
        let deadline = Duration::from_secs(5);
        let panicked = writer
            .write(
                |txn| {
                    add(txn, 2)?;
                    panic!("on purpose")
                },
                deadline,
            )
            .await;
        let panicked: Result<u64, StoreError> = panicked;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        assert_eq!(writer.write(|txn| add(txn, 2), deadline).await.unwrap(), 1);
        let read = db.begin_read().unwrap();
        assert_eq!(read.open_table(COUNTS).unwrap().get(2).unwrap().unwrap().value(), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_written_in_its_time_and_before_what_follows() {
        let (db, writer) = writer();
        let count = || {
            let read = db.begin_read().unwrap();
            let Ok(table) = read.open_table(COUNTS) else { return None };
            let found = table.get(4).unwrap();
            found.map(|value| value.value())
        };
        writer.write_later(|txn| add(txn, 4).map(drop));
        assert_eq!(writer.write(|txn| add(txn, 4), Duration::from_secs(5)).await.unwrap(), 2);
        writer.write_later(|txn| add(txn, 4).map(drop));
        let end = Instant::now() + Duration::from_secs(10);
        while count() != Some(3) {
            assert!(Instant::now() < end, "it came alone and is not written");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn dropping_the_writer_finishes_what_is_queued() {
        let (db, writer) = writer();
        for _ in 0..50 {
            writer.write_later(|txn| add(txn, 3).map(drop));
        }
        drop(writer);
        let read = db.begin_read().unwrap();
        assert_eq!(read.open_table(COUNTS).unwrap().get(3).unwrap().unwrap().value(), 50);
    }
}
