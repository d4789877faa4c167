//! TestApp: the real router and services over the stores of a shape, a clock that stands still and seeded
//! chance. Requests go in by `oneshot`; nothing is mocked.
//!
//! Over the embedded stores it is one app. A cluster is two nodes that share a keyspace, a Redis and a
//! bucket; requests go to them in turn, and before each both take in what the logs say, as they would do
//! by themselves within a second.

pub mod cluster;
pub mod engine;
pub mod feed;
pub mod keyspaces;
pub mod outside;
pub mod shop;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vitrine::adapters::sim::SimClock;
use vitrine::app::shop::reconcilers;
use vitrine::app::{App, Backends, Settings};
use vitrine::domain::account::{Market, Scope};
use vitrine::domain::id::AccountId;
use vitrine::domain::limits::{FEED_SESSION_TTL_MS, SEEN_WINDOW_MS};
use vitrine::domain::time::Timestamp;
use vitrine::feed::values::Values;
use vitrine::http::layers::HttpLimits;
use vitrine::services::uploads::UploadPolicy;
use vitrine::telemetry::traces::Traces;

use engine::{Change, Common, Node, Stores};

/// The instant at which every test begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

/// An engine in a test's hand.
pub struct TestApp {
    /// The first node's, or the only one's.
    pub app: Arc<App>,
    /// Of the same.
    pub backends: Backends,
    pub clock: Arc<SimClock>,
    nodes: Vec<Node>,
    /// Which node gets the next request.
    turn: AtomicUsize,
    is_sticky: bool,
    common: Common,
    changes: Vec<Change>,
    stores: Stores,
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
    pub async fn new() -> Self {
        Self::with_settings(&settings()).await
    }

    /// A fresh engine whose operator chose otherwise.
    pub async fn with_settings(settings: &Settings) -> Self {
        let (common, stores) = (Common::new(), Box::pin(Stores::new()).await);
        let directory = tempfile::tempdir().unwrap();
        let nodes = Box::pin(stores.start(&common, directory.path(), (settings, &[]))).await;
        Self {
            app: Arc::clone(&nodes[0].app),
            backends: nodes[0].backends.clone(),
            clock: Arc::clone(&common.clock),
            nodes,
            turn: AtomicUsize::new(0),
            is_sticky: false,
            common,
            changes: Vec::new(),
            stores,
            directory,
        }
    }

    /// The same engine, all of whose requests go to its first node: for what one process remembers or
    /// counts. It takes in changes only when it is told to.
    pub fn at_one_node(self) -> Self {
        Self { is_sticky: true, ..self }
    }

    /// The same data over other backends, at every node and after restarts too.
    pub async fn over(mut self, change: impl Fn(&mut Backends) + Send + Sync + 'static) -> Self {
        self.changes.push(Box::new(change));
        self.restarted().await
    }

    /// The same data after a restart of every process.
    pub async fn restarted(self) -> Self {
        self.restarted_with(&settings()).await
    }

    /// The same data after a restart under other settings.
    pub async fn restarted_with(self, settings: &Settings) -> Self {
        join_all(self.nodes.iter().map(Node::record)).await;
        let Self {
            app,
            backends,
            clock,
            nodes,
            turn,
            is_sticky,
            common,
            changes,
            stores,
            directory,
        } = self;
        drop((app, backends, nodes)); // They lock what the new ones open.
        let nodes = Box::pin(stores.start(&common, directory.path(), (settings, &changes))).await;
        for node in &nodes {
            Box::pin(node.app.indexing.rebuild()).await.unwrap();
        }
        let (app, backends) = (Arc::clone(&nodes[0].app), nodes[0].backends.clone());
        Self { app, backends, clock, nodes, turn, is_sticky, common, changes, stores, directory }
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

    /// The node that gets the next request, which knows all that happened before.
    async fn next_node(&self) -> &Node {
        if self.is_sticky || self.nodes.len() == 1 {
            return &self.nodes[0];
        }
        join_all(self.nodes.iter().map(Node::record)).await;
        join_all(self.nodes.iter().map(Node::take_in)).await;
        &self.nodes[self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len()]
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let router = self.next_node().await.app.router.clone();
        let response = router.oneshot(request).await.unwrap();
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

/// What most tests run with.
pub fn settings() -> Settings {
    Settings {
        public_url: "http://vitrine.test".into(),
        guests: true,
        default_market: Market::US,
        seen_window_ms: SEEN_WINDOW_MS,
        feed_session_ttl_ms: FEED_SESSION_TTL_MS,
        ranking: Values::default(),
        shop: Arc::default(),
        http: HttpLimits {
            in_flight_max: 1_000,
            checkouts_in_flight_max: 1_000,
            request_timeout: Duration::from_secs(30),
        },
        uploads: UploadPolicy { bytes_max: 64 << 20, ttl_ms: 86_400_000, per_account_max: 5 },
        metrics_open: false,
        show_calls: true,
        traces: Traces::default(),
        grant_ttl_ms: 3_600_000,
    }
}
