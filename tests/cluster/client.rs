//! People who use the API.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Longer than the server takes for any answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The HTTP client wants to know, though nothing here is encrypted. The first test's choice stays.
pub fn choose_cryptography() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The body as JSON, `null` if there is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A refusal for now: a problem that says when to come back.
    #[track_caller]
    pub fn expect_later(&self) {
        let problem = self.expect(503);
        assert!(self.headers.contains_key("retry-after"), "{problem}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }
}

/// Someone with a token.
#[derive(Clone)]
pub struct Actor {
    http: reqwest::Client,
    token: String,
}

impl Actor {
    pub fn new(token: &str) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap();
        Self { http, token: token.to_owned() }
    }

    /// A viewer whom nobody knows.
    pub async fn guest(node: &str) -> Self {
        let nobody = Self::new("");
        let made = nobody.http.post(format!("{node}/v1/guest-tokens")).send().await.unwrap();
        let token: Value = made.json().await.unwrap();
        Self { token: token["token"].as_str().unwrap().to_owned(), ..nobody }
    }

    pub fn request(&self, method: Method, node: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{node}{path}")).bearer_auth(&self.token)
    }

    /// Sends a request; an error if the connection broke.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, text: answer.text().await? })
    }

    pub async fn get(&self, node: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, node, path)).await.unwrap()
    }

    /// Sends JSON by this method.
    pub async fn with(&self, method: Method, node: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, node, path).json(body)).await.unwrap()
    }

    pub async fn put(&self, node: &str, path: &str) -> Answer {
        self.send(self.request(Method::PUT, node, path)).await.unwrap()
    }

    /// A request under an idempotency key.
    pub async fn keyed(&self, node: &str, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, node, path).json(body);
        self.send(request.header("Idempotency-Key", key)).await.unwrap()
    }

    /// The feed of up to 50 clips.
    pub async fn feed(&self, node: &str) -> Answer {
        self.get(node, "/v1/feed?limit=50").await
    }

    /// Tells of watching a clip to its end.
    pub async fn watch(&self, node: &str, clip: &str, id: u128) -> Answer {
        let id = uuid::Uuid::from_u128(id).to_string();
        let now = jiff::Timestamp::now().to_string();
        let event = json!({ "id": id, "type": "watch", "clip_id": clip, "watch_ms": 900, "loops": 0,
            "occurred_at": now });
        self.with(Method::POST, node, "/v1/events", &json!({ "events": [event] })).await
    }

    /// Uploads a video in one request and makes a clip of it; answers the clip.
    pub async fn upload(&self, node: &str, video: Vec<u8>, body: Value) -> Answer {
        let length = video.len();
        let request = self
            .request(Method::POST, node, "/v1/uploads")
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", length)
            .header("Content-Type", "application/offset+octet-stream")
            .body(video);
        let opened = self.send(request).await.unwrap();
        assert_eq!(opened.status, 201, "{}", opened.text);
        assert_eq!(opened.headers["upload-offset"], length.to_string().as_str());
        let location = opened.headers["location"].to_str().unwrap().to_owned();
        let mut body = body;
        body["upload_id"] = location.rsplit('/').next().unwrap().into();
        self.with(Method::POST, node, "/v1/clips", &body).await
    }
}

/// The clip's item on a page.
pub fn item<'a>(page: &'a Value, clip: &str) -> Option<&'a Value> {
    page["items"].as_array()?.iter().find(|item| item["clip"]["id"] == clip)
}
