//! Nodes of a cluster in this process, over real servers.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vitrine::adapters::images::ImageCrate;
use vitrine::adapters::redis::{RedisConfig, RedisFeedSessions, RedisLink, RedisWakeups};
use vitrine::adapters::s3::{S3Config, S3Objects, S3Spool};
use vitrine::adapters::scylla::{Scylla, ScyllaPorts};
use vitrine::adapters::system::OsEntropy;
use vitrine::app::Backends;
use vitrine::app::feed::FeedBackends;
use vitrine::app::shop::ShopBackends;
use vitrine::domain::id::{FeedSessionId, SlateId};
use vitrine::domain::time::Timestamp;
use vitrine::ports::error::StoreError;
use vitrine::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};
use vitrine::ports::health::StoreHealth;
use vitrine::ports::objects::ObjectStore;
use vitrine::ports::wakeups::Wakeups;
use vitrine::telemetry::figures::Figures;

use super::engine::Common;
use super::keyspaces::{self, Lease};
use super::outside;

/// A page is recorded milliseconds after it was served.
const RECORDED_MAX: Duration = Duration::from_secs(10);

/// Room on the servers that one test has for itself.
pub struct Room {
    lease: Lease,
    redis: RedisConfig,
    bucket: S3Config,
}

/// What a node is made of.
pub struct Parts {
    pub backends: Backends,
    pub pages: Arc<RecordedPages>,
    /// What adapters do beside the requests; it ends with the node.
    pub background: JoinSet<()>,
}

impl Room {
    pub async fn new() -> Self {
        let redis = RedisConfig {
            urls: vec![outside::variable("VITRINE_TEST_REDIS")],
            cluster: false,
            prefix: outside::fresh("api"),
        };
        let (lease, bucket) = tokio::join!(keyspaces::lease(), outside::bucket());
        Self { lease, redis, bucket }
    }

    /// A node that has just started, with `directory` for itself.
    pub async fn node(&self, common: &Common, directory: &Path) -> Parts {
        let figures = Arc::new(Figures::new());
        let link = RedisLink::new(&self.redis, figures.calls.clone()).unwrap();
        let wakeups = Arc::new(RedisWakeups::new(link.clone(), outside::fresh("node")));
        let sessions = Arc::new(RedisFeedSessions::new(link));
        let mut background = JoinSet::new();
        background.spawn(Arc::clone(&wakeups).run(CancellationToken::new()));
        background.spawn(Arc::clone(&sessions).run(CancellationToken::new()));
        let pages = Arc::new(RecordedPages { inner: sessions, served: Mutex::default() });
        let ports = ScyllaPorts {
            clock: Arc::clone(&common.clock) as _,
            entropy: Arc::new(OsEntropy::new()),
            wakeups: wakeups as Arc<dyn Wakeups>,
            calls: figures.calls.clone(),
        };
        let store = Scylla::connect(&self.lease.config, ports).await.unwrap();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let objects: Arc<dyn ObjectStore> = Arc::new(S3Objects::new(&self.bucket, Some(http)));
        let backends = Backends {
            shared: true,
            figures,
            health: Arc::new(Healthy),
            accounts: Arc::new(store.clone()),
            changes: Arc::new(store.clone()),
            clips: Arc::new(store.clone()),
            jobs: Arc::new(store.clone()),
            leases: Arc::new(store.clone()),
            uploads: Arc::new(store.clone()),
            spool: Arc::new(
                S3Spool::open(Arc::clone(&objects), directory.join("uploads")).unwrap(),
            ),
            objects,
            scratch: directory.join("scratch"),
            feed: FeedBackends {
                events: Arc::new(store.clone()),
                states: Arc::new(store.clone()),
                sessions: Arc::clone(&pages) as _,
                counters: Arc::new(store.clone()),
            },
            shop: ShopBackends::over(&store),
            transcoder: Arc::clone(&common.transcoder),
            images: Arc::new(ImageCrate),
            clock: Arc::clone(&common.clock) as _,
            entropy: Arc::clone(&common.entropy) as _,
            signer: Arc::clone(&common.signer),
            tokens: Arc::clone(&common.tokens),
        };
        Parts { backends, pages, background }
    }
}

/// Nothing that a restart would mend.
struct Healthy;

#[async_trait]
impl StoreHealth for Healthy {
    async fn failed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Feed sessions in Redis, and which pages are on their way there.
pub struct RecordedPages {
    inner: Arc<RedisFeedSessions>,
    served: Mutex<Vec<(FeedSessionId, u32)>>,
}

impl RecordedPages {
    /// Waits until every page that was served can be read by other nodes.
    pub async fn settle(&self) {
        let served = std::mem::take(&mut *self.served.lock());
        for (session, number) in served {
            let began = Instant::now();
            loop {
                if !self.inner.pages(session, number..=number).await.unwrap().is_empty() {
                    break;
                }
                assert!(began.elapsed() < RECORDED_MAX, "page {number} is not recorded");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

#[async_trait]
impl FeedSessions for RecordedPages {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn record(&self, session: &SessionHead, page: &ServedPage) {
        self.served.lock().push((session.id, page.number));
        self.inner.record(session, page);
    }

    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        self.inner.load(id).await
    }

    async fn pages(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError> {
        self.inner.pages(id, numbers).await
    }

    async fn find(&self, slate: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
        self.inner.find(slate).await
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget(before, limit).await
    }
}
