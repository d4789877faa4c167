//! The connection to the cluster.

use std::time::Duration;

use scylla::client::Compression;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{ExecutionError, NewSessionError};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use std::sync::Arc;

use crate::domain::limits::{CQL_CONNECT_DEADLINE_MS, CQL_READ_DEADLINE_MS};
use crate::ports::error::StoreError;

/// Where the cluster is.
#[derive(Clone, Debug)]
pub struct ScyllaConfig {
    /// `host:port` of some of its nodes; the others are found through them.
    pub nodes: Vec<String>,
    /// The keyspace.
    pub keyspace: String,
    /// Copies of each row, for the keyspace that `migrate` makes.
    pub replication: u8,
    /// The data center whose nodes are asked; empty: any.
    pub datacenter: String,
    /// User, empty for none.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// How long a mark that a clip was seen is kept: the longest suppression.
    pub seen_ttl_ms: i64,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No node answers as it should.
    #[error("the cluster at {nodes} cannot be reached")]
    Session {
        /// The nodes that were tried.
        nodes: String,
        /// Why.
        #[source]
        cause: Box<NewSessionError>,
    },
    /// The keyspace is missing or cannot be used.
    #[error("the keyspace `{keyspace}` cannot be used: run `vitrine migrate`")]
    Keyspace {
        /// Which.
        keyspace: String,
        /// Why.
        #[source]
        cause: Box<ExecutionError>,
    },
    /// The schema is not the one that this release works with.
    #[error("the schema is at version {found}, this release needs {needed}: {hint}")]
    Schema {
        /// The version that is there; 0 for none.
        found: i32,
        /// The version that is needed.
        needed: i32,
        /// What to do.
        hint: &'static str,
    },
    /// The schema's version cannot be read.
    #[error("the schema's version cannot be read")]
    Read(#[from] StoreError),
}

/// A session without a keyspace.
pub(super) async fn open_bare(config: &ScyllaConfig) -> Result<Session, ConnectError> {
    let mut policy = DefaultPolicy::builder();
    if !config.datacenter.is_empty() {
        policy = policy.prefer_datacenter(config.datacenter.clone()).permit_dc_failover(false);
    }
    // Statements state their own deadline and what may be repeated; this is for the driver's own.
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(Duration::from_millis(CQL_READ_DEADLINE_MS)))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(policy.build())
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.nodes)
        .default_execution_profile_handle(profile.into_handle())
        .connection_timeout(Duration::from_millis(CQL_CONNECT_DEADLINE_MS))
        .keepalive_interval(Duration::from_secs(5))
        .keepalive_timeout(Duration::from_secs(5))
        // Names of tables and how rows are spread, which sends each statement to a node that has its
        // row. Columns are nobody's business.
        .keyspaces_to_fetch([config.keyspace.clone()])
        .fetch_full_schema_metadata(false)
        .tcp_nodelay(true)
        .compression(None::<Compression>);
    if !config.user.is_empty() {
        builder = builder.user(&config.user, &config.password);
    }
    builder.build().await.map_err(|cause| ConnectError::Session {
        nodes: config.nodes.join(", "),
        cause: Box::new(cause),
    })
}

/// A session in the configured keyspace.
pub(super) async fn open(config: &ScyllaConfig) -> Result<Session, ConnectError> {
    let session = open_bare(config).await?;
    session.use_keyspace(&config.keyspace, true).await.map_err(|cause| ConnectError::Keyspace {
        keyspace: config.keyspace.clone(),
        cause: Box::new(cause.into()),
    })?;
    Ok(session)
}
