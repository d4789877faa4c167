//! What a kind of traffic does, and the client it does it with.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use serde_json::Value;

/// An answer that takes longer is taken for lost.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// One actor's requests and what it was told.
#[async_trait]
pub trait Traffic: Send + Sync {
    /// Makes one request or a few and notes what was acknowledged; `None` when nothing was. The server
    /// may be killed at any moment.
    async fn step(&self, client: &Client) -> Option<()>;

    /// Panics unless everything acknowledged is there. The server is up, and this actor's steps rest.
    async fn audit(&self, client: &Client);

    /// Ends what was begun and audits the end. No kill comes any more.
    async fn finish(&self, client: &Client);

    /// Looks at the data directory itself; the server is down for good.
    fn inspect(&self) {}

    /// How many requests were acknowledged.
    fn facts(&self) -> u64;
}

/// Speaks to the server of one round.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap();
        Self { http, url: url.to_owned() }
    }

    /// A request with a token.
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// Sends it; `None` when the connection broke, so that the outcome is unknown.
    pub async fn send(&self, request: RequestBuilder) -> Option<Response> {
        request.send().await.ok()
    }

    /// The JSON of an answer that must have this status; `None` when the connection broke.
    pub async fn json(&self, request: RequestBuilder, status: u16) -> Option<Value> {
        let answer = request.send().await.ok()?;
        let found = answer.status();
        let text = answer.text().await.ok()?;
        assert_eq!(found, status, "{text}");
        Some(serde_json::from_str(&text).unwrap())
    }
}
