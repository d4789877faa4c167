//! A small client of the public API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// Bytes of one tus request: small enough to see progress, large enough not to matter.
const CHUNK_BYTES: usize = 1 << 20;
/// Longest wait for an answer; the last bytes of an upload include its move into the object store.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Why the content could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// No answer.
    #[error("no answer from `{0}`")]
    Request(String, #[source] reqwest::Error),
    /// The API refused.
    #[error("`{what}` was refused with {status}: {body}")]
    Refused {
        /// Which request.
        what: String,
        /// Its status.
        status: StatusCode,
        /// The problem document.
        body: String,
    },
    /// An answer lacks what it should have.
    #[error("the answer to `{0}` lacks `{1}`")]
    Unexpected(String, &'static str),
}

/// Speaks for one account.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// A client at `base` with a bearer token.
    pub(super) fn new(base: &str, token: String) -> Result<Self, ClientError> {
        // Other parts of the process may have chosen the same provider already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Request(base.to_owned(), error))?;
        Ok(Self { http, base: base.to_owned(), token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    async fn finish(what: &str, request: RequestBuilder) -> Result<Answer, ClientError> {
        let failed = |error| ClientError::Request(what.to_owned(), error);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        let body = response.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(ClientError::Refused { what: what.to_owned(), status, body });
        }
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        Ok(Answer { what: what.to_owned(), location, body })
    }

    /// Sends JSON. `key` is the `Idempotency-Key`, which a repeated start sends again.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let mut request = self.request(method, path).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        Self::finish(path, request).await
    }

    /// Reads JSON.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        Self::finish(path, self.request(Method::GET, path)).await
    }

    /// Sends a picture and answers its URL.
    pub(super) async fn picture(&self, bytes: Vec<u8>) -> Result<String, ClientError> {
        let request = self.request(Method::POST, "/v1/media").header("content-type", "image/jpeg");
        Self::finish("/v1/media", request.body(bytes)).await?.text("image_url")
    }

    /// Uploads a file by tus and answers the upload's id.
    pub(super) async fn upload(&self, bytes: &[u8]) -> Result<String, ClientError> {
        let request = self
            .request(Method::POST, "/v1/uploads")
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", bytes.len());
        let opened = Self::finish("/v1/uploads", request).await?;
        let missing = || ClientError::Unexpected("/v1/uploads".into(), "Location");
        let location = opened.location.ok_or_else(missing)?;
        for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            let request = self
                .request(Method::PATCH, &location)
                .header("Tus-Resumable", "1.0.0")
                .header("Upload-Offset", index * CHUNK_BYTES)
                .header("content-type", "application/offset+octet-stream");
            Self::finish(&location, request.body(chunk.to_vec())).await?;
        }
        location.rsplit('/').next().map(str::to_owned).ok_or_else(missing)
    }
}

/// A good answer.
pub(super) struct Answer {
    what: String,
    location: Option<String>,
    /// The body, if it was JSON.
    pub(super) body: Value,
}

impl Answer {
    /// A text field that must be there.
    pub(super) fn text(&self, field: &'static str) -> Result<String, ClientError> {
        let missing = || ClientError::Unexpected(self.what.clone(), field);
        self.body[field].as_str().map(str::to_owned).ok_or_else(missing)
    }
}
