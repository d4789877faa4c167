//! A few keyspaces that many tests use one after the other.
//!
//! Making the tables takes seconds, emptying those that hold rows takes milliseconds. So a keyspace is
//! made when all others are in use, is leased to one test at a time, and is emptied before its next one.

use parking_lot::Mutex;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::value::Row;
use tokio::sync::{Semaphore, SemaphorePermit};
use vitrine::adapters::scylla::{self as adapter, ScyllaConfig};
use vitrine::adapters::system::{OsEntropy, SystemClock};
use vitrine::ports::entropy::Entropy as _;

use super::outside;

/// Keyspaces at most, so that a machine with many cores does not drown one Cassandra in tables.
const KEYSPACES_MAX: usize = 4;

static IN_USE: Semaphore = Semaphore::const_new(KEYSPACES_MAX);
static FREE: Mutex<Vec<ScyllaConfig>> = Mutex::new(Vec::new());
/// Tables are made by one test at a time: the server's schema is one thing.
static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A keyspace that belongs to one test until it is dropped.
pub struct Lease {
    pub config: ScyllaConfig,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        FREE.lock().push(self.config.clone());
    }
}

/// An empty keyspace with all tables.
pub async fn lease() -> Lease {
    let permit = IN_USE.acquire().await.unwrap();
    let free = FREE.lock().pop();
    let config = match free {
        Some(config) => {
            empty(&config).await;
            config
        }
        None => make().await,
    };
    Lease { config, _permit: permit }
}

async fn session(config: &ScyllaConfig) -> Session {
    SessionBuilder::new()
        .known_nodes(&config.nodes)
        .keyspaces_to_fetch([config.keyspace.clone()])
        .fetch_full_schema_metadata(false)
        .build()
        .await
        .unwrap()
}

async fn make() -> ScyllaConfig {
    let _alone = MAKING.lock().await;
    let config = outside::keyspace("api");
    // Nothing here must outlive the server. Without a commit log, emptying a table writes nothing.
    let create = format!(
        "CREATE KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}} \
         AND durable_writes = false",
        config.keyspace
    );
    session(&config).await.query_unpaged(create, ()).await.unwrap();
    let holder = OsEntropy::new().bits();
    adapter::migrate(&config, &SystemClock, holder, &mut |_| {}).await.unwrap();
    config
}

/// Empties the tables that hold rows.
async fn empty(config: &ScyllaConfig) {
    let session = session(config).await;
    let keyspace = &config.keyspace;
    let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let tables = session.query_unpaged(tables, (keyspace,)).await.unwrap();
    let tables = tables.into_rows_result().unwrap();
    for table in tables.rows::<(String,)>().unwrap() {
        let (table,) = table.unwrap();
        if table == "schema_versions" {
            continue;
        }
        let look = format!("SELECT * FROM {keyspace}.{table} LIMIT 1");
        let found = session.query_unpaged(look, ()).await.unwrap().into_rows_result().unwrap();
        if found.rows::<Row>().unwrap().next().is_some() {
            let truncate = format!("TRUNCATE {keyspace}.{table}");
            session.query_unpaged(truncate, ()).await.unwrap();
        }
    }
}
