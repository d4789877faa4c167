//! The composition root: settings → adapters → services → routes and background work.
//!
//! Only this layer knows which backend runs.

pub mod cluster;
pub mod embedded;
pub mod feed;
mod observe;
pub mod parts;
mod reload;
pub mod run;
mod services;
mod settings;
pub mod shop;
mod traces;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::adapters::s3_server::S3HttpService;
use crate::adapters::system::keys::KeyError;
use crate::adapters::system::{JwtTokens, KeyRing, OsEntropy, SystemClock};
use crate::app::feed::FeedBackends;
use crate::app::parts::{Layout, StartError};
use crate::app::shop::ShopBackends;
use crate::config::Config;
use crate::domain::account::Scope;
use crate::feed::values::LiveValues;
use crate::http::layers::{self, Watch};
use crate::http::{Api, routes};
use crate::ports::accounts::AccountStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::health::StoreHealth;
use crate::ports::images::Images;
use crate::ports::jobs::JobQueue;
use crate::ports::leases::Leases;
use crate::ports::objects::ObjectStore;
use crate::ports::ranking_steps::RankingSteps;
use crate::ports::signer::Signer;
use crate::ports::tokens::Tokens;
use crate::ports::transcoder::Transcoder;
use crate::ports::upload_spool::UploadSpool;
use crate::ports::uploads::UploadStore;
use crate::services::access::{Access, Issued};
use crate::services::clip_audit::unplayable;
use crate::services::indexing::Indexing;
use crate::services::training::Training;
use crate::telemetry::figures::Figures;
use crate::worker::reconcilers::Reconciler;
use crate::worker::runner::Runner;

pub use crate::app::settings::Settings;

/// Everything outside, already chosen.
#[derive(Clone)]
pub struct Backends {
    /// Whether other nodes write to the same stores.
    pub shared: bool,
    /// What this node counts; the stores above measure their calls with it.
    pub figures: Arc<Figures>,
    /// Whether the store still writes.
    pub health: Arc<dyn StoreHealth>,
    /// Profiles.
    pub accounts: Arc<dyn AccountStore>,
    /// What changed.
    pub changes: Arc<dyn ChangeLog>,
    /// Clips.
    pub clips: Arc<dyn ClipStore>,
    /// Background work.
    pub jobs: Arc<dyn JobQueue>,
    /// Who keeps house.
    pub leases: Arc<dyn Leases>,
    /// Records of uploads.
    pub uploads: Arc<dyn UploadStore>,
    /// Bytes of uploads.
    pub spool: Arc<dyn UploadSpool>,
    /// Media and pictures.
    pub objects: Arc<dyn ObjectStore>,
    /// Makes renditions.
    pub transcoder: Arc<dyn Transcoder>,
    /// Cleans pictures.
    pub images: Arc<dyn Images>,
    /// Room for transcodes.
    pub scratch: PathBuf,
    /// The feed's stores.
    pub feed: FeedBackends,
    /// The shop's stores and providers.
    pub shop: ShopBackends,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Signatures.
    pub signer: Arc<dyn Signer>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
}

/// Work that an adapter needs done beside the requests, until it is told to stop.
pub struct Background {
    /// A stable name for the log.
    pub name: &'static str,
    /// The work.
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>,
}

impl Background {
    /// Work of that name.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        run: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self {
        Self { name, run: Box::new(move |stop| Box::pin(run(stop))) }
    }
}

/// Backends with the work that they need done.
pub struct Opened {
    /// Everything outside.
    pub backends: Backends,
    /// Work beside the requests.
    pub background: Vec<Background>,
    /// The embedded object store's service for outside tools, if it is to listen.
    pub objects: Option<S3HttpService>,
}

/// Opens the configured shape: a cluster where one is named, else the data directory.
pub async fn open(config: &Config) -> Result<Opened, StartError> {
    if cluster::is_configured(config) {
        return cluster::open(config).await;
    }
    let (backends, objects) = embedded::open_all(config).await?;
    Ok(Opened { backends, background: Vec::new(), objects })
}

/// What is wrong with the stores, one line each; empty when all is sound. No server may have the data
/// directory open; a cluster may be in use, but what is under way then may be reported.
pub async fn verify(config: &Config) -> Result<Vec<String>, StartError> {
    let mut findings = Vec::new();
    if !cluster::is_configured(config) {
        findings = embedded::verify_file(&Layout::open(config)?)?;
    }
    let backends = open(config).await?.backends;
    let app = assemble(&backends, &Settings::new(config, ""));
    let (laws, _) = app.api.shop.ledger.invariants().await?;
    for law in laws {
        findings.extend(law.violations.iter().map(|line| format!("{}: {line}", law.name)));
    }
    findings.extend(unplayable(&backends.clips, &backends.objects).await?);
    Ok(findings)
}

/// The assembled engine.
pub struct App {
    /// What handlers reach.
    pub api: Api,
    /// Everything that is answered.
    pub router: Router,
    /// What a node answers that only works in the background.
    pub probes: Router,
    /// Takes jobs from the queue; several may run at once.
    pub runner: Arc<Runner>,
    /// Keeps the feed's index true.
    pub indexing: Arc<Indexing>,
    /// What must become true.
    pub reconcilers: Vec<Arc<dyn Reconciler>>,
    /// The ranking's settings, which may change while the engine runs.
    pub values: Arc<LiveValues>,
    /// The history of the ranking's state.
    pub steps: Arc<dyn RankingSteps>,
    /// Watches over what is learned, and stores it.
    pub training: Arc<Training>,
}

/// Puts the services over the backends.
pub fn assemble(backends: &Backends, settings: &Settings) -> App {
    let services = services::build(backends, settings);
    let entropy = Arc::clone(&backends.entropy);
    let router = routes::all(services.api.clone());
    let watch = Watch {
        figures: Arc::clone(&backends.figures),
        show_calls: settings.show_calls,
        traces: settings.traces.clone(),
    };
    let http = || settings.http.clone();
    let router = layers::wrap(router, http(), Arc::clone(&entropy), watch.clone());
    let probes = layers::wrap(routes::probes(services.api.clone()), http(), entropy, watch);
    let services::Services { api, runner, indexing, reconcilers, values, steps, training } =
        services;
    App { api, router, probes, runner, indexing, reconcilers, values, steps, training }
}

/// A token for `subject`, signed with the installation's key.
pub fn issue_token(
    tokens: JwtTokens,
    layout: &Layout,
    subject: &str,
    scopes: &[Scope],
    ttl_ms: i64,
) -> Result<Issued, StartError> {
    let access = Access::new(
        Arc::new(tokens),
        Arc::new(KeyRing::open(&layout.keys())?),
        Arc::new(SystemClock),
        Arc::new(OsEntropy::new()),
    );
    access
        .issue(subject, scopes, ttl_ms)
        .map_err(|_| KeyError::Damaged("the token key".into()).into())
}
