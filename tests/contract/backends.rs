//! Starts what the suites run over.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use vitrine::adapters::s3::Checksums;
use vitrine::adapters::s3::S3Config;
use vitrine::adapters::s3::S3Objects;
use vitrine::adapters::s3_server;
use vitrine::adapters::s3_server::S3ServerConfig;
use vitrine::domain::time::Timestamp;
use vitrine::ports::clock::Clock;

pub const BUCKET: &str = "vitrine";
pub const ACCESS_KEY: &str = "access";
pub const SECRET_KEY: &str = "secret";
/// S3 allows no smaller parts.
const PART_BYTES: u64 = 5 * 1024 * 1024;

/// A clock that stands still.
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// 2025-06-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_unix_ms(1_748_736_000_000);

fn server_config(root: &Path) -> S3ServerConfig {
    S3ServerConfig {
        root: root.to_owned(),
        buckets: vec![BUCKET.into()],
        access_key: ACCESS_KEY.into(),
        secret_key: SECRET_KEY.into(),
        multipart_ttl: Duration::from_hours(24),
    }
}

/// Our server over `root`, at `now`.
pub fn open_at(root: &Path, now: Timestamp) -> std::io::Result<s3s::service::S3Service> {
    s3_server::open(server_config(root), Arc::new(FixedClock(now)))
}

/// Our server over `root`.
pub fn open(root: &Path) -> s3s::service::S3Service {
    open_at(root, NOW).unwrap()
}

/// A store that talks to our server without a port.
pub fn in_process(root: &Path) -> S3Objects {
    let config = client_config("http://s3.internal");
    let config = S3Config { checksums: Checksums::WhenRequired, ..config };
    S3Objects::new(&config, Some(s3_server::in_process_http_client(open(root))))
}

/// A client configuration for our server.
pub fn client_config(endpoint: &str) -> S3Config {
    let endpoint = Some(endpoint.to_owned());
    let config = S3Config::new(endpoint, "local", BUCKET, ACCESS_KEY, SECRET_KEY);
    S3Config { part_bytes: PART_BYTES, ..config }
}

/// Our server on a port of its own, until dropped.
pub struct TcpServer {
    pub address: SocketAddr,
    _connections: JoinSet<()>,
    pub root: TempDir,
}

impl TcpServer {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let origins = [http::HeaderValue::from_static("https://shop.example")];
        let service = s3_server::hyper_service(open(root.path()), &origins);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut served = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                served.spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .max_buf_size(64 * 1024)
                        .serve_connection(TokioIo::new(stream), service);
                    let _ = connection.await; // A client that goes away is no failure.
                });
            }
        });
        Self { address, _connections: connections, root }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn store(&self) -> S3Objects {
        S3Objects::new(&client_config(&self.url()), None)
    }
}

/// A bare S3 client of our server, for what the port does not offer.
pub fn bare_client(endpoint: &str, http_client: Option<SharedHttpClient>) -> aws_sdk_s3::Client {
    client_of(&client_config(endpoint), http_client)
}

/// A bare S3 client.
fn client_of(config: &S3Config, http_client: Option<SharedHttpClient>) -> aws_sdk_s3::Client {
    let (access_key, secret_key) = (&config.access_key, &config.secret_key);
    let keys = aws_credential_types::Credentials::from_keys(access_key, secret_key, None);
    let mut builder = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new(config.region.clone()))
        .credentials_provider(keys)
        .force_path_style(true);
    builder.set_endpoint_url(config.endpoint.clone());
    builder.set_http_client(http_client);
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// A bucket of its own on the outside S3 that `scripts/test-servers run s3` has started.
pub async fn outside() -> S3Config {
    S3Config { part_bytes: PART_BYTES, ..crate::outside::bucket().await }
}
