//! The embedded store: one redb file, one writer thread that commits groups.
//!
//! A durable commit costs an `fsync`, milliseconds however small it is. So writers do not commit: they
//! hand a command to the writer thread, which runs as many as are waiting in one transaction, commits
//! once, and only then answers them all. Commands run one after the other, each seeing what the ones
//! before it wrote, which makes every condition they check exact. Readers take snapshots and never
//! wait.
//!
//! To add a port: its tables in `tables.rs`, its values in `crate::records`, `impl Port for Embedded` in
//! a file of its own, one line in its suite in `tests/contract`.

mod accounts;
mod catalog;
mod challenges;
mod changes;
mod checkouts;
mod clips;
mod codec;
mod counters;
mod events;
mod feed_sessions;
mod inventory;
mod jobs;
mod journal;
mod orders;
mod tables;
mod uploads;
mod user_state;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, WriteTransaction,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::adapters::embedded::codec::io;
use crate::adapters::embedded::writer::Writer;
use crate::domain::limits::STORE_DEADLINE_MS;
use crate::ports::error::StoreError;
use crate::ports::health::StoreHealth;
use crate::telemetry::calls::{Call, Outcome, Store, StoreCalls};

/// The version of the on-disk format. Raised when a table changes shape; `open` refuses files of a
/// later version and upgrades files of an earlier one.
pub const FORMAT_VERSION: u64 = 1;

/// Page cache: enough for the hot end of a large catalog, small beside redb's default of 1 GiB.
const CACHE_BYTES: usize = 128 << 20;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("`{0}` is in use by another vitrine process")]
    InUse(String),
    /// A later release wrote it.
    #[error(
        "`{path}` has format {found}; this release reads up to {FORMAT_VERSION}: use a newer vitrine"
    )]
    TooNew {
        /// The file.
        path: String,
        /// Its format.
        found: u64,
    },
    /// A row makes no sense.
    #[error("`{path}` is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// Which row, and how.
        #[source]
        cause: StoreError,
    },
    /// The file or its directory cannot be used.
    #[error("`{path}` cannot be opened")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: Box<redb::Error>,
    },
}

/// The store. Clones share it.
#[derive(Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
    calls: StoreCalls,
}

struct Inner {
    db: Arc<Database>,
    writer: Writer,
    /// Woken after entries were appended to the change log.
    changed: Notify,
    /// Woken after events were logged.
    logged: Notify,
    /// Woken after a job was queued.
    queued: Notify,
}

impl Embedded {
    /// Opens the store in `file`, or makes it. The file is locked until the last clone is gone.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let path = file.display().to_string();
        let db = Database::builder().set_cache_size(CACHE_BYTES).create(file);
        Self::start(db.map_err(|error| refused(&path, error))?, &path)
    }

    /// An empty store that lives in memory: for tests, with every property but durability.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::open_with_backend(InMemoryBackend::new())
    }

    /// The store in the bytes behind `backend`, or an empty one if there are none: for tests that need
    /// a disk with faults.
    pub fn open_with_backend(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let path = "backend";
        let db = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend);
        Self::start(db.map_err(|error| refused(path, error))?, path)
    }

    fn start(db: Database, path: &str) -> Result<Self, OpenError> {
        let failed =
            |cause: redb::Error| OpenError::Io { path: path.to_owned(), cause: Box::new(cause) };
        let found = prepare(&db).map_err(failed)?;
        if found > FORMAT_VERSION {
            return Err(OpenError::TooNew { path: path.to_owned(), found });
        }
        resume(&db).map_err(|cause| OpenError::Damaged { path: path.to_owned(), cause })?;
        let db = Arc::new(db);
        let writer = Writer::start(Arc::clone(&db));
        let inner = Inner {
            db,
            writer,
            changed: Notify::new(),
            logged: Notify::new(),
            queued: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner), calls: StoreCalls::default() })
    }

    /// The same store with its calls measured by `calls`.
    #[must_use]
    pub fn measured(self, calls: StoreCalls) -> Self {
        Self { calls, ..self }
    }

    /// Runs `command` in the next group and answers when the group is durable.
    ///
    /// A command must check all its conditions before its first write: its `Err` is answered to the
    /// caller, and what it wrote before stays, because its neighbours share the transaction. (Failures
    /// of the store itself undo the whole group.) A dropped future does not stop the command.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        command: impl FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let deadline = Duration::from_millis(STORE_DEADLINE_MS as u64);
        let answer = self.inner.writer.write(command, deadline).await;
        // Each command may check conditions, as the one writer makes every check exact.
        self.calls.ended(Store::Embedded, Call::Conditional, outcome(&answer), began);
        answer
    }

    /// Runs `command` in the next group without telling how it went: for state that may be lost. It is
    /// dropped when the queue is full.
    pub(crate) fn write_later(
        &self,
        command: impl FnOnce(&WriteTransaction) -> Result<(), StoreError> + Send + 'static,
    ) {
        self.inner.writer.write_later(command);
    }

    /// Runs `query` on a snapshot of everything that was answered so far. It runs on the caller's
    /// thread: reads are microseconds in the page cache.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = self.inner.db.begin_read().map_err(io).and_then(|txn| query(&txn));
        self.calls.ended(Store::Embedded, Call::Read, outcome(&answer), began);
        answer
    }

    /// Reads the whole file and verifies its checksums and trees. `Ok(false)` means that damage was
    /// found (and, where possible, repaired).
    ///
    /// Needs the only handle to the store.
    pub fn verify(file: &Path) -> Result<bool, OpenError> {
        let path = file.display().to_string();
        let mut db = Database::open(file).map_err(|error| refused(&path, error))?;
        db.check_integrity().map_err(|error| refused(&path, error))
    }
}

fn outcome<T>(answer: &Result<T, StoreError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Ok,
        Err(StoreError::Conflict) => Outcome::Conflict,
        Err(StoreError::OutcomeUnknown(_)) => Outcome::Unknown,
        Err(StoreError::Unavailable(_)) => Outcome::Unavailable,
        Err(StoreError::Corrupt { .. }) => Outcome::Corrupt,
    }
}

fn refused(path: &str, error: redb::DatabaseError) -> OpenError {
    if matches!(error, redb::DatabaseError::DatabaseAlreadyOpen) {
        return OpenError::InUse(path.to_owned());
    }
    OpenError::Io { path: path.to_owned(), cause: Box::new(error.into()) }
}

#[async_trait]
impl StoreHealth for Embedded {
    async fn failed(&self) {
        self.inner.writer.failed().cancelled().await;
    }
}

/// Creates all tables and stamps the format; answers the format found.
fn prepare(db: &Database) -> Result<u64, redb::Error> {
    let txn = db.begin_write()?;
    let found = {
        let mut meta = txn.open_table(tables::META)?;
        let stamped = meta.get("format")?.map(|value| value.value());
        if stamped.is_none() {
            meta.insert("format", FORMAT_VERSION)?;
        }
        stamped.unwrap_or(FORMAT_VERSION)
    };
    if found <= FORMAT_VERSION {
        tables::create_all(&txn)?;
    }
    txn.commit()?;
    Ok(found)
}

/// Cleans up after the process that had the store before.
fn resume(db: &Database) -> Result<(), StoreError> {
    let txn = db.begin_write().map_err(io)?;
    jobs::end_leases(&txn)?;
    txn.commit().map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_refused_and_a_later_format_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("store.redb");
        let first = Embedded::open(&file).unwrap();
        assert!(matches!(Embedded::open(&file), Err(OpenError::InUse(_))));
        drop(first);

        let db = Database::open(&file).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(tables::META).unwrap().insert("format", FORMAT_VERSION + 1).unwrap();
        txn.commit().unwrap();
        drop(db);
        assert!(matches!(Embedded::open(&file), Err(OpenError::TooNew { .. })));
    }
}
