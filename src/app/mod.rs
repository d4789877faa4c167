//! The composition root: settings → adapters → services → routes and background work.
//!
//! Only this layer knows which backend runs.

pub mod embedded;
pub mod feed;
pub mod run;
mod services;
mod settings;
pub mod shop;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;

use crate::adapters::system::keys::KeyError;
use crate::adapters::system::{JwtTokens, KeyRing, OsEntropy, SystemClock};
use crate::app::embedded::{Layout, StartError};
use crate::app::feed::FeedBackends;
use crate::app::shop::ShopBackends;
use crate::domain::account::Scope;
use crate::http::{Api, layers, routes};
use crate::ports::accounts::AccountStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::images::Images;
use crate::ports::jobs::JobQueue;
use crate::ports::objects::ObjectStore;
use crate::ports::signer::Signer;
use crate::ports::tokens::Tokens;
use crate::ports::transcoder::Transcoder;
use crate::ports::upload_spool::UploadSpool;
use crate::ports::uploads::UploadStore;
use crate::services::access::{Access, Issued};
use crate::services::indexing::Indexing;
use crate::worker::reconcilers::Reconciler;
use crate::worker::runner::Runner;

pub use crate::app::settings::Settings;

/// Everything outside, already chosen.
#[derive(Clone)]
pub struct Backends {
    /// Profiles.
    pub accounts: Arc<dyn AccountStore>,
    /// What changed.
    pub changes: Arc<dyn ChangeLog>,
    /// Clips.
    pub clips: Arc<dyn ClipStore>,
    /// Background work.
    pub jobs: Arc<dyn JobQueue>,
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

/// The assembled engine.
pub struct App {
    /// What handlers reach.
    pub api: Api,
    /// Everything that is answered.
    pub router: Router,
    /// Takes jobs from the queue; several may run at once.
    pub runner: Arc<Runner>,
    /// Keeps the feed's index true.
    pub indexing: Arc<Indexing>,
    /// What must become true.
    pub reconcilers: Vec<Arc<dyn Reconciler>>,
}

/// Puts the services over the backends.
pub fn assemble(backends: &Backends, settings: &Settings) -> App {
    let services = services::build(backends, settings);
    let entropy = Arc::clone(&backends.entropy);
    let router = routes::all(services.api.clone());
    let router = layers::wrap(router, settings.http.clone(), entropy);
    let services::Services { api, runner, indexing, reconcilers } = services;
    App { api, router, runner, indexing, reconcilers }
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
