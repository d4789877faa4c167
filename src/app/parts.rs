//! What both shapes are put together from: the data directory's layout, keys, media.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::embedded::OpenError;
use crate::adapters::ffmpeg::engine;
use crate::adapters::ffmpeg::supervisor::ChildTranscoder;
use crate::adapters::redis::RedisError;
use crate::adapters::s3::{Checksums, S3Config, S3Objects};
use crate::adapters::s3_server::{self, S3HttpService, S3ServerConfig};
use crate::adapters::scylla::{ConnectError, MigrateError};
use crate::adapters::system::JwtTokens;
use crate::adapters::system::keys::{KeyError, token_key};
use crate::config::Config;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;

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
    /// The cluster's record stores cannot be reached.
    #[error(transparent)]
    Cluster(#[from] ConnectError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The settings of Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The command needs a cluster and none is configured.
    #[error("{0} needs a cluster: set cql.nodes")]
    NoCluster(&'static str),
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
    keys: PathBuf,
}

impl Layout {
    /// The layout of the configured directory, which is made if it is missing.
    ///
    /// A new one is its owner's alone: it holds addresses of buyers. One that was there keeps its mode,
    /// which may be an operator's wish.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let layout = Self::of(config);
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        let failed =
            |cause| StartError::Directory { path: layout.root.display().to_string(), cause };
        builder.create(&layout.root).map_err(failed)?;
        Ok(layout)
    }

    /// The layout of the configured directory, which may be missing.
    pub fn of(config: &Config) -> Self {
        let root = config.data_directory();
        let keys = match config.raw.data.keys.as_str() {
            "" => root.join("keys"),
            elsewhere => PathBuf::from(elsewhere),
        };
        Self { root, keys }
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.root.join("store.redb")
    }

    /// The keys: the same on all nodes of a cluster.
    pub fn keys(&self) -> PathBuf {
        self.keys.clone()
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

/// The configured S3, or the one in this process and, if it is to listen, its service.
pub(super) fn objects(
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
        if !raw.checksums {
            s3.checksums = Checksums::WhenRequired;
        }
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
    // Between client and server nothing can happen to the bytes.
    let s3 = S3Config { checksums: Checksums::WhenRequired, ..s3 };
    let listening = listens.then(|| s3_server::hyper_service(service.clone(), &[]));
    Ok((S3Objects::new(&s3, Some(s3_server::in_process_http_client(service))), listening))
}

/// Transcodes in children of this very program.
pub(super) fn transcoder(config: &Config) -> io::Result<ChildTranscoder> {
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
pub(super) async fn trust(tokens: &mut JwtTokens, config: &Config) -> Result<(), StartError> {
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

/// Room for transcodes, emptied of what an interrupted one left.
pub(super) fn scratch(layout: &Layout) -> io::Result<PathBuf> {
    let scratch = layout.scratch();
    drop(std::fs::remove_dir_all(&scratch));
    std::fs::create_dir_all(&scratch)?;
    Ok(scratch)
}
