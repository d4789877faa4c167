//! The embedded shape: everything in one data directory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::embedded::{Embedded, OpenError};
use crate::adapters::ffmpeg::engine;
use crate::adapters::ffmpeg::supervisor::ChildTranscoder;
use crate::adapters::fs::spool::FsSpool;
use crate::adapters::images::ImageCrate;
use crate::adapters::s3::{S3Config, S3Objects};
use crate::adapters::s3_server::{self, S3HttpService, S3ServerConfig};
use crate::adapters::system::keys::{KeyError, token_key};
use crate::adapters::system::{JwtTokens, KeyRing, OsEntropy, SystemClock};
use crate::app::feed::FeedBackends;
use crate::app::shop::ShopBackends;
use crate::app::{Backends, Settings, assemble};
use crate::config::Config;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::services::clip_audit::unplayable;

/// An object store that does not listen is reached by nobody else, so its key is no secret.
const IN_PROCESS_KEY: &str = "vitrine";
/// Parts of a large object that nobody finished are dropped at the first start after so long.
const MULTIPART_TTL: Duration = Duration::from_hours(24);

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
    /// A part of the data directory cannot be used.
    #[error("the part `{part}` of the data directory cannot be opened")]
    Part {
        /// Which.
        part: &'static str,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store fails while it is read.
    #[error("the store cannot be read")]
    Read(#[from] StoreError),
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
    ///
    /// A new one is its owner's alone: it holds addresses of buyers. One that was there keeps its mode,
    /// which may be an operator's wish.
    pub fn open(root: &Path) -> Result<Self, StartError> {
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        builder
            .create(root)
            .map_err(|cause| StartError::Directory { path: root.display().to_string(), cause })?;
        Ok(Self::of(root))
    }

    /// The layout of a directory that may be missing.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
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
    Ok(open_all(config).await?.0)
}

/// The same, with the object store's service for outside tools if `objects.listen` asks for it.
pub async fn open_all(config: &Config) -> Result<(Backends, Option<S3HttpService>), StartError> {
    let layout = Layout::open(&config.data_directory())?;
    let failed = |part: &'static str| move |cause| StartError::Part { part, cause };
    // The store first: its lock keeps a second process away from all the rest.
    let store = Embedded::open(&layout.store())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut tokens = tokens(&layout, config)?;
    trust(&mut tokens, config).await?;
    let scratch = layout.scratch();
    drop(std::fs::remove_dir_all(&scratch)); // What an interrupted transcode left.
    std::fs::create_dir_all(&scratch).map_err(failed("scratch"))?;
    let spool = FsSpool::open(layout.uploads()).map_err(failed("uploads"))?;
    let (objects, service) = objects(&layout, config, &clock).map_err(failed("objects"))?;
    let backends = Backends {
        health: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        changes: Arc::new(store.clone()),
        clips: Arc::new(store.clone()),
        jobs: Arc::new(store.clone()),
        uploads: Arc::new(store.clone()),
        spool: Arc::new(spool),
        objects: Arc::new(objects),
        transcoder: Arc::new(transcoder(config).map_err(failed("transcoder"))?),
        images: Arc::new(ImageCrate),
        scratch,
        clock,
        feed: FeedBackends::embedded(&store),
        shop: ShopBackends::embedded(&store),
        entropy: Arc::new(OsEntropy::new()),
        signer: Arc::new(KeyRing::open(&layout.keys())?),
        tokens: Arc::new(tokens),
    };
    Ok((backends, service))
}

/// The configured S3, or the one in this process and, if it is to listen, its service.
fn objects(
    layout: &Layout,
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> io::Result<(S3Objects, Option<S3HttpService>)> {
    let raw = &config.raw.objects;
    if !raw.endpoint.is_empty() {
        let endpoint = Some(raw.endpoint.clone());
        let (access_key, secret_key) = (&raw.access_key, &raw.secret_key);
        let mut s3 = S3Config::new(endpoint, &raw.region, &raw.bucket, access_key, secret_key);
        s3.path_style = raw.path_style;
        return Ok((S3Objects::new(&s3, None), None));
    }
    let listens = !raw.listen.is_empty();
    let (access_key, secret_key) = if listens {
        (raw.access_key.as_str(), raw.secret_key.as_str())
    } else {
        (IN_PROCESS_KEY, IN_PROCESS_KEY)
    };
    let server = S3ServerConfig {
        root: layout.objects(),
        buckets: vec![raw.bucket.clone()],
        access_key: access_key.into(),
        secret_key: secret_key.into(),
        multipart_ttl: MULTIPART_TTL,
    };
    let service = s3_server::open(server, Arc::clone(clock))?;
    // The host is never looked up: requests go from the client to the server as values.
    let endpoint = Some("http://s3.internal".to_owned());
    let s3 = S3Config::new(endpoint, "local", &raw.bucket, access_key, secret_key);
    let listening = listens.then(|| s3_server::hyper_service(service.clone(), &[]));
    Ok((S3Objects::new(&s3, Some(s3_server::in_process_http_client(service))), listening))
}

/// Transcodes in children of this very program.
fn transcoder(config: &Config) -> io::Result<ChildTranscoder> {
    let raw = &config.raw.media;
    let settings = engine::Settings {
        preset: raw.preset.clone(),
        duration_ms_max: i64::try_from(raw.clip_duration_ms_max).unwrap_or(i64::MAX),
        ..engine::Settings::default()
    };
    let deadline = Duration::from_millis(raw.transcode_timeout_ms);
    Ok(ChildTranscoder::new(std::env::current_exe()?, settings).with_deadline(deadline))
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
    let backends = open(config).await?;
    let app = assemble(&backends, &Settings::new(config, ""));
    let (laws, _) = app.api.shop.ledger.invariants().await?;
    for law in laws {
        findings.extend(law.violations.iter().map(|line| format!("{}: {line}", law.name)));
    }
    findings.extend(unplayable(&backends.clips, &backends.objects).await?);
    Ok(findings)
}
