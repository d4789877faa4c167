//! The connection: one for all commands, made when it is first needed and again when it broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, Value};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::domain::limits::{REDIS_CONNECT_DEADLINE_MS, REDIS_DEADLINE_MS, REDIS_REST_MS};
use crate::ports::error::StoreError;
use crate::telemetry::calls::{Call, Outcome, Store, StoreCalls};

/// Where Redis is.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port[/database]`; of a cluster, some of its nodes.
    pub urls: Vec<String>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// Begins every key: several installations may share a server.
    pub prefix: String,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("redis.urls cannot be used: {0}")]
pub struct RedisError(#[from] redis::RedisError);

/// Where commands go.
#[derive(Clone)]
enum Route {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

/// Which connection is made.
enum Target {
    Single(Client),
    Cluster(Box<ClusterTarget>),
}

struct ClusterTarget {
    commands: ClusterClient,
    /// With a deadline that leaves room for blocking reads.
    blocking: ClusterClient,
}

struct Inner {
    target: Target,
    commands: OnceCell<Route>,
    prefix: String,
    /// When the first command was tried, for the instants below.
    began: Instant,
    /// Until when calls fail at once, in milliseconds since `began`.
    rests_until_ms: AtomicU64,
    calls: StoreCalls,
}

/// A connection to Redis. Clones share it.
#[derive(Clone)]
pub struct RedisLink {
    inner: Arc<Inner>,
}

impl RedisLink {
    /// A link that connects when it is first used: a node starts without its Redis.
    pub fn new(config: &RedisConfig, calls: StoreCalls) -> Result<Self, RedisError> {
        let target = if config.cluster {
            let connect = Duration::from_millis(REDIS_CONNECT_DEADLINE_MS);
            let builder = |deadline_ms: u64| {
                ClusterClient::builder(config.urls.clone())
                    .connection_timeout(connect)
                    .response_timeout(Duration::from_millis(deadline_ms))
                    .retries(1)
                    .build()
            };
            let blocking = builder(BLOCK_MS + REDIS_DEADLINE_MS)?;
            Target::Cluster(Box::new(ClusterTarget {
                commands: builder(REDIS_DEADLINE_MS)?,
                blocking,
            }))
        } else {
            Target::Single(Client::open(config.urls.first().cloned().unwrap_or_default())?)
        };
        let inner = Inner {
            target,
            commands: OnceCell::new(),
            prefix: config.prefix.clone(),
            began: Instant::now(),
            rests_until_ms: AtomicU64::new(0),
            calls,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The full name of a key.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.inner.prefix)
    }

    /// Runs one command.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.guarded(async {
            match self.route().await? {
                Route::Single(mut connection) => command.query_async(&mut connection).await,
                Route::Cluster(mut connection) => command.query_async(&mut connection).await,
            }
        })
        .await
    }

    /// Runs commands whose keys share a hash tag, in one round trip.
    pub(super) async fn pipeline(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        self.guarded(async {
            match self.route().await? {
                Route::Single(mut connection) => pipeline.query_async(&mut connection).await,
                Route::Cluster(mut connection) => pipeline.query_async(&mut connection).await,
            }
        })
        .await
    }

    /// Runs a script whose keys share a hash tag. It is sent by its digest, and whole if the server does
    /// not know it.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &redis::ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.guarded(async {
            match self.route().await? {
                Route::Single(mut connection) => script.invoke_async(&mut connection).await,
                Route::Cluster(mut connection) => script.invoke_async(&mut connection).await,
            }
        })
        .await
    }

    async fn route(&self) -> Result<Route, redis::RedisError> {
        let connect = || async {
            Ok(match &self.inner.target {
                Target::Single(client) => {
                    let config = ConnectionManagerConfig::new()
                        .set_connection_timeout(Some(Duration::from_millis(
                            REDIS_CONNECT_DEADLINE_MS,
                        )))
                        .set_response_timeout(Some(Duration::from_millis(REDIS_DEADLINE_MS)))
                        .set_number_of_retries(1);
                    Route::Single(ConnectionManager::new_lazy_with_config(client.clone(), config)?)
                }
                Target::Cluster(cluster) => {
                    Route::Cluster(cluster.commands.get_async_connection().await?)
                }
            })
        };
        self.inner.commands.get_or_try_init(connect).await.cloned()
    }

    /// Fails at once while Redis rests, and lets it rest after a failure.
    async fn guarded<T>(
        &self,
        call: impl Future<Output = Result<T, redis::RedisError>>,
    ) -> Result<T, StoreError> {
        let now_ms = self.inner.began.elapsed().as_millis() as u64;
        if now_ms < self.inner.rests_until_ms.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("Redis did not answer a moment ago"));
        }
        // The driver has its own deadlines; this one also covers its waiting for a connection.
        let deadline = Duration::from_millis(REDIS_DEADLINE_MS + REDIS_CONNECT_DEADLINE_MS);
        let began = Instant::now();
        let answer = tokio::time::timeout(deadline, call).await;
        let outcome = if matches!(answer, Ok(Ok(_))) { Outcome::Ok } else { Outcome::Unavailable };
        self.inner.calls.ended(Store::Redis, Call::Command, outcome, began);
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.rest();
                Err(StoreError::Unavailable(Box::new(error)))
            }
            Err(late) => {
                self.rest();
                Err(StoreError::Unavailable(Box::new(late)))
            }
        }
    }

    fn rest(&self) {
        let until_ms = self.inner.began.elapsed().as_millis() as u64 + REDIS_REST_MS;
        self.inner.rests_until_ms.store(until_ms, Ordering::Relaxed);
    }

    /// A connection of its own for commands that block.
    pub(super) async fn blocking(&self) -> Result<Blocking, redis::RedisError> {
        Ok(match &self.inner.target {
            Target::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(Duration::from_millis(REDIS_CONNECT_DEADLINE_MS)))
                    .set_response_timeout(Some(Duration::from_millis(
                        BLOCK_MS + REDIS_DEADLINE_MS,
                    )));
                let made = client.get_multiplexed_async_connection_with_config(&config).await?;
                Blocking::Single(made)
            }
            Target::Cluster(cluster) => {
                Blocking::Cluster(cluster.blocking.get_async_connection().await?)
            }
        })
    }
}

/// How long a blocking read waits: short enough that a dead connection is noticed soon.
pub(super) const BLOCK_MS: u64 = 2_000;

/// A connection for commands that block.
pub(super) enum Blocking {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Blocking {
    /// Runs one command, however long it blocks.
    pub(super) async fn command<T: FromRedisValue>(
        &mut self,
        command: &Cmd,
    ) -> Result<T, redis::RedisError> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}
