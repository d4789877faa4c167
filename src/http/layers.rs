//! What every request passes through, on one screen, outermost first.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::domain::limits::BODY_BYTES_MAX;
use crate::http::problem::{Problem, ProblemKind};
use crate::ports::entropy::Entropy;
use crate::telemetry::calls::tallied;
use crate::telemetry::figures::Figures;
use crate::telemetry::traces::{Arrival, RequestSpan, Traces};

/// How much the edge takes on.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Requests of browsing, media and uploads in flight at once; more are refused at once.
    pub in_flight_max: usize,
    /// Requests that buy (`/v1/checkouts`) in flight at once: a bound of their own, so that a flood of
    /// feed requests cannot crowd out a purchase.
    pub checkouts_in_flight_max: usize,
    /// Longest time to an answer's headers; uploads and media stream beyond it.
    pub request_timeout: Duration,
}

/// Shared by all requests.
struct Edge {
    limits: HttpLimits,
    browsing: Semaphore,
    buying: Semaphore,
    entropy: Arc<dyn Entropy>,
    watch: Watch,
}

/// What is noted of every request.
#[derive(Clone, Default)]
pub struct Watch {
    /// Where it is counted.
    pub figures: Arc<Figures>,
    /// Whether answers tell how many calls to stores they took.
    pub show_calls: bool,
    /// Their spans.
    pub traces: Traces,
}

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What asks how the node is. It is always answered, and traced never: it would drown the rest.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// What scripts of other origins may read besides the plain headers.
const EXPOSED_HEADERS: &str = "etag, location, retry-after, idempotent-replayed, x-request-id, \
    traceparent, server-timing, content-range, accept-ranges, tus-resumable, tus-version, \
    tus-extension, tus-max-size, tus-checksum-algorithm, upload-offset, upload-length, \
    upload-expires, upload-metadata";

/// Wraps the routes. Outermost first: a layer listed higher sees the request earlier and the response
/// later.
pub fn wrap(routes: Router, limits: HttpLimits, entropy: Arc<dyn Entropy>, watch: Watch) -> Router {
    let edge = Arc::new(Edge {
        browsing: Semaphore::new(limits.in_flight_max),
        buying: Semaphore::new(limits.checkouts_in_flight_max),
        limits,
        entropy,
        watch,
    });
    routes.layer(
        tower::ServiceBuilder::new()
            .layer(from_fn(cross_origin)) // Answers preflights before anything is counted.
            .layer(from_fn_with_state(Arc::clone(&edge), identify)) // Ids, problem documents, the log.
            .layer(CatchPanicLayer::custom(panicked)) // A bug costs one request, not the connection.
            .layer(from_fn_with_state(edge, admit)) // Refuses at once above the bounds; deadlines.
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX)),
    )
}

/// Lets pages of any origin ask: tokens travel in a header, never in a cookie.
///
/// Only true preflights are answered here. Other `OPTIONS` requests go on: in tus they ask what the
/// server can do.
async fn cross_origin(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let preflight = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let set = response.headers_mut();
    let any = HeaderValue::from_static("*");
    set.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    if preflight {
        let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        set.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        // Named one by one: `*` does not cover `Authorization`.
        if let Some(wanted) = wanted {
            set.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
        set.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    } else {
        let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
        set.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let error = std::io::Error::other(format!("a handler panicked: {text}"));
    Problem::hidden(ProblemKind::Internal, &error).into_response()
}

/// Gives the request an id and a trace, renders problems, writes the log line.
async fn identify(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let bits = edge.entropy.bits();
    let id = incoming_id(request.headers()).unwrap_or_else(|| format!("{:016x}", bits >> 64));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let caller = caller(request.headers());
    let arrival = Arrival { method: method.as_str(), route, request_id: &id, caller };
    let is_probe = route.is_some_and(|route| PROBES.contains(&route));
    let traced = if is_probe { None } else { edge.watch.traces.request(arrival) };
    let trace = traced.as_ref().map_or_else(|| own_trace(caller, bits), RequestSpan::traceparent);
    let _in_flight = edge.watch.figures.http.begun();
    let span = tracing::info_span!("request", request_id = id, trace_id = trace.get(3..35));
    let work = async {
        if edge.watch.show_calls {
            with_calls(next.run(request)).await
        } else {
            next.run(request).await
        }
    };
    let mut response = match &traced {
        Some(traced) => traced.scope(work.instrument(span)).await,
        None => work.instrument(span).await,
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(&id);
        response.headers_mut().extend(headers);
    } else if is_bare_error(&response) {
        response = unrouted(response.status()).render(&id);
    }
    let took = started.elapsed();
    let took_us = took.as_micros() as u64;
    let status = response.status().as_u16();
    edge.watch.figures.http.answered(route, method.as_str(), status, took);
    if let Some(traced) = traced {
        traced.answered(status);
    }
    let route = route.unwrap_or("-");
    tracing::debug!(request_id = id, %method, route, status, took_us, "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    if let Ok(value) = HeaderValue::from_str(&trace) {
        headers.insert(TRACEPARENT.clone(), value);
    }
    response
}

/// Adds the calls to stores to the answer's `Server-Timing`.
async fn with_calls(work: impl Future<Output = Response>) -> Response {
    let (mut response, tally) = tallied(work).await;
    let calls = tally.server_timing();
    if let Ok(value) = HeaderValue::from_str(&calls)
        && !calls.is_empty()
    {
        response.headers_mut().append(SERVER_TIMING.clone(), value);
    }
    response
}

/// Errors that the framework made without a body of ours.
fn is_bare_error(response: &Response) -> bool {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    failed
        && !response.headers().contains_key(header::CONTENT_TYPE)
        && http_body::Body::size_hint(response.body()).exact() == Some(0)
        && matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

fn unrouted(status: StatusCode) -> Problem {
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return Problem::new(ProblemKind::MethodNotAllowed, "see the `Allow` header");
    }
    Problem::new(ProblemKind::NotFound, "no route has this path; `/docs` lists them")
}

fn incoming_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(plain)).then(|| text.to_owned())
}

/// The caller's W3C trace context, if it is valid.
fn caller(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(&TRACEPARENT).and_then(|value| value.to_str().ok());
    given.filter(|text| {
        // Capitals are invalid, and so are an id or a parent of zeros.
        let hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let some = |part: &str| hex(part) && part.bytes().any(|b| b != b'0');
        let mut parts = text.split('-');
        let mut next = |len: usize| parts.next().filter(|part| part.len() == len);
        text.len() == 55
            && next(2) == Some("00")
            && next(32).is_some_and(some)
            && next(16).is_some_and(some)
            && next(2).is_some_and(hex)
    })
}

/// The W3C trace context of our part of the work where no spans are made: the caller's trace, or a new one.
fn own_trace(caller: Option<&str>, bits: u128) -> String {
    let span = bits as u64 | 1; // An all-zero span id is invalid.
    match caller {
        Some(text) => format!("{}{span:016x}{}", &text[..36], &text[52..]),
        None => format!("00-{:032x}-{span:016x}-00", bits | 1),
    }
}

/// Refuses what is beyond the bounds and ends what takes too long.
async fn admit(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let streams = path.starts_with("/media/") || path.starts_with("/v1/uploads");
    let buys = path.starts_with("/v1/checkouts");
    let slots = if buys { &edge.buying } else { &edge.browsing };
    if PROBES.contains(&path) {
        return next.run(request).await;
    }
    let Ok(_slot) = slots.try_acquire() else {
        edge.watch.figures.http.shed(if buys { "buying" } else { "browsing" });
        return Problem::new(ProblemKind::Overloaded, "too many requests at once").into_response();
    };
    if streams {
        return next.run(request).await;
    }
    let answer = tokio::time::timeout(edge.limits.request_timeout, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        edge.watch.figures.http.timed_out();
        Problem::new(ProblemKind::Timeout, "it may still be finished").into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_continued_and_a_bad_one_replaced() {
        let mut headers = HeaderMap::new();
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert(TRACEPARENT.clone(), HeaderValue::from_static(given));
        let ours = own_trace(caller(&headers), 7);
        assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-01"));
        assert_ne!(ours, given);
        for bad in [
            "00-zz",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-<>",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            headers.insert(TRACEPARENT.clone(), HeaderValue::from_static(bad));
            let ours = own_trace(caller(&headers), 7);
            assert_eq!((ours.len(), &ours[53..]), (55, "00"), "{bad}");
            assert!(!ours.contains("0af7651916cd43dd8448eb211c80319c"), "{bad}");
        }
    }
}
