//! The composition root: settings → adapters → services → routes and background work.
//!
//! Only this file knows which backend runs.

pub mod embedded;
pub mod run;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;

use crate::adapters::system::keys::KeyError;
use crate::adapters::system::{JwtTokens, KeyRing, OsEntropy, SystemClock};
use crate::app::embedded::{Layout, StartError};
use crate::domain::account::{Market, Scope};
use crate::http::layers::HttpLimits;
use crate::http::{Api, ServerInfo, layers, routes};
use crate::ports::accounts::AccountStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::jobs::JobQueue;
use crate::ports::signer::Signer;
use crate::ports::tokens::Tokens;
use crate::services::access::{Access, Issued};
use crate::services::accounts::Accounts;

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
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Signatures.
    pub signer: Arc<dyn Signer>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
}

/// What the services are told by the operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients reach this server, without a slash at the end.
    pub public_url: String,
    /// Whether anybody may get a guest's token.
    pub guests: bool,
    /// Where new accounts watch and buy.
    pub default_market: Market,
    /// How much the edge takes on.
    pub http: HttpLimits,
}

/// The assembled engine.
pub struct App {
    /// What handlers reach.
    pub api: Api,
    /// Everything that is answered.
    pub router: Router,
}

/// Puts the services over the backends.
pub fn assemble(backends: &Backends, settings: &Settings) -> App {
    let Backends { clock, entropy, signer, changes, .. } = backends;
    let access = Access::new(
        Arc::clone(&backends.tokens),
        Arc::clone(signer),
        Arc::clone(clock),
        Arc::clone(entropy),
    );
    let accounts = Accounts::new(
        Arc::clone(&backends.accounts),
        Arc::clone(changes),
        Arc::clone(clock),
        settings.default_market,
    );
    let server = ServerInfo {
        public_url: settings.public_url.clone(),
        guests: settings.guests,
        ready: AtomicBool::new(false),
    };
    let api =
        Api { access: Arc::new(access), accounts: Arc::new(accounts), server: Arc::new(server) };
    let router = layers::wrap(routes::all(api.clone()), settings.http.clone(), Arc::clone(entropy));
    App { api, router }
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
