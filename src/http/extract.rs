//! What handlers take: typed bodies, queries, ids and callers, each with its own clear refusal.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::domain::account::Scope;
use crate::domain::id::IdError;
use crate::domain::limits::{BODY_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX};
use crate::http::problem::{Problem, ProblemKind};
use crate::services::access::{Access, Caller};

/// A JSON body. Unknown and ill-typed fields are refused by name.
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send `Content-Type: application/json`";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
                return Problem::new(ProblemKind::TooLarge, detail);
            }
            Problem::new(ProblemKind::Invalid, "the body broke off")
        })?;
        parse_json(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Parses JSON; the error names the field by its JSON pointer.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            return Problem::field(pointer, inner);
        }
        Problem::new(ProblemKind::Invalid, format!("the body is not JSON: {inner}"))
    })?;
    reader.end().map_err(|error| {
        Problem::new(ProblemKind::Invalid, format!("the body goes on: {error}"))
    })?;
    Ok(value)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        text.push('/');
        text.push_str(&step);
    }
    if text.is_empty() { "/".into() } else { text }
}

/// The query string. Unknown and ill-typed parameters are refused by name.
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|error| {
            let text = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            let (name, detail) = text.split_once(": ").unwrap_or(("", &text));
            Problem::field(format!("/{name}"), detail)
        })
    }
}

/// The only id in the path.
pub struct PathId<T>(pub T);

/// The two ids in the path, in order.
pub struct PathIds<A, B>(pub A, pub B);

impl<S, T> FromRequestParts<S> for PathId<T>
where
    S: Send + Sync,
    T: FromStr<Err = IdError>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = raw_params(parts, state).await?;
        Ok(Self(parse_param(&raw, 0)?))
    }
}

impl<S, A, B> FromRequestParts<S> for PathIds<A, B>
where
    S: Send + Sync,
    A: FromStr<Err = IdError>,
    B: FromStr<Err = IdError>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = raw_params(parts, state).await?;
        Ok(Self(parse_param(&raw, 0)?, parse_param(&raw, 1)?))
    }
}

async fn raw_params<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<RawPathParams, Problem> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::new(ProblemKind::NotFound, "the path is not readable"))
}

fn parse_param<T: FromStr<Err = IdError>>(raw: &RawPathParams, index: usize) -> Result<T, Problem> {
    let (name, text) = raw.iter().nth(index).unwrap_or(("id", ""));
    text.parse().map_err(|error: IdError| Problem::field(format!("/{name}"), error))
}

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident: $scope:ident;)*) => {
        $($(#[$doc])*
        pub struct $name(pub Caller);

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            Arc<Access>: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                authorize(&parts.headers, &Arc::from_ref(state), Scope::$scope).map(Self)
            }
        })*
    };
}

callers! {
    /// A caller with the scope `viewer`.
    Viewer: Viewer;
    /// A caller with the scope `creator`.
    Creator: Creator;
    /// A caller with the scope `merchant`.
    Merchant: Merchant;
    /// A caller with the scope `operator`.
    Operator: Operator;
}

/// A caller with any valid token.
pub struct Anyone(pub Caller);

impl<S> FromRequestParts<S> for Anyone
where
    S: Send + Sync,
    Arc<Access>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        authenticate(&parts.headers, &Arc::from_ref(state)).map(Self)
    }
}

fn authenticate(headers: &HeaderMap, access: &Access) -> Result<Caller, Problem> {
    let refused = |detail| Problem::new(ProblemKind::Unauthenticated, detail);
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| refused("send `Authorization: Bearer <token>`"))?;
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| refused("the `Authorization` header is not `Bearer <token>`"))?;
    Ok(access.authenticate(token)?)
}

fn authorize(headers: &HeaderMap, access: &Access, scope: Scope) -> Result<Caller, Problem> {
    let caller = authenticate(headers, access)?;
    if caller.may(scope) {
        return Ok(caller);
    }
    let detail = format!("the scope `{}` is needed", scope.as_str());
    Err(Problem::new(ProblemKind::Forbidden, detail))
}

/// The client's name for one intent: a retry carries the same. Raw or quoted, as both are in use
/// (`draft-ietf-httpapi-idempotency-key-header` quotes it, most providers do not).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = OptionalIdempotencyKey::from_request_parts(parts, state).await?;
        found.0.ok_or_else(|| {
            let detail = "send `Idempotency-Key: <a new UUID per intent>` and repeat it on a retry";
            Problem::new(ProblemKind::IdempotencyKeyRequired, detail)
        })
    }
}

/// As [`IdempotencyKey`], where it may be left out.
pub struct OptionalIdempotencyKey(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalIdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            let detail =
                format!("a key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
            return Err(Problem::field("/Idempotency-Key", detail));
        }
        Ok(Self(Some(IdempotencyKey(key.to_owned()))))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Order {
        lines: Vec<Line>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Line {
        quantity: u32,
    }

    #[test]
    fn a_wrong_field_is_named_by_its_pointer() {
        let problem = parse_json::<Order>(br#"{"lines":[{"quantity":1},{"quantity":"two"}]}"#);
        let text = format!("{:?}", problem.unwrap_err());
        assert!(text.contains("/lines/1/quantity"), "{text}");
        let problem = parse_json::<Order>(br#"{"lines":[],"price":1}"#);
        let text = format!("{:?}", problem.unwrap_err());
        assert!(text.contains("price"), "{text}");
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let bomb = "[".repeat(100_000);
        assert!(parse_json::<serde_json::Value>(bomb.as_bytes()).is_err());
    }
}
