//! The record stores on ScyllaDB, or any server of CQL version 4 such as Apache Cassandra 5.
//!
//! Three kinds of statements, each with its consistency and deadline (`query.rs`): reads, plain writes
//! that may be repeated, and conditional writes, which are never repeated blindly. Lists beside a row are
//! written around its conditional write: an entry that may turn out superfluous goes in before, one that
//! would hide the row comes out after, so that a crash leaves at most an entry too many, and readers drop
//! entries that their rows do not bear out.
//!
//! To add a port: its tables in a migration under `schema/scylla`, its `impl Port for Scylla` in a file of
//! its own, one line in `tests/contract`.

mod accounts;
mod catalog;
mod challenges;
mod changes;
mod checkouts;
mod clips;
mod counters;
mod due;
mod guarded;
mod inventory;
mod jobs;
mod journal;
mod leases;
mod log;
mod migrate;
mod once;
mod orders;
mod query;
mod retry;
mod session;
mod stock_desk;
mod uploads;
mod viewers;

use std::sync::Arc;

use scylla::client::session::Session;
use tokio::sync::Mutex;
use uuid::Uuid;

pub use crate::adapters::scylla::migrate::{MigrateError, Migrated, migrate};
pub use crate::adapters::scylla::session::{ConnectError, ScyllaConfig};

use crate::adapters::scylla::due::DueMinutes;
use crate::adapters::scylla::log::Log;
use crate::adapters::scylla::query::Prepared;
use crate::adapters::scylla::stock_desk::Desks;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::wakeups::{Topic, Wakeups};
use crate::telemetry::calls::StoreCalls;

/// Keys that one read may name: each may lie on another node of the cluster.
const KEYS_PER_READ: usize = 100;

/// Times that a conditional write is sent whose answer is lost and which, as a read tells, did not happen:
/// each time a node of the database went away with it.
const LOST_ANSWERS_MAX: usize = 3;

/// The stores. Clones share them.
#[derive(Clone)]
pub struct Scylla {
    inner: Arc<Inner>,
}

struct Inner {
    session: Session,
    prepared: Prepared,
    ports: ScyllaPorts,
    logs: Logs,
    /// Batches of one viewer wait for each other: a few turns, shared by all viewers.
    viewer_turns: [Mutex<()>; 256],
    seen_ttl_ms: i64,
    /// Changes of stock that wait.
    desks: Desks,
    /// Minutes that this node has listed as having something due.
    minutes: DueMinutes,
}

/// The ordered logs.
struct Logs {
    changes: Arc<Log>,
    events: Arc<Log>,
}

/// What the stores stand on.
#[derive(Clone)]
pub struct ScyllaPorts {
    /// The present: when list entries were written.
    pub clock: Arc<dyn Clock>,
    /// Chance: the names of conditional writes.
    pub entropy: Arc<dyn Entropy>,
    /// Tells other nodes that logs and queues have grown.
    pub wakeups: Arc<dyn Wakeups>,
    /// Measures statements.
    pub calls: StoreCalls,
}

impl Scylla {
    /// Connects to a cluster whose keyspace is already migrated.
    pub async fn connect(config: &ScyllaConfig, ports: ScyllaPorts) -> Result<Self, ConnectError> {
        let session = session::open(config).await?;
        migrate::check(&session).await?;
        let inner = Inner {
            session,
            prepared: Prepared::default(),
            ports,
            logs: Logs {
                changes: Arc::new(Log::new(changes::CHANGES, Topic::Changes)),
                events: Arc::new(Log::new(viewers::EVENTS, Topic::Events)),
            },
            viewer_turns: std::array::from_fn(|_| Mutex::new(())),
            seen_ttl_ms: config.seen_ttl_ms,
            desks: Desks::default(),
            minutes: DueMinutes::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A name for a conditional write, so that it can be recognised later.
    fn operation(&self) -> Uuid {
        Uuid::from_u128(self.inner.ports.entropy.bits())
    }

    /// The present in Unix milliseconds.
    fn now_ms(&self) -> i64 {
        self.inner.ports.clock.now().unix_ms()
    }
}

/// An id as a key that is only looked up.
const fn uuid(bits: u128) -> Uuid {
    Uuid::from_u128(bits)
}

/// An id as a key that rows are sorted by.
const fn sorted(bits: u128) -> [u8; 16] {
    bits.to_be_bytes()
}

/// The inverse of [`sorted`].
fn unsorted(table: &'static str, bytes: &[u8]) -> Result<u128, StoreError> {
    let bytes: Result<[u8; 16], _> = bytes.try_into();
    bytes.map(u128::from_be_bytes).map_err(|_| corrupt(table, "an id", "it has not 16 bytes"))
}

/// A row that makes no sense.
fn corrupt(
    table: &'static str,
    key: impl std::fmt::Display,
    detail: impl std::fmt::Display,
) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), detail: detail.to_string() }
}

/// The error once more, for another who waited for the same write.
fn repeated(error: &StoreError) -> StoreError {
    match error {
        StoreError::OutcomeUnknown(cause) => StoreError::OutcomeUnknown(cause.to_string().into()),
        StoreError::Conflict => StoreError::Conflict,
        StoreError::Unavailable(cause) => StoreError::Unavailable(cause.to_string().into()),
        StoreError::Corrupt { table, key, detail } => {
            StoreError::Corrupt { table, key: key.clone(), detail: detail.clone() }
        }
    }
}
