//! The pages: files of `src/web`, carried in the binary.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};

use crate::http::Api;
use crate::http::problem::{Problem, ProblemKind};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/web");

/// What a page may load: its own files, and pictures and video from wherever objects are kept.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob: http: https:; media-src 'self' blob: http: https:; \
    connect-src 'self' http: https:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The pages and their files.
pub fn routes() -> Router<Api> {
    Router::new().route("/", get(viewer)).route("/assets/{*path}", get(asset))
}

async fn viewer(headers: HeaderMap) -> Response {
    file("viewer/index.html", &headers)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// The icon that browsers ask for unbidden.
pub async fn favicon(headers: HeaderMap) -> Response {
    file("viewer/mark.svg", &headers)
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.get_file(path) else {
        return Problem::new(ProblemKind::NotFound, "there is no such file").into_response();
    };
    let tag = format!("\"{:x}\"", fingerprint(file.contents()));
    let known =
        headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.contents().into_response()
    };
    let set = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, "no-cache"), // Asked for each time, answered 304: never stale.
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        set.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set.insert(header::ETAG, tag);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

/// FNV-1a, 64 bits: tells files apart between releases, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
