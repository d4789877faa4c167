//! Traces of a running server: what a collector gets, what it must not get, and that one which is away
//! costs nothing but spans.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use reqwest::Method;
use tokio::time::Instant;

use crate::choose_cryptography;
use crate::collector::{Collector, PATIENCE, find};
use crate::purchases::Purchases;
use crate::server::{DRAIN_MS, Server};
use crate::traffic::{Client, Traffic as _};

/// A caller's trace, all but its flags.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// What an export may take where the collector is away.
const TIMEOUT: Duration = Duration::from_secs(4);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(15);

/// A server that exports to `endpoint`.
fn exporting(endpoint: &str, more: &[(&str, &str)]) -> Server {
    let mut server = Server::new();
    server.set("VITRINE_TRACES__OTLP_ENDPOINT", endpoint);
    for (key, value) in more {
        server.set(&format!("VITRINE_TRACES__{key}"), value);
    }
    server
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    find(&span.attributes, key)
}

fn below<'a>(parent: &Span, all: &'a [Span]) -> Vec<&'a Span> {
    all.iter().filter(|span| span.parent_span_id == parent.span_id).collect()
}

/// Asks for the feed within the caller's trace; answers the `traceparent` that came back.
async fn ask(client: &Client, token: &str, caller: &str) -> String {
    let request = client.request(Method::GET, "/v1/feed?limit=7", token);
    let answer = client.send(request.header("traceparent", caller)).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.headers()["traceparent"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_requests_with_what_they_waited_for_and_nothing_about_people() {
    choose_cryptography();
    let collector = Collector::start().await;
    // The end alone brings what few requests leave.
    let long = [("EXPORT_INTERVAL_MS", "60000"), ("EXPORT_TIMEOUT_MS", "10000")];
    let mut server = exporting(&collector.url, &long);
    server.set("OTEL_EXPORTER_OTLP_HEADERS", "x-key=opens-the-collector");
    let merchant = server.token("mina-the-subject", "merchant");
    let buyer = server.token("vera-the-subject", "viewer");
    let (url, _) = server.start().await;
    let client = Client::new(&url);
    let purchases = Purchases::new(merchant.clone(), buyer.clone());
    purchases.step(&client).await.expect("it is bought");
    let answered = ask(&client, &buyer, &format!("{CALLER}-01")).await;
    let orders = client.request(Method::GET, "/v1/orders", &buyer);
    let orders = client.json(orders.header("x-request-id", "request-7"), 200).await.unwrap();
    let order = orders["orders"][0]["id"].as_str().unwrap_or_else(|| panic!("{orders}")).to_owned();
    for (method, path) in [("GET", "/no/such?who=Vera"), ("BREW", "/v1/feed"), ("GET", "/metrics")]
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        client.send(client.request(method, path, &buyer)).await.unwrap();
    }
    assert_eq!(collector.exports(), 0, "nothing is due yet");
    server.terminate();

    let spans = collector.spans();
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let first = found.next().unwrap_or_else(|| panic!("no span `{name}` in {spans:#?}"));
        assert_eq!(first.kind, SpanKind::Server as i32, "{name}");
        first
    };
    let feed = named("GET /v1/feed");
    assert_eq!((hex(&feed.trace_id), hex(&feed.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!(answered, format!("00-{TRACE}-{}-01", hex(&feed.span_id)));
    assert_eq!(attribute(feed, "http.request.method").as_deref(), Some("GET"));
    assert_eq!(attribute(feed, "http.route").as_deref(), Some("/v1/feed"));
    assert_eq!(attribute(feed, "http.response.status_code").as_deref(), Some("200"));
    assert!(attribute(feed, "vitrine.feed.sources_us").is_some(), "{feed:?}");
    let listed = named("GET /v1/orders");
    assert_eq!(attribute(listed, "vitrine.request_id").as_deref(), Some("request-7"));
    assert!(listed.parent_span_id.is_empty(), "a trace begins here: {listed:?}");
    let unrouted = named("GET");
    assert_eq!(attribute(unrouted, "http.route"), None);
    assert_eq!(attribute(unrouted, "http.response.status_code").as_deref(), Some("404"));
    assert_eq!(attribute(named("HTTP /v1/feed"), "http.request.method").unwrap(), "_OTHER");

    let paid = named("POST /v1/checkouts/{id}/complete");
    let children = below(paid, &spans);
    for name in ["payment authorize", "payment capture", "embedded conditional"] {
        let child = children.iter().find(|span| span.name == name);
        let child = child.unwrap_or_else(|| panic!("no `{name}` in {children:#?}"));
        assert_eq!((child.kind, &child.trace_id), (SpanKind::Client as i32, &paid.trace_id));
        let status = child.status.as_ref().map_or(StatusCode::Unset, Status::code);
        assert_eq!(status, StatusCode::Unset, "{child:?}");
        // A clock in microseconds and one in nanoseconds differ by a little.
        let slack = 1_000_000;
        assert!(child.start_time_unix_nano + slack >= paid.start_time_unix_nano, "{child:?}");
        assert!(child.end_time_unix_nano <= paid.end_time_unix_nano + slack, "{child:?}");
    }
    assert_eq!(collector.key().as_deref(), Some("opens-the-collector"));
    assert_eq!(collector.resource("service.name").as_deref(), Some("vitrine"));
    let version = Some(env!("CARGO_PKG_VERSION"));
    assert_eq!(collector.resource("service.version").as_deref(), version);
    assert!(collector.resource("service.instance.id").is_some());
    let probe = |span: &&Span| span.name.contains("readyz") || span.name.contains("metrics");
    assert_eq!(spans.iter().find(probe), None);
    tells_nothing_of_people(&collector, &[&merchant, &buyer, &order]);
}

fn tells_nothing_of_people(collector: &Collector, more: &[&str]) {
    let bytes = collector.bytes();
    let personal =
        ["vera", "Vera", "Lund", "Pine", "97201", "mina", "the-subject", "usr_", "open-0", "pay-0"];
    let foreign = ["limit=7", "who=", "/no/such", "BREW", "chk_", "ord_", "Mug", "pm_approve"];
    for word in personal.iter().chain(&foreign).chain(more) {
        let is_there = bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!is_there, "`{word}` is in a trace");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_decide_and_what_they_decided_is_sent_once() {
    choose_cryptography();
    let collector = Collector::start().await;
    let mut server = exporting(&collector.url, &[("EXPORT_INTERVAL_MS", "20")]);
    let token = server.token("vera", "viewer");
    let (url, _) = server.start().await;
    let client = Client::new(&url);
    assert!(ask(&client, &token, &format!("{CALLER}-00")).await.ends_with("-00"));
    let answered = ask(&client, &token, &format!("{CALLER}-01")).await;
    let span = collector.span(|span| span.name == "GET /v1/feed").await;
    assert!(answered.contains(&hex(&span.span_id)), "{answered} is of the sampled request");
    // An export that was traced would bring about the next one, and so on: before the span of another request,
    // or along with it.
    let (exports, spans) = (collector.exports(), collector.spans().len());
    counted(&client, &token, spans).await;
    ask(&client, &token, &format!("{CALLER}-01")).await;
    collector.span(|other| other.name == span.name && other.span_id != span.span_id).await;
    assert_eq!((collector.exports(), collector.spans().len()), (exports + 1, spans + 1));
    counted(&client, &token, spans + 1).await;
    assert_eq!(metric(&client, &token, "dropped").await, 0);
    server.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_decide_nothing_where_they_are_not_to() {
    choose_cryptography();
    let collector = Collector::start().await;
    for settings in [
        [("SAMPLE_RATIO", "0.0"), ("FOLLOW_CALLERS", "true")],
        [("SAMPLE_RATIO", "0.000000001"), ("FOLLOW_CALLERS", "false")],
    ] {
        let mut server = exporting(&collector.url, &settings);
        let token = server.token("vera", "viewer");
        let (url, _) = server.start().await;
        let client = Client::new(&url);
        let answered = ask(&client, &token, &format!("{CALLER}-01")).await;
        assert!(answered.starts_with(&format!("00-{TRACE}-")), "{answered}");
        assert!(!answered.contains(PARENT), "{answered}");
        server.terminate();
        assert_eq!(collector.exports(), 0, "{settings:?}");
    }
}

/// How many spans came to that end.
async fn metric(client: &Client, token: &str, fate: &str) -> u64 {
    let answer = client.send(client.request(Method::GET, "/metrics", token)).await.unwrap();
    let text = answer.text().await.unwrap();
    let name = format!("vitrine_trace_spans_total{{fate=\"{fate}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no `{name}` in {text}")).parse().unwrap()
}

/// Waits until so many spans are counted as exported: that is after the collector has answered.
async fn counted(client: &Client, token: &str, spans: usize) {
    let began = Instant::now();
    while metric(client, token, "exported").await != spans as u64 {
        assert!(began.elapsed() < PATIENCE, "{spans} spans are not counted as exported");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    choose_cryptography();
    let (hanging, silent) = Collector::hanging().await;
    let (away, gone) = Collector::hanging().await;
    drop(gone);
    for endpoint in [hanging, away] {
        let timeout = TIMEOUT.as_millis().to_string();
        let mut server = exporting(
            &endpoint,
            &[
                ("QUEUE_SPANS_MAX", "64"),
                ("BATCH_SPANS_MAX", "4"),
                ("EXPORT_INTERVAL_MS", "10"),
                ("EXPORT_TIMEOUT_MS", &timeout),
            ],
        );
        let token = server.token("vera", "viewer");
        let (url, _) = server.start().await;
        let client = Client::new(&url);
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let began = Instant::now();
            ask(&client, &token, &format!("{CALLER}-01")).await;
            slowest = slowest.max(began.elapsed());
        }
        assert!(slowest < TIMEOUT / 2, "a request took {slowest:?}");
        let began = Instant::now();
        while metric(&client, &token, "dropped").await == 0 || server.log().is_empty() {
            assert!(began.elapsed() < TIMEOUT + SLACK, "nothing is dropped: {}", server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(metric(&client, &token, "exported").await, 0);
        let took = server.terminate();
        let due = TIMEOUT + Duration::from_millis(DRAIN_MS);
        assert!(took < due + SLACK, "the stop took {took:?}");
        let log = server.log();
        let complaints = log.lines().filter(|line| line.contains("takes no spans")).count();
        assert_eq!((complaints, log.lines().count()), (1, 1), "{log}");
    }
    drop(silent);
}
