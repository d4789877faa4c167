//! Problem documents (RFC 9457) and the registry of their kinds.

use std::error::Error;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ports::error::StoreError;
use crate::ports::tokens::TokenError;

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal $(, retry after $seconds:literal)?;)*) => {
        /// Every kind of failure a client can meet. The code is stable; the texts may be improved.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemKind {
            $($(#[$doc])* $name,)*
        }

        impl ProblemKind {
            /// All kinds, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// After how many seconds a repetition makes sense.
            pub const fn retry_after_seconds(self) -> Option<u32> {
                match self { $(Self::$name => problem_kinds!(@retry $($seconds)?),)* }
            }
        }
    };
    (@retry) => { None };
    (@retry $seconds:literal) => { Some($seconds) };
}

problem_kinds! {
    /// The body, path, query or a header does not say what it must; `errors` names the fields.
    Invalid = "invalid_request", BAD_REQUEST, "The request is not valid";
    /// No token, or a bad one.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid access token is needed";
    /// The token lacks a scope.
    Forbidden = "insufficient_scope", FORBIDDEN, "The access token does not allow this";
    /// No such thing, or not for this caller.
    NotFound = "not_found", NOT_FOUND, "There is no such thing";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The resource has no such method";
    /// The present state does not allow it.
    Conflict = "conflict", CONFLICT, "The present state does not allow this";
    /// `If-Match` names another version.
    PreconditionFailed = "version_mismatch", PRECONDITION_FAILED, "It was changed in the meantime";
    /// The body is larger than allowed.
    TooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is not of a type that is read here.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body has the wrong type";
    /// The cursor was not made here, or for another list.
    InvalidCursor = "invalid_cursor", BAD_REQUEST, "The cursor is not valid here";
    /// The cursor's time is over.
    CursorExpired = "cursor_expired", GONE, "The cursor has expired";
    /// The route needs an `Idempotency-Key`.
    IdempotencyKeyRequired = "idempotency_key_required", BAD_REQUEST, "An Idempotency-Key is needed";
    /// The key was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request";
    /// The first request with this key is still running.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT, "The first request with this key is still running", retry after 1;
    /// The account has as many as it may have.
    TooMany = "too_many", TOO_MANY_REQUESTS, "There are too many of these", retry after 60;
    /// The bank or the buyer said no; nothing was charged and the stock is back.
    PaymentDeclined = "payment_declined", PAYMENT_REQUIRED, "The payment was declined";
    /// The provider did not answer; it will be found out.
    PaymentUnknown = "payment_unknown", SERVICE_UNAVAILABLE, "The payment's outcome is not known yet", retry after 2;
    /// Too few units are left.
    OutOfStock = "out_of_stock", CONFLICT, "There is not enough in stock";
    /// The quoted price no longer stands; `quote` and `price` tell the present one.
    PriceChanged = "price_changed", CONFLICT, "The price has changed";
    /// The time to pay is over.
    CheckoutExpired = "checkout_expired", CONFLICT, "The checkout has expired";
    /// It is completed or canceled.
    CheckoutClosed = "checkout_closed", CONFLICT, "The checkout is closed";
    /// The stock was counted against an older version; `version` tells the present one.
    StockVersion = "stock_version_changed", CONFLICT, "The stock has changed in the meantime";
    /// Fewer units would be left than buyers hold.
    StockHeld = "stock_held", CONFLICT, "Buyers hold more units than would be left";
    /// The bytes start elsewhere than where the last ones ended; `HEAD` tells where.
    UploadOffsetMismatch = "upload_offset_mismatch", CONFLICT, "The upload continues elsewhere";
    /// Another request is writing to the same upload.
    UploadBusy = "upload_busy", CONFLICT, "Another request is writing to this upload", retry after 1;
    /// The upload's time is over, or a clip was made of it.
    UploadGone = "upload_gone", GONE, "The upload is no longer there to be continued";
    /// The upload lacks bytes.
    UploadIncomplete = "upload_incomplete", CONFLICT, "The upload is not complete";
    /// The bytes do not have the checksum that came with them; they were dropped.
    ChecksumMismatch = "checksum_mismatch", BAD_REQUEST, "The bytes do not have the stated checksum";
    /// `Tus-Resumable` is missing or names another version than `1.0.0`.
    TusVersion = "unsupported_tus_version", PRECONDITION_FAILED, "Only version 1.0.0 of the tus protocol is spoken";
    /// The disk is full.
    InsufficientStorage = "insufficient_storage", INSUFFICIENT_STORAGE, "There is no room for more", retry after 60;
    /// What the slate was made from is not known any more, or was not kept.
    ReplayUnavailable = "replay_unavailable", CONFLICT, "The slate cannot be recomputed";
    /// More requests than this server takes at once.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server is at its limit", retry after 1;
    /// A store or provider does not answer; nothing was done, or it will be finished in the background.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A part of the service is unavailable", retry after 2;
    /// It took too long.
    Timeout = "timeout", GATEWAY_TIMEOUT, "The request took too long", retry after 2;
    /// A fault of ours.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong on our side";
}

impl ProblemKind {
    /// The status on the wire. tus 1.0 gives a failed checksum a status of its own, which no registry
    /// knows.
    fn wire_status(self) -> StatusCode {
        if self == Self::ChecksumMismatch {
            return StatusCode::from_u16(460).unwrap_or(self.status());
        }
        self.status()
    }
}

/// A failure as the client sees it. It becomes a document in `layers`, where the request's id is known.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    replayed: bool,
}

/// The header of an answer that was given before under the same key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A JSON pointer into the body (`/lines/0/quantity`), or `/` and the parameter's name.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Problem {
    /// A problem with a sentence for the client.
    pub fn new(kind: ProblemKind, detail: impl std::fmt::Display) -> Self {
        let detail = Some(detail.to_string());
        Self { kind, detail, errors: Vec::new(), members: Map::new(), replayed: false }
    }

    /// A problem whose kind says all that the client may know; the cause goes to the log, once.
    pub fn hidden(kind: ProblemKind, error: &dyn Error) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(code = kind.code(), error = chain, "request failed");
        Self { kind, detail: None, errors: Vec::new(), members: Map::new(), replayed: false }
    }

    /// An invalid field.
    pub fn field(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.into(), detail: detail.to_string() }])
    }

    /// Invalid fields, all at once.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let names: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        let detail = Some(format!("see `errors` for {}", names.join(", ")));
        Self { kind: ProblemKind::Invalid, detail, errors, members: Map::new(), replayed: false }
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Marks the problem as the answer that the key's first request got.
    #[must_use]
    pub fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// The kind.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What is wrong, one text per field; the detail alone if no field is named.
    pub fn errors(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return self.detail.iter().cloned().collect();
        }
        self.errors.iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect()
    }

    /// The document, for the request of that id.
    pub(super) fn render(self, request_id: &str) -> Response {
        let kind = self.kind;
        let mut body = Map::new();
        body.insert("type".into(), format!("https://vitrine.dev/problems/{}", kind.code()).into());
        body.insert("title".into(), kind.title().into());
        body.insert("status".into(), kind.wire_status().as_u16().into());
        if let Some(detail) = self.detail {
            body.insert("detail".into(), detail.into());
        }
        body.insert("code".into(), kind.code().into());
        body.insert("request_id".into(), request_id.into());
        if !self.errors.is_empty() {
            let errors = serde_json::to_value(&self.errors).unwrap_or_default();
            body.insert("errors".into(), errors);
        }
        body.extend(self.members);
        let text = Value::Object(body).to_string();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = kind.wire_status();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = kind.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        if kind == ProblemKind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem up to the layer that renders it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.wire_status();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict => Self::new(
                ProblemKind::Conflict,
                "someone else changed it at the same time: try again",
            ),
            StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) => {
                Self::hidden(ProblemKind::Unavailable, &error)
            }
            StoreError::Corrupt { .. } => Self::hidden(ProblemKind::Internal, &error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(ProblemKind::Unauthenticated, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_snake_case_words() {
        let mut codes: Vec<&str> = ProblemKind::ALL.iter().map(|kind| kind.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemKind::ALL.len());
    }
}
