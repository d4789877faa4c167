//! The real servers that `scripts/test-servers run` has started, and room on them that nobody else uses.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use vitrine::adapters::s3::S3Config;
use vitrine::adapters::scylla::ScyllaConfig;
use vitrine::adapters::system::OsEntropy;
use vitrine::domain::time::DAY_MS;
use vitrine::ports::entropy::Entropy as _;

/// What a started server told; a test that needs one fails without it.
#[expect(clippy::disallowed_methods, reason = "the servers of tests are named by the environment")]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run `scripts/test-servers run cassandra redis redis-cluster s3 -- cargo test …`"
        )
    })
}

/// A name that nobody has used.
pub fn fresh(begin: &str) -> String {
    format!("{begin}_{:032x}", OsEntropy::new().bits()).to_lowercase()
}

/// A keyspace that nobody has used; it is not made yet.
pub fn keyspace(begin: &str) -> ScyllaConfig {
    ScyllaConfig {
        nodes: vec![variable("VITRINE_TEST_CQL")],
        keyspace: fresh(begin),
        replication: 1,
        datacenter: String::new(),
        user: String::new(),
        password: String::new(),
        seen_ttl_ms: 30 * DAY_MS,
    }
}

/// An empty bucket of its own.
pub async fn bucket() -> S3Config {
    let config = S3Config::new(
        Some(variable("VITRINE_TEST_S3")),
        variable("VITRINE_TEST_S3_REGION"),
        fresh("test").replace('_', "-"),
        variable("VITRINE_TEST_S3_ACCESS_KEY"),
        variable("VITRINE_TEST_S3_SECRET_KEY"),
    );
    let keys = Credentials::from_keys(&config.access_key, &config.secret_key, None);
    let mut client = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(keys)
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    client.set_endpoint_url(config.endpoint.clone());
    let client = aws_sdk_s3::Client::from_conf(client.build());
    client.create_bucket().bucket(&config.bucket).send().await.unwrap();
    config
}
