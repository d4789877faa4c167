//! The object store over any S3: AWS, Garage, MinIO, SeaweedFS, or the server of this crate.
//!
//! Only what all of them have is used: path or host style, `ListObjectsV2` with `start-after`,
//! `DeleteObjects`, multipart uploads. Checksums, which older servers lack, can be left out.

mod errors;
mod objects;
mod pieces;
mod presigned;
mod spool;
mod upload;

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::BehaviorVersion;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::ports::error::StoreError;

pub use crate::adapters::s3::spool::S3Spool;

/// When the bytes of objects carry a checksum beside the protocol's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// Always: CRC32 on the way up, which the server verifies and keeps, and verified on the way down.
    WhenSupported,
    /// Where an operation cannot do without: for servers that refuse them.
    WhenRequired,
}

/// Which S3, and how patiently.
#[derive(Clone)]
pub struct S3Config {
    /// Base URL (`https://s3.example.com`). `None` means AWS itself, by its region.
    pub endpoint: Option<String>,
    /// Region for the signature; most servers besides AWS take any.
    pub region: String,
    /// The bucket; it must exist.
    pub bucket: String,
    /// Access key.
    pub access_key: String,
    /// Secret of the access key.
    pub secret_key: String,
    /// Whether the bucket is in the path (most servers) rather than in the host name (AWS).
    pub path_style: bool,
    /// Whether objects carry checksums.
    pub checksums: Checksums,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest time of one try: one request, or one part of a large upload. Streaming a download
    /// is not counted, only its start.
    pub attempt_timeout: Duration,
    /// Longest time of one operation with all its tries.
    pub operation_timeout: Duration,
    /// Tries of one operation, the first included. Only failures that S3 calls transient are
    /// retried, with growing random pauses.
    pub attempts_max: u32,
    /// Size of the parts of a large upload, in bytes; S3 wants at least 5 MiB. What is larger than
    /// one part goes up in parts.
    pub part_bytes: u64,
}

impl S3Config {
    /// The usual patience for the bucket `bucket`.
    pub fn new(
        endpoint: Option<String>,
        region: impl Into<String>,
        bucket: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
    ) -> Self {
        Self {
            path_style: endpoint.is_some(),
            endpoint,
            region: region.into(),
            bucket: bucket.into(),
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            checksums: Checksums::WhenSupported,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_secs(90),
            attempts_max: 3,
            part_bytes: 8 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("access_key", &self.access_key)
            .field("path_style", &self.path_style)
            .finish_non_exhaustive()
    }
}

/// The object store in one bucket. Clones share connections.
#[derive(Clone, Debug)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    part_bytes: u64,
    /// Whether requests carry a digest of their body. TLS already protects it, and within the
    /// process nothing can happen to it; on plain HTTP the digest is the only protection.
    sign_payload: bool,
}

impl S3Objects {
    /// The store. `http_client` replaces the network, for a server in the same process. Does not
    /// connect: see [`ping`](Self::ping).
    pub fn new(config: &S3Config, http_client: Option<SharedHttpClient>) -> Self {
        let plain = config.endpoint.as_deref().is_some_and(|url| url.starts_with("http:"));
        let sign_payload = plain && http_client.is_none();
        let http_client = http_client.unwrap_or_else(|| {
            aws_smithy_http_client::Builder::new()
                .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
                .build_https()
        });
        let credentials =
            Credentials::from_keys(config.access_key.clone(), config.secret_key.clone(), None);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(config.connect_timeout)
            .operation_attempt_timeout(config.attempt_timeout)
            .operation_timeout(config.operation_timeout)
            .build();
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(config.path_style)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(config.attempts_max))
            .request_checksum_calculation(match config.checksums {
                Checksums::WhenSupported => RequestChecksumCalculation::WhenSupported,
                Checksums::WhenRequired => RequestChecksumCalculation::WhenRequired,
            })
            .response_checksum_validation(match config.checksums {
                Checksums::WhenSupported => ResponseChecksumValidation::WhenSupported,
                Checksums::WhenRequired => ResponseChecksumValidation::WhenRequired,
            })
            .http_client(http_client);
        builder.set_endpoint_url(config.endpoint.clone());
        let client = Client::from_conf(builder.build());
        let (bucket, part_bytes) = (config.bucket.clone(), config.part_bytes);
        Self { client, bucket, part_bytes, sign_payload }
    }

    /// Whether the bucket can be reached: for readiness checks and for a clear message at the start.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let head = self.client.head_bucket().bucket(&self.bucket).send().await;
        head.map(drop).map_err(errors::of_read)
    }
}
