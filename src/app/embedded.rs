//! The embedded shape: everything in one data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::adapters::embedded::{Embedded, OpenError};
use crate::adapters::system::keys::{KeyError, token_key};
use crate::adapters::system::{JwtTokens, KeyRing, OsEntropy, SystemClock};
use crate::app::Backends;
use crate::config::Config;

/// Why the engine cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("the data directory `{path}` cannot be made")]
    Directory {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The keys of the trusted issuer cannot be had.
    #[error("the keys of auth.trusted_keys (`{source_name}`) cannot be used: {detail}")]
    TrustedKeys {
        /// File or URL.
        source_name: String,
        /// Why.
        detail: String,
    },
}

/// Where things lie in a data directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of that directory, which is made if it is missing.
    pub fn open(root: &Path) -> Result<Self, StartError> {
        std::fs::create_dir_all(root)
            .map_err(|cause| StartError::Directory { path: root.display().to_string(), cause })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.root.join("store.redb")
    }

    /// The keys.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The embedded object store.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Uploads in progress.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Room for transcodes; emptied at start.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }
}

/// Signs and verifies tokens with the keys of the data directory: what `vitrine token` needs.
pub fn tokens(layout: &Layout, config: &Config) -> Result<JwtTokens, StartError> {
    let auth = &config.raw.auth;
    Ok(JwtTokens::new(&token_key(&layout.keys())?, &auth.issuer, &auth.audience)?)
}

/// Opens everything in the data directory.
pub async fn open(config: &Config) -> Result<Backends, StartError> {
    let layout = Layout::open(&config.data_directory())?;
    let store = Embedded::open(&layout.store())?;
    let mut tokens = tokens(&layout, config)?;
    trust(&mut tokens, config).await?;
    Ok(Backends {
        accounts: Arc::new(store.clone()),
        changes: Arc::new(store.clone()),
        clips: Arc::new(store.clone()),
        jobs: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy::new()),
        signer: Arc::new(KeyRing::open(&layout.keys())?),
        tokens: Arc::new(tokens),
    })
}

/// Takes in the keys of an outside issuer, if one is configured.
async fn trust(tokens: &mut JwtTokens, config: &Config) -> Result<(), StartError> {
    let auth = &config.raw.auth;
    if auth.trusted_issuer.is_empty() {
        return Ok(());
    }
    let refused =
        |detail: String| StartError::TrustedKeys { source_name: auth.trusted_keys.clone(), detail };
    let text = if auth.trusted_keys.starts_with("http") {
        fetch(&auth.trusted_keys).await.map_err(|error| refused(error.to_string()))?
    } else {
        std::fs::read_to_string(&auth.trusted_keys).map_err(|error| refused(error.to_string()))?
    };
    let taken = tokens
        .trust(&auth.trusted_issuer, &text)
        .map_err(|error| refused(format!("it is no JWKS document: {error}")))?;
    if taken == 0 {
        return Err(refused("it holds no Ed25519 or P-256 key with a `kid`".into()));
    }
    Ok(())
}

async fn fetch(url: &str) -> Result<String, reqwest::Error> {
    // The process may have a provider already; either is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build()?;
    client.get(url).send().await?.error_for_status()?.text().await
}

/// What is wrong with a data directory, one line each; empty when it is sound. No server may have it
/// open.
pub async fn verify(config: &Config) -> Result<Vec<String>, StartError> {
    let layout = Layout::open(&config.data_directory())?;
    let mut findings = Vec::new();
    if !Embedded::verify(&layout.store())? {
        findings.push("store: pages with wrong checksums were found and repaired".to_owned());
    }
    Ok(findings)
}
