//! Objects under a grant: playlists, segments, pictures, with byte ranges.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::http::Api;
use crate::http::conditional::{is_known, range_holds};
use crate::http::problem::{Problem, ProblemKind};
use crate::services::media::{Media, MediaObject, MediaRange};

/// Grants change with their period, objects never: caches may keep what they have.
const CACHE: &str = "public, max-age=21600, immutable";

/// Positions beyond are taken for this one: no object reaches it, and stores count in 63 bits.
const POSITION_MAX: u64 = 1 << 62;

/// The routes of this file. Links to them come in answers of the API; they are not for building by hand.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().route("/media/{grant}/{*key}", get(read))
}

async fn read(
    State(media): State<Arc<Media>>,
    Path((grant, key)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::new(ProblemKind::NotFound, "the link is wrong or has expired");
    let mut range = headers.get(header::RANGE).and_then(|value| parse_range(value.to_str().ok()?));
    let head_only = method == Method::HEAD;
    let mut found = media.read(&grant, &key, range, head_only).await?.ok_or_else(missing)?;
    let etag = format!("\"{}\"", found.meta.etag);
    if range.is_some() && !range_holds(&headers, etag.as_bytes()) {
        range = None;
        found = media.read(&grant, &key, None, head_only).await?.ok_or_else(missing)?;
    }
    let known = is_known(&headers, etag.as_bytes());
    Ok(show(found, range.is_some(), &etag, known))
}

fn show(found: MediaObject, ranged: bool, etag: &str, known: bool) -> Response {
    let MediaObject { meta, range, bytes } = found;
    let outside = ranged && range.is_empty();
    let (status, body) = if known {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else if outside {
        (StatusCode::RANGE_NOT_SATISFIABLE, Body::empty())
    } else {
        let status = if ranged { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        (status, bytes.map_or_else(Body::empty, Body::from_stream))
    };
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            set.insert(name, value);
        }
    };
    put(header::ETAG, etag);
    put(header::CACHE_CONTROL, CACHE);
    put(header::ACCEPT_RANGES, "bytes");
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if outside {
        put(header::CONTENT_RANGE, &format!("bytes */{}", meta.len));
    } else if !known {
        put(header::CONTENT_TYPE, &meta.content_type);
        put(header::CONTENT_LENGTH, &(range.end - range.start).to_string());
        if ranged {
            let last = range.end.saturating_sub(1);
            put(header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", range.start, meta.len));
        }
    }
    response
}

/// One range of bytes (RFC 9110 §14.1.2). Several at once, or another unit, are answered whole, as the
/// standard allows.
fn parse_range(text: &str) -> Option<MediaRange> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().unwrap_or(POSITION_MAX).min(POSITION_MAX))
    };
    match (first.trim(), last.trim()) {
        ("", last) => Some(MediaRange::Last(number(last)?)),
        (first, "") => Some(MediaRange::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| MediaRange::Span(first, last + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_standard() {
        assert_eq!(parse_range("bytes=0-99"), Some(MediaRange::Span(0, 100)));
        assert_eq!(parse_range("bytes=100-"), Some(MediaRange::From(100)));
        assert_eq!(parse_range("bytes=-50"), Some(MediaRange::Last(50)));
        let huge = "bytes=0-99999999999999999999";
        assert_eq!(parse_range(huge), Some(MediaRange::Span(0, POSITION_MAX + 1)));
        for text in ["bytes=+5-", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-"]
        {
            assert_eq!(parse_range(text), None, "{text}");
        }
    }
}
