//! The migrations lead to the schema that `schema/scylla/current.cql` shows, and may be run at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use vitrine::adapters::scylla::{self as store, MigrateError, Scylla, ScyllaConfig};
use vitrine::adapters::system::{OsEntropy, SystemClock};
use vitrine::ports::entropy::Entropy;

use crate::cluster::{fresh, ports, variable};

/// Table, column, type, kind, place among the keys, order.
type Column = (String, String, String, String, i32, String);

async fn columns(session: &Session, keyspace: &str) -> BTreeSet<Column> {
    let text = "SELECT table_name, column_name, type, kind, position, clustering_order \
                FROM system_schema.columns WHERE keyspace_name = ?";
    let rows = session.query_unpaged(text, (keyspace,)).await.unwrap().into_rows_result().unwrap();
    rows.rows::<Column>().unwrap().map(Result::unwrap).collect()
}

async fn migrate(config: &ScyllaConfig) -> Result<usize, MigrateError> {
    let holder = OsEntropy::new().bits();
    store::migrate(config, &SystemClock, holder, &mut |_| {}).await.map(|applied| applied.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_may_run_at_once_and_give_the_schema_that_is_shown() {
    let config = fresh("migrated");
    let session = SessionBuilder::new().known_node(variable("VITRINE_TEST_CQL")).build().await;
    let session = session.unwrap();
    // Without a schema a node refuses to start, and says what to do.
    let create = format!(
        "CREATE KEYSPACE {} WITH replication = \
         {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
        config.keyspace
    );
    session.query_unpaged(create, ()).await.unwrap();
    let refused = Scylla::connect(&config, ports()).await.err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("run `vitrine migrate`")));

    let (first, second) = tokio::join!(migrate(&config), migrate(&config));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first > 0 || second > 0);
    assert!(first == 0 || second == 0, "each migration is applied once: {first} and {second}");
    assert_eq!(migrate(&config).await.unwrap(), 0, "again there is nothing to do");
    Scylla::connect(&config, ports()).await.unwrap();

    let shown = fresh("shown");
    session.query_unpaged(create_like(&shown), ()).await.unwrap();
    session.use_keyspace(&shown.keyspace, true).await.unwrap();
    let text = include_str!("../../schema/scylla/current.cql");
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    for statement in code.join("\n").split(';').filter(|text| !text.trim().is_empty()) {
        session.query_unpaged(statement, ()).await.unwrap();
    }
    assert_eq!(
        columns(&session, &shown.keyspace).await,
        columns(&session, &config.keyspace).await,
        "schema/scylla/current.cql shows another schema than the migrations make"
    );
}

fn create_like(config: &ScyllaConfig) -> String {
    format!(
        "CREATE KEYSPACE {} WITH replication = \
         {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
        config.keyspace
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schema_under_the_same_number_is_refused() {
    let config = fresh("foreign");
    migrate(&config).await.unwrap();
    let session = SessionBuilder::new().known_node(variable("VITRINE_TEST_CQL")).build().await;
    let session = session.unwrap();
    session.use_keyspace(&config.keyspace, true).await.unwrap();
    let change = "UPDATE schema_versions SET digest = 'other' WHERE version = 1";
    session.query_unpaged(change, ()).await.unwrap();
    let refused = migrate(&config).await;
    assert!(matches!(refused, Err(MigrateError::Differs { version: 1, .. })), "{refused:?}");
    let later = "INSERT INTO schema_versions (version, name, digest) VALUES (9999, 'later', '')";
    session.query_unpaged(later, ()).await.unwrap();
    let refused = migrate(&config).await;
    assert!(matches!(refused, Err(MigrateError::TooNew { found: 9_999, .. })), "{refused:?}");
    // A node of this release goes on under a later schema: later ones only add.
    let store: Result<Scylla, _> = Scylla::connect(&config, ports()).await;
    assert!(store.is_ok());
    drop(Arc::new(store));
}
