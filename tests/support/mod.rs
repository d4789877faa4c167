//! TestApp: the real router and services over an in-memory store, a clock that stands still and seeded
//! chance. Requests go in by `oneshot`; nothing is mocked.

use std::path::Path;
pub mod feed;
pub mod shop;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vitrine::adapters::embedded::Embedded;
use vitrine::adapters::ffmpeg::engine;
use vitrine::adapters::ffmpeg::supervisor::ChildTranscoder;
use vitrine::adapters::fs::spool::FsSpool;
use vitrine::adapters::images::ImageCrate;
use vitrine::adapters::s3::{S3Config, S3Objects};
use vitrine::adapters::s3_server::{self, S3ServerConfig};
use vitrine::adapters::sim::{SeededEntropy, SimClock};
use vitrine::adapters::system::keys::throwaway_token_key;
use vitrine::adapters::system::{JwtTokens, KeyRing, LocalLeases};
use vitrine::app::feed::FeedBackends;
use vitrine::app::shop::{ShopBackends, reconcilers};
use vitrine::app::{App, Backends, Settings, assemble};
use vitrine::domain::account::{Market, Scope};
use vitrine::domain::id::AccountId;
use vitrine::domain::limits::{FEED_SESSION_TTL_MS, SEEN_WINDOW_MS};
use vitrine::domain::time::Timestamp;
use vitrine::http::layers::HttpLimits;
use vitrine::ports::clock::Clock;
use vitrine::services::uploads::UploadPolicy;
use vitrine::telemetry::figures::Figures;

/// The instant at which every test begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

/// An engine in a test's hand.
pub struct TestApp {
    pub app: App,
    pub clock: Arc<SimClock>,
    pub store: Embedded,
    pub backends: Backends,
    /// Objects and uploads; removed with the app.
    pub directory: tempfile::TempDir,
}

/// Someone with a token, or without one.
#[derive(Clone)]
pub struct Actor {
    pub id: AccountId,
    token: Option<String>,
}

impl Actor {
    /// The bearer token, if there is one.
    pub fn token(&self) -> Option<String> {
        self.token.clone()
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The JSON body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The code of a problem document that must have this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        body["code"].as_str().expect("a problem has a code").to_owned()
    }
}

impl TestApp {
    /// A fresh engine.
    pub fn new() -> Self {
        Self::with_settings(&settings())
    }

    /// A fresh engine whose operator chose otherwise.
    pub fn with_settings(settings: &Settings) -> Self {
        let figures = Arc::new(Figures::new());
        let store = Embedded::in_memory().unwrap().measured(figures.calls.clone());
        let clock = Arc::new(SimClock::new(START));
        let key = throwaway_token_key().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let scratch = directory.path().join("scratch");
        let backends = Backends {
            shared: false,
            figures,
            health: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            changes: Arc::new(store.clone()),
            clips: Arc::new(store.clone()),
            jobs: Arc::new(store.clone()),
            leases: Arc::new(LocalLeases::default()),
            uploads: Arc::new(store.clone()),
            spool: Arc::new(FsSpool::open(directory.path().join("uploads")).unwrap()),
            objects: Arc::new(objects(directory.path(), Arc::clone(&clock) as _)),
            transcoder: Arc::new(ChildTranscoder::new(
                env!("CARGO_BIN_EXE_vitrine").into(),
                engine::Settings { preset: "ultrafast".into(), ..engine::Settings::default() },
            )),
            images: Arc::new(ImageCrate),
            scratch,
            feed: FeedBackends::embedded(&store),
            shop: ShopBackends::embedded(&store),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SeededEntropy::new(42)),
            signer: Arc::new(KeyRing::from_secret(&[42; 32])),
            tokens: Arc::new(JwtTokens::new(&key, "vitrine", "vitrine").unwrap()),
        };
        let app = assemble(&backends, settings);
        Self { app, clock, store, backends, directory }
    }

    /// The same data over other backends: a failing one, or one that nodes share.
    pub async fn over(mut self, change: impl FnOnce(&mut Backends)) -> Self {
        change(&mut self.backends);
        self.restarted().await
    }

    /// The same data after a restart of the process.
    pub async fn restarted(self) -> Self {
        self.restarted_with(&settings()).await
    }

    /// The same data after a restart under other settings.
    pub async fn restarted_with(mut self, settings: &Settings) -> Self {
        self.backends.shop = ShopBackends::embedded(&self.store); // What a provider kept in memory is gone.
        let app = assemble(&self.backends, settings);
        app.indexing.rebuild().await.unwrap();
        Self { app, ..self }
    }

    /// Someone with these scopes.
    pub fn actor(&self, subject: &str, scopes: &[Scope]) -> Actor {
        let issued = self.app.api.access.issue(subject, scopes, 86_400_000).unwrap();
        Actor { id: issued.account, token: Some(issued.token) }
    }

    pub fn viewer(&self, subject: &str) -> Actor {
        self.actor(subject, &[Scope::Viewer])
    }

    pub fn creator(&self, subject: &str) -> Actor {
        self.actor(subject, &[Scope::Viewer, Scope::Creator])
    }

    pub fn merchant(&self, subject: &str) -> Actor {
        self.actor(subject, &[Scope::Viewer, Scope::Merchant])
    }

    pub fn operator(&self) -> Actor {
        self.actor("operator", &[Scope::Operator])
    }

    #[expect(clippy::unused_self, reason = "reads like the other actors")]
    pub fn nobody(&self) -> Actor {
        Actor { id: AccountId::from_bits(0), token: None }
    }

    /// Lets every reconciler work until nothing is left to do; answers how many records moved.
    pub async fn reconcile(&self) -> usize {
        let mut changed = 0;
        for reconciler in reconcilers(&self.app.api.shop) {
            loop {
                let activation = reconciler.activate().await.unwrap();
                changed += activation.changed;
                if !activation.more {
                    break;
                }
            }
        }
        changed
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Sends a request with headers and perhaps a JSON body.
    pub async fn request(
        &self,
        actor: &Actor,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &actor.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, actor: &Actor, path: &str) -> Answer {
        self.request(actor, Method::GET, path, &[], None).await
    }

    pub async fn put(&self, actor: &Actor, path: &str, body: Value) -> Answer {
        self.request(actor, Method::PUT, path, &[], Some(body)).await
    }

    pub async fn post(&self, actor: &Actor, path: &str, body: Value) -> Answer {
        self.request(actor, Method::POST, path, &[], Some(body)).await
    }

    pub async fn patch(&self, actor: &Actor, path: &str, body: Value) -> Answer {
        self.request(actor, Method::PATCH, path, &[], Some(body)).await
    }

    pub async fn delete(&self, actor: &Actor, path: &str) -> Answer {
        self.request(actor, Method::DELETE, path, &[], None).await
    }

    /// A request with raw bytes and headers.
    pub async fn send_bytes(
        &self,
        actor: &Actor,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        bytes: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &actor.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(bytes)).unwrap()).await
    }

    /// Does all background work that is due.
    pub async fn run_due_work(&self) {
        while self.app.runner.run_due().await.unwrap() {}
    }

    /// A POST with an `Idempotency-Key`.
    pub async fn post_keyed(&self, actor: &Actor, path: &str, key: &str, body: Value) -> Answer {
        self.request(actor, Method::POST, path, &[("Idempotency-Key", key)], Some(body)).await
    }
}

/// The S3 server of the embedded shape, in this process.
fn objects(directory: &Path, clock: Arc<dyn Clock>) -> S3Objects {
    let config = S3ServerConfig {
        root: directory.join("objects"),
        buckets: vec!["vitrine".into()],
        access_key: "test".into(),
        secret_key: "test".into(),
        multipart_ttl: Duration::from_hours(1),
    };
    let service = s3_server::open(config, clock).unwrap();
    let endpoint = Some("http://s3.internal".to_owned());
    let config = S3Config::new(endpoint, "local", "vitrine", "test", "test");
    S3Objects::new(&config, Some(s3_server::in_process_http_client(service)))
}

/// What most tests run with.
pub fn settings() -> Settings {
    Settings {
        public_url: "http://vitrine.test".into(),
        guests: true,
        default_market: Market::US,
        seen_window_ms: SEEN_WINDOW_MS,
        feed_session_ttl_ms: FEED_SESSION_TTL_MS,
        shop: Arc::default(),
        http: HttpLimits {
            in_flight_max: 1_000,
            checkouts_in_flight_max: 1_000,
            request_timeout: Duration::from_secs(30),
        },
        uploads: UploadPolicy { bytes_max: 64 << 20, ttl_ms: 86_400_000, per_account_max: 5 },
        metrics_open: false,
        show_calls: true,
        grant_ttl_ms: 3_600_000,
    }
}
