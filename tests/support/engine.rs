//! What a test's engine is made of: one app over the embedded stores, or the nodes of a cluster.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use vitrine::adapters::embedded::Embedded;
use vitrine::adapters::ffmpeg::engine;
use vitrine::adapters::ffmpeg::supervisor::ChildTranscoder;
use vitrine::adapters::fs::spool::FsSpool;
use vitrine::adapters::images::ImageCrate;
use vitrine::adapters::s3::{S3Config, S3Objects};
use vitrine::adapters::s3_server::{self, S3ServerConfig};
use vitrine::adapters::sim::{SeededEntropy, SimClock};
use vitrine::adapters::system::keys::throwaway_token_key;
use vitrine::adapters::system::{JwtTokens, KeyRing, LocalLeases};
use vitrine::app::feed::FeedBackends;
use vitrine::app::shop::ShopBackends;
use vitrine::app::{App, Backends, Settings, assemble};
use vitrine::ports::clock::Clock;
use vitrine::ports::signer::Signer;
use vitrine::ports::tokens::Tokens;
use vitrine::ports::transcoder::Transcoder;
use vitrine::telemetry::figures::Figures;

use super::START;
use super::cluster::{Parts, RecordedPages, Room};

/// Nodes of a cluster.
const NODES: usize = 2;

/// What all nodes have in common, over restarts too.
pub struct Common {
    pub clock: Arc<SimClock>,
    pub entropy: Arc<SeededEntropy>,
    pub signer: Arc<dyn Signer>,
    pub tokens: Arc<dyn Tokens>,
    pub transcoder: Arc<dyn Transcoder>,
}

impl Common {
    pub fn new() -> Self {
        let key = throwaway_token_key().unwrap();
        Self {
            clock: Arc::new(SimClock::new(START)),
            entropy: Arc::new(SeededEntropy::new(42)),
            signer: Arc::new(KeyRing::from_secret(&[42; 32])),
            tokens: Arc::new(JwtTokens::new(&key, "vitrine", "vitrine").unwrap()),
            transcoder: Arc::new(ChildTranscoder::new(
                env!("CARGO_BIN_EXE_vitrine").into(),
                engine::Settings { preset: "ultrafast".into(), ..engine::Settings::default() },
            )),
        }
    }
}

/// Where the data are, over restarts too.
pub enum Stores {
    Embedded { store: Embedded, figures: Arc<Figures> },
    Cluster(Box<Room>),
}

/// An app over the stores.
pub struct Node {
    pub app: Arc<App>,
    pub backends: Backends,
    pages: Option<Arc<RecordedPages>>,
    _background: JoinSet<()>,
}

/// Replaces backends of a node.
pub type Change = Box<dyn Fn(&mut Backends) + Send + Sync>;

impl Stores {
    /// Empty ones, of the shape that this binary tests.
    pub async fn new() -> Self {
        if crate::IS_CLUSTER {
            return Self::Cluster(Box::new(Room::new().await));
        }
        let figures = Arc::new(Figures::new());
        let store = Embedded::in_memory().unwrap().measured(figures.calls.clone());
        Self::Embedded { store, figures }
    }

    /// Starts the nodes. They are not told of what the stores hold.
    pub async fn start(
        &self,
        common: &Common,
        directory: &Path,
        (settings, changes): (&Settings, &[Change]),
    ) -> Vec<Node> {
        let parts = match self {
            Self::Embedded { store, figures } => {
                vec![(embedded(common, directory, (store, figures)), None, JoinSet::new())]
            }
            Self::Cluster(room) => {
                let names = (0..NODES).map(|number| directory.join(number.to_string()));
                let directories: Vec<_> = names.collect();
                let nodes = directories.iter().map(|own| room.node(common, own));
                let nodes = join_all(nodes).await.into_iter();
                nodes
                    .map(|Parts { backends, pages, background }| {
                        (backends, Some(pages), background)
                    })
                    .collect()
            }
        };
        let node = |(mut backends, pages, background): (Backends, _, _)| {
            for change in changes {
                change(&mut backends);
            }
            let app = Arc::new(assemble(&backends, settings));
            Node { app, backends, pages, _background: background }
        };
        parts.into_iter().map(node).collect()
    }
}

impl Node {
    /// Takes in what the logs say, as its followers do.
    pub async fn take_in(&self) {
        let (changes, events) =
            tokio::join!(self.app.indexing.catch_up(), self.app.api.engagement.catch_up());
        changes.unwrap();
        events.unwrap();
    }

    /// Waits until the pages that it served are recorded.
    pub async fn record(&self) {
        if let Some(pages) = &self.pages {
            pages.settle().await;
        }
    }
}

fn embedded(
    common: &Common,
    directory: &Path,
    (store, figures): (&Embedded, &Arc<Figures>),
) -> Backends {
    Backends {
        shared: false,
        figures: Arc::clone(figures),
        health: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        changes: Arc::new(store.clone()),
        clips: Arc::new(store.clone()),
        jobs: Arc::new(store.clone()),
        leases: Arc::new(LocalLeases::default()),
        uploads: Arc::new(store.clone()),
        spool: Arc::new(FsSpool::open(directory.join("uploads")).unwrap()),
        objects: Arc::new(objects(directory, Arc::clone(&common.clock) as _)),
        transcoder: Arc::clone(&common.transcoder),
        images: Arc::new(ImageCrate),
        scratch: directory.join("scratch"),
        feed: FeedBackends::embedded(store),
        shop: ShopBackends::embedded(store),
        clock: Arc::clone(&common.clock) as _,
        entropy: Arc::clone(&common.entropy) as _,
        signer: Arc::clone(&common.signer),
        tokens: Arc::clone(&common.tokens),
    }
}

/// The S3 server of the embedded shape, in this process.
fn objects(directory: &Path, clock: Arc<dyn Clock>) -> S3Objects {
    let config = S3ServerConfig {
        root: directory.join("objects"),
        buckets: vec!["vitrine".into()],
        access_key: "test".into(),
        secret_key: "test".into(),
        multipart_ttl: Duration::from_hours(1),
    };
    let service = s3_server::open(config, clock).unwrap();
    let endpoint = Some("http://s3.internal".to_owned());
    let config = S3Config::new(endpoint, "local", "vitrine", "test", "test");
    S3Objects::new(&config, Some(s3_server::in_process_http_client(service)))
}
