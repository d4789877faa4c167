//! The servers, started once for all tests of this binary, and the keyspace.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls;
use serde_json::Value;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};
use vitrine::adapters::system::OsEntropy;
use vitrine::ports::entropy::Entropy as _;

/// What runs, under one name.
pub struct Servers {
    variables: HashMap<String, String>,
    pub keyspace: String,
    pub bucket: String,
    /// What two migrations that began together said, as JSON.
    pub migrations: [Value; 2],
}

static HARM: RwLock<()> = RwLock::const_new(());

/// Runs `scripts/test-servers` with these words; answers what it printed.
fn control(words: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-servers");
    let output = Command::new(script).args(words).output().unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{complained}\nrun `scripts/test-servers run redis s3 toxiproxy -- cargo test --test cluster`"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Does something to servers: `kill ring-2`, `pause redis`. Returns when it is done.
pub async fn order(words: &'static [&'static str]) {
    tokio::task::spawn_blocking(move || control(words)).await.unwrap();
}

impl Servers {
    /// For tests that do the servers no harm.
    pub async fn shared() -> (RwLockReadGuard<'static, ()>, &'static Self) {
        crate::client::choose_cryptography();
        (HARM.read().await, Self::get().await)
    }

    /// For tests that do.
    pub async fn alone() -> (RwLockWriteGuard<'static, ()>, &'static Self) {
        crate::client::choose_cryptography();
        (HARM.write().await, Self::get().await)
    }

    async fn get() -> &'static Self {
        static SERVERS: OnceCell<Servers> = OnceCell::const_new();
        SERVERS.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let words = ["add", "ring", "redis", "s3", "toxiproxy"];
        let printed = tokio::task::spawn_blocking(move || control(&words)).await.unwrap();
        let pairs = printed.lines().filter_map(|line| line.split_once('='));
        let variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let name = format!("cluster{:016x}", OsEntropy::new().seed());
        let (keyspace, bucket) = (name.clone(), name);
        let mut servers = Self { variables, keyspace, bucket, migrations: Default::default() };
        servers.make_bucket().await;
        servers.migrations = servers.migrate().await;
        servers
    }

    /// A variable that the script printed.
    pub fn variable(&self, name: &str) -> &str {
        &self.variables[&format!("VITRINE_TEST_{name}")]
    }

    async fn make_bucket(&self) {
        let keys = (self.variable("S3_ACCESS_KEY"), self.variable("S3_SECRET_KEY"));
        let credentials = aws_credential_types::Credentials::from_keys(keys.0, keys.1, None);
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.variable("S3_REGION").to_owned()))
            .credentials_provider(credentials)
            .endpoint_url(self.variable("S3"))
            .force_path_style(true)
            .http_client(http)
            .build();
        let client = aws_sdk_s3::Client::from_conf(config);
        client.create_bucket().bucket(&self.bucket).send().await.unwrap();
    }

    /// Migrates from two nodes at once.
    async fn migrate(&self) -> [Value; 2] {
        let home = crate::server::Home::new(self);
        let run = || {
            let mut command = home.command(&["migrate", "--json"]);
            tokio::task::spawn_blocking(move || command.output().unwrap())
        };
        let both = tokio::join!(run(), run());
        [both.0, both.1].map(|output| {
            let output = output.unwrap();
            let complained = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{complained}");
            serde_json::from_slice(&output.stdout).unwrap()
        })
    }

    /// The configuration of a node, but for what is its own.
    pub fn configuration(&self, keyspace: &str, keys: &Path) -> String {
        let mut text = String::new();
        let mut section = |name: &str, pairs: &[(&str, &str)]| {
            writeln!(text, "[{name}]").unwrap();
            for (key, value) in pairs {
                writeln!(text, "{key} = {value:?}").unwrap();
            }
        };
        section("server", &[("listen", "127.0.0.1:0")]);
        section("data", &[("keys", keys.to_str().unwrap())]);
        section("cql", &[("nodes", self.variable("RING")), ("keyspace", keyspace)]);
        section("redis", &[("urls", self.variable("REDIS")), ("prefix", &self.keyspace)]);
        let (access, secret) = (self.variable("S3_ACCESS_KEY"), self.variable("S3_SECRET_KEY"));
        section(
            "objects",
            &[
                ("endpoint", self.variable("S3")),
                ("region", self.variable("S3_REGION")),
                ("bucket", &self.bucket),
                ("access_key", access),
                ("secret_key", secret),
            ],
        );
        section("media", &[("preset", "ultrafast")]);
        section("log", &[("filter", "warn,scylla=off,vitrine::http=off")]);
        text
    }
}
