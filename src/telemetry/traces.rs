//! Traces in the shape of OpenTelemetry: a span for each request, and below it what the request waited for.
//!
//! They are made here and not by a layer over the log's spans. So no filter of the log decides what is
//! traced, libraries' own spans stay out, and a call to a store is noted where it is measured already:
//! when it is over, with the moment at which it began. Attributes come from closed sets, the request's id
//! apart: no path, no query, no account, no text that a person wrote.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::time::Instant;

use crate::telemetry::calls::{Call, Outcome, Store};

/// Spans below one request: far more than any route needs, and a bound on what a walk over a large store
/// sends.
const CHILDREN_MAX: u32 = 256;

/// Makes the spans of requests. The default makes none.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<SdkTracer>);

/// What is known of a request when it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// As it was sent; one that is not of HTTP's own is not repeated.
    pub method: &'a str,
    /// The pattern that matched, never the path.
    pub route: Option<&'a str>,
    /// The id that answer and log carry.
    pub request_id: &'a str,
    /// A `traceparent` of version 00 that was found to be valid.
    pub caller: Option<&'a str>,
}

impl Traces {
    /// Spans of that tracer.
    pub(super) fn over(tracer: SdkTracer) -> Self {
        Self(Some(tracer))
    }

    /// Begins the span of a request; `None` if there are no traces. It lasts until it is answered or
    /// dropped.
    pub fn request(&self, arrival: Arrival<'_>) -> Option<RequestSpan> {
        let tracer = self.0.as_ref()?;
        let parent = arrival.caller.and_then(remote);
        let parent = parent
            .map_or_else(Context::new, |caller| Context::new().with_remote_span_context(caller));
        let method = known_method(arrival.method);
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("vitrine.request_id", arrival.request_id.to_owned()),
        ];
        let verb = if method == OTHER_METHOD { "HTTP" } else { method };
        let name: Cow<'static, str> = match arrival.route {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.to_owned()));
                format!("{verb} {route}").into()
            }
            None => verb.into(),
        };
        let builder = tracer.span_builder(name).with_kind(SpanKind::Server);
        let span = tracer.build_with_context(builder.with_attributes(attributes), &parent);
        let context = parent.with_span(span);
        let work = Work { tracer: tracer.clone(), context, children: AtomicU32::new(0) };
        Some(RequestSpan { work: Arc::new(work), is_answered: false })
    }
}

/// The word of OpenTelemetry for methods that are none of HTTP's.
const OTHER_METHOD: &str = "_OTHER";

fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or(OTHER_METHOD)
}

/// The caller's span. `tracestate` is left alone: it may hold anything.
fn remote(traceparent: &str) -> Option<SpanContext> {
    let trace = TraceId::from_hex(traceparent.get(3..35)?).ok()?;
    let span = SpanId::from_hex(traceparent.get(36..52)?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(traceparent.get(53..55)?, 16).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

/// A traced piece of work and the room for spans below it.
struct Work {
    tracer: SdkTracer,
    context: Context,
    children: AtomicU32,
}

tokio::task_local! {
    static WORK: Arc<Work>;
}

/// The span of a request that is under way.
pub struct RequestSpan {
    work: Arc<Work>,
    is_answered: bool,
}

impl RequestSpan {
    /// What the answer's `traceparent` says.
    pub fn traceparent(&self) -> String {
        let span = self.work.context.span();
        let context = span.span_context();
        let (trace, id, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
        format!("00-{trace}-{id}-{:02x}", flags.to_u8())
    }

    /// Does `work`; what it waits for becomes spans below this one, if this one is exported.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        if self.work.context.span().is_recording() {
            WORK.scope(Arc::clone(&self.work), work).await
        } else {
            work.await
        }
    }

    /// The request was answered with that status.
    pub fn answered(mut self, status: u16) {
        let span = self.work.context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            span.set_attribute(KeyValue::new("error.type", status.to_string()));
            span.set_status(Status::error(""));
        }
        let left_out = self.work.children.load(Ordering::Relaxed).saturating_sub(CHILDREN_MAX);
        if left_out > 0 {
            span.set_attribute(KeyValue::new("vitrine.spans_left_out", i64::from(left_out)));
        }
        self.is_answered = true;
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        let span = self.work.context.span();
        if !self.is_answered {
            // The client hung up: nobody is left to answer.
            span.set_attribute(KeyValue::new("error.type", "canceled"));
        }
        span.end();
    }
}

/// Notes at the running request how many microseconds each stage of its feed took. They are no spans: one
/// follows the other, so their times say all.
pub fn note_stages(stages: impl Iterator<Item = (&'static str, u32)>) {
    // Work that nobody traces is the rule.
    let _untraced = WORK.try_with(|work| {
        let attribute = |(stage, took_us): (&str, u32)| {
            KeyValue::new(format!("vitrine.feed.{stage}_us"), i64::from(took_us))
        };
        work.context.span().set_attributes(stages.map(attribute));
    });
}

/// The running request waited since `began` for something outside. `failure` is a word of a closed set.
pub fn waited(
    began: Instant,
    name: impl FnOnce() -> String,
    failure: Option<&'static str>,
    attributes: impl FnOnce() -> Vec<KeyValue>,
) {
    let _untraced = WORK.try_with(|work| {
        if work.children.fetch_add(1, Ordering::Relaxed) >= CHILDREN_MAX {
            return;
        }
        let ended_at = opentelemetry::time::now();
        let began_at = ended_at.checked_sub(began.elapsed()).unwrap_or(ended_at);
        let mut attributes = attributes();
        attributes.extend(failure.map(|word| KeyValue::new("error.type", word)));
        let builder = work.tracer.span_builder(name()).with_kind(SpanKind::Client);
        let builder = builder.with_start_time(began_at).with_attributes(attributes);
        let mut span = work.tracer.build_with_context(builder, &work.context);
        if failure.is_some() {
            opentelemetry::trace::Span::set_status(&mut span, Status::error(""));
        }
        opentelemetry::trace::Span::end_with_timestamp(&mut span, ended_at);
    });
}

/// A call to a store ended; `outcome` is not known to those who share another's call.
pub(super) fn store_call(store: Store, call: Call, outcome: Option<Outcome>, began: Instant) {
    let failure = match outcome {
        Some(Outcome::Ok | Outcome::Conflict) | None => None,
        Some(outcome @ (Outcome::Unknown | Outcome::Unavailable | Outcome::Corrupt)) => {
            Some(outcome.as_str())
        }
    };
    waited(
        began,
        || format!("{} {}", store.as_str(), call.as_str()),
        failure,
        || {
            let system = match store {
                Store::Embedded => "redb",
                Store::Cql => "cassandra",
                Store::Redis => "redis",
                Store::S3 => "s3",
            };
            vec![
                KeyValue::new("db.system.name", system),
                KeyValue::new("db.operation.name", call.as_str()),
                KeyValue::new("vitrine.outcome", outcome.map_or("shared", Outcome::as_str)),
            ]
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_clients_invent_are_not_repeated() {
        assert_eq!(known_method("PATCH"), "PATCH");
        assert_eq!(known_method("BREW"), OTHER_METHOD);
    }

    #[tokio::test]
    async fn without_traces_nothing_is_made() {
        let arrival = Arrival { method: "GET", route: None, request_id: "r", caller: None };
        assert!(Traces::default().request(arrival).is_none());
        note_stages(std::iter::from_fn(|| panic!("nobody asked")));
        waited(Instant::now(), || panic!("nobody asked"), None, Vec::new);
    }
}
