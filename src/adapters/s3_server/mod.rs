//! An S3 server over a directory: the object store of a node that has nothing else installed.
//!
//! It speaks S3 (SigV4 in headers and presigned URLs, path style), so that the engine needs one
//! object store adapter only, outside tools work with it, and moving to another S3 is a copy.
//!
//! - A 200 comes after the file and its folder are flushed; a reader has one open file, so it sees
//!   the old or the new object.
//! - A request holds less than 256 KiB of a body, however large the object.
//! - One process at a time may have the directory open.
//!
//! The protocol crate logs every refused request, a missing object too, as an error of `s3s::ops`:
//! the log's filter should leave that target out. What is wrong with the disk is logged from here.
//!
//! Differences from AWS: a segment between slashes has at most 253 bytes after escaping (see
//! `keys`); versions, tags, access lists and encryption are not implemented; checksums are verified
//! on the way in but not kept.

mod api;
mod body;
mod convert;
mod directory;
mod in_process;
mod keys;
mod listing;
mod multipart;
mod record;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::HeaderValue;
use http::Method;
use hyper_util::service::TowerToHyperService;
use s3s::auth::SimpleAuth;
use s3s::service::S3Service;
use s3s::service::S3ServiceBuilder;
use tower::Layer as _;
use tower_http::cors::AllowOrigin;
use tower_http::cors::Any;
use tower_http::cors::Cors;
use tower_http::cors::CorsLayer;

pub use self::in_process::in_process_http_client;

use self::api::Api;
use self::directory::Directory;
use crate::ports::clock::Clock;

/// Where the server keeps its files and who may ask it.
#[derive(Clone)]
pub struct S3ServerConfig {
    /// The data directory; made if it is missing.
    pub root: PathBuf,
    /// Buckets that are made at the start if they are missing.
    pub buckets: Vec<String>,
    /// The one access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Multipart uploads that nobody touched for so long are dropped at the start.
    pub multipart_ttl: Duration,
}

impl fmt::Debug for S3ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3ServerConfig")
            .field("root", &self.root)
            .field("buckets", &self.buckets)
            .field("access_key", &self.access_key)
            .field("multipart_ttl", &self.multipart_ttl)
            .finish_non_exhaustive()
    }
}

/// The service for a listener: see [`hyper_service`].
pub type S3HttpService = TowerToHyperService<Cors<S3Service>>;

/// Opens the data directory, cleans up after a crash and makes the service. Blocks.
///
/// The directory stays locked until the last clone of the service is gone. Fails when the disk
/// does, when another process has the directory open, or when a bucket's name is not allowed.
pub fn open(config: S3ServerConfig, clock: Arc<dyn Clock>) -> io::Result<S3Service> {
    let directory = Directory::open(&config.root, clock, config.multipart_ttl)?;
    for bucket in &config.buckets {
        directory.create_bucket(bucket).map_err(io::Error::other)?;
    }
    let mut builder = S3ServiceBuilder::new(Api { directory: Arc::new(directory) });
    builder.set_auth(SimpleAuth::from_single(config.access_key, config.secret_key));
    Ok(builder.build())
}

/// The service for a hyper connection (set its `max_buf_size` to 64 KiB, so that a connection holds
/// no more than that of a body), with CORS: pages from `origins` (or from anywhere, if one of
/// them is `*`) may use presigned URLs.
pub fn hyper_service(service: S3Service, origins: &[HeaderValue]) -> S3HttpService {
    let everyone = origins.iter().any(|origin| origin == "*");
    let origin =
        if everyone { AllowOrigin::any() } else { AllowOrigin::list(origins.iter().cloned()) };
    let exposed = ["etag", "content-length", "content-range", "accept-ranges", "last-modified"];
    let cors = CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers(Any)
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_hours(1));
    TowerToHyperService::new(cors.layer(service))
}
