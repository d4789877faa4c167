//! Keys of requests, and answers that were given before.

use axum::http::{HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::http::extract::IdempotencyKey;
use crate::http::problem::REPLAYED;
use crate::services::idempotency::RequestKey;

/// The key of a request with the digest of what it asks for: SHA-256 over the parsed body written anew,
/// so that neither spaces nor the order of fields make another request of it.
pub fn request_key<T: Serialize>(key: IdempotencyKey, body: &T) -> RequestKey {
    let canonical = serde_json::to_vec(body).expect("a body that was parsed can be written");
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, &canonical).as_ref());
    RequestKey { text: key.0, fingerprint }
}

/// `Idempotent-Replayed: true` on an answer that was given before.
pub fn replay_headers(replayed: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    headers
}
