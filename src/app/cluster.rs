//! The cluster shape: records on ScyllaDB, hot state on Redis, objects on S3.

use std::sync::Arc;

use async_trait::async_trait;

use crate::adapters::fs::spool::FsSpool;
use crate::adapters::images::ImageCrate;
use crate::adapters::redis::{RedisConfig, RedisFeedSessions, RedisLink, RedisWakeups};
use crate::adapters::scylla::{self, Migrated, Scylla, ScyllaConfig, ScyllaPorts};
use crate::adapters::system::{KeyRing, OsEntropy, SystemClock};
use crate::app::feed::FeedBackends;
use crate::app::parts::{self, Layout, StartError};
use crate::app::shop::ShopBackends;
use crate::app::{Backends, Background, Opened};
use crate::config::Config;
use crate::config::raw::Raw;
use crate::domain::time::DAY_MS;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::health::StoreHealth;
use crate::ports::wakeups::Wakeups;
use crate::telemetry::figures::Figures;

/// The cluster's stores come back by themselves; no restart of a node helps them.
struct AlwaysHealthy;

#[async_trait]
impl StoreHealth for AlwaysHealthy {
    async fn failed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Words of a list such as `a:1, b:2`.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether a cluster is configured.
pub fn is_configured(config: &Config) -> bool {
    !list(&config.raw.cql.nodes).is_empty()
}

fn scylla_config(raw: &Raw) -> ScyllaConfig {
    let cql = &raw.cql;
    ScyllaConfig {
        nodes: list(&cql.nodes),
        keyspace: cql.keyspace.clone(),
        replication: cql.replication,
        datacenter: cql.datacenter.clone(),
        user: cql.user.clone(),
        password: cql.password.clone(),
        seen_ttl_ms: i64::from(raw.feed.suppression_days.max(1)) * DAY_MS,
    }
}

/// Connects to everything.
pub async fn open(config: &Config) -> Result<Opened, StartError> {
    let layout = Layout::open(config)?;
    let failed = |part: &'static str| move |cause| StartError::Part { part, cause };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::new());
    let figures = Arc::new(Figures::new());
    let redis = RedisConfig {
        urls: list(&config.raw.redis.urls),
        cluster: config.raw.redis.cluster,
        prefix: config.raw.redis.prefix.clone(),
    };
    let link = RedisLink::new(&redis, figures.calls.clone())?;
    let node = format!("{:032x}", entropy.bits());
    let wakeups = Arc::new(RedisWakeups::new(link.clone(), node));
    let sessions = Arc::new(RedisFeedSessions::new(link));
    let ports = ScyllaPorts {
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        wakeups: Arc::clone(&wakeups) as Arc<dyn Wakeups>,
        calls: figures.calls.clone(),
    };
    let store = Scylla::connect(&scylla_config(&config.raw), ports).await?;
    let mut tokens = parts::tokens(&layout, config)?;
    parts::trust(&mut tokens, config).await?;
    let spool = FsSpool::open(layout.uploads()).map_err(failed("uploads"))?;
    let (objects, _) = parts::objects(&layout, config, &clock).map_err(failed("objects"))?;
    let background = vec![
        Background::new("wake-ups", {
            let wakeups = Arc::clone(&wakeups);
            move |stop| wakeups.run(stop)
        }),
        Background::new("feed sessions", {
            let sessions = Arc::clone(&sessions);
            move |stop| sessions.run(stop)
        }),
    ];
    let backends = Backends {
        shared: true,
        figures,
        health: Arc::new(AlwaysHealthy),
        accounts: Arc::new(store.clone()),
        changes: Arc::new(store.clone()),
        clips: Arc::new(store.clone()),
        jobs: Arc::new(store.clone()),
        leases: Arc::new(store.clone()),
        uploads: Arc::new(store.clone()),
        spool: Arc::new(spool),
        objects: Arc::new(objects),
        transcoder: Arc::new(parts::transcoder(config).map_err(failed("transcoder"))?),
        images: Arc::new(ImageCrate),
        scratch: parts::scratch(&layout).map_err(failed("scratch"))?,
        clock,
        feed: FeedBackends {
            events: Arc::new(store.clone()),
            states: Arc::new(store.clone()),
            sessions,
            counters: Arc::new(store.clone()),
        },
        shop: ShopBackends::over(&store),
        entropy,
        signer: Arc::new(KeyRing::open(&layout.keys())?),
        tokens: Arc::new(tokens),
    };
    Ok(Opened { backends, background, objects: None })
}

/// Brings the schema up to date; `tell` hears what is done.
pub async fn migrate(
    config: &Config,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Vec<Migrated>, StartError> {
    if !is_configured(config) {
        return Err(StartError::NoCluster("migrate"));
    }
    let holder = OsEntropy::new().bits();
    Ok(scylla::migrate(&scylla_config(&config.raw), &SystemClock, holder, tell).await?)
}
