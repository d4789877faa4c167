//! Pages over HTTP against the same bytes ready-made, and the cold start.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::join_all;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vitrine::http::layers::{self, HttpLimits, Watch};
use vitrine::http::server;

use crate::support::{Actor, TestApp};
use crate::{print, processor_seconds, world};

const VIEWERS: usize = 100;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 8;

/// Requests per second, p50 and p99 in microseconds as the client saw them, and the processor time of
/// this process per request in microseconds.
struct Seen {
    rate: usize,
    p50: usize,
    p99: usize,
    cost: f64,
}

async fn load(address: &str, path: &str, count: usize, rate: usize, tokens: &[String]) -> Seen {
    let program = std::env::current_exe().expect("this program has a path");
    let before = processor_seconds();
    let output = tokio::process::Command::new(program)
        .args(["client", address, path, &count.to_string(), &CONNECTIONS.to_string()])
        .arg(rate.to_string())
        .args(tokens)
        .output()
        .await
        .expect("the client runs");
    let cost = (processor_seconds() - before) * 1e6 / count as f64;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<usize> =
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [rate, p50, p99] = numbers[..] else {
        panic!("client: {text} {}", String::from_utf8_lossy(&output.stderr));
    };
    Seen { rate, p50, p99, cost }
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let served = server::serve(
        listener,
        TowerToHyperService::new(router),
        1_000,
        CancellationToken::new(),
        Duration::from_secs(1),
    );
    #[expect(clippy::disallowed_methods, reason = "the bench ends with its process")]
    tokio::task::spawn(served);
    address
}

/// The same layers around a handler that has its answer ready.
fn ready_made(app: &TestApp, body: Bytes) -> Router {
    let limits = HttpLimits {
        in_flight_max: 1_000,
        checkouts_in_flight_max: 1_000,
        request_timeout: Duration::from_secs(30),
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    let routes = Router::new().route("/ready", get(move || async move { (json, body) }));
    layers::wrap(routes, limits, Arc::clone(&app.backends.entropy), Watch::default())
}

/// An engine with a corpus in its store and viewers with a history.
async fn filled(size: usize) -> (TestApp, Vec<Actor>) {
    let app = TestApp::new().await;
    for chunk in (0..size).collect::<Vec<_>>().chunks(500) {
        let clips: Vec<_> = chunk.iter().map(|number| world::clip(*number, size)).collect();
        let puts = join_all(clips.iter().map(|clip| app.backends.clips.put(clip))).await;
        assert!(puts.iter().all(Result::is_ok));
    }
    for chunk in (0..=size / 10).collect::<Vec<_>>().chunks(500) {
        let products: Vec<_> = chunk.iter().map(|number| world::product(*number)).collect();
        let catalog = &app.backends.shop.catalog;
        let puts = join_all(products.iter().map(|product| catalog.put(product))).await;
        assert!(puts.iter().all(Result::is_ok));
    }
    let started = Instant::now();
    let app = app.restarted().await;
    print(&format!("cold start, {size} clips: {:.2} s", started.elapsed().as_secs_f64()));
    let mut viewers = Vec::new();
    for number in 0..VIEWERS {
        let viewer = app.viewer(&format!("viewer-{number}"));
        let events = world::history(number, size);
        app.app.api.engagement.record(viewer.id, events).await.expect("events are taken");
        viewers.push(viewer);
    }
    (app, viewers)
}

/// Prints the figures over HTTP.
pub fn measure(size: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let (app, viewers) = filled(size).await;
        let tokens: Vec<String> = viewers.iter().filter_map(Actor::token).collect();
        let sample = app.get(&viewers[0], "/v1/feed").await;
        let feed = listen(app.app.router.clone()).await;
        let ready = listen(ready_made(&app, Bytes::from(sample.text.clone()))).await;
        load(&feed, "/v1/feed", REQUESTS / 4, 0, &tokens).await;
        load(&ready, "/ready", REQUESTS / 4, 0, &tokens).await;
        let mut ratios = Vec::new();
        let mut saturated = 0;
        for _ in 0..ROUNDS {
            let page = load(&feed, "/v1/feed", REQUESTS, 0, &tokens).await;
            let bytes = load(&ready, "/ready", REQUESTS, 0, &tokens).await;
            print(&format!(
                "over HTTP: page {:.0} µs CPU, {}/s (p50 {} p99 {} µs); ready-made {} bytes {:.0} µs \
                 CPU, {}/s",
                page.cost, page.rate, page.p50, page.p99, sample.text.len(), bytes.cost, bytes.rate,
            ));
            saturated = saturated.max(page.rate);
            ratios.push(page.cost / bytes.cost);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let half = load(&feed, "/v1/feed", REQUESTS / 2, saturated / 2, &tokens).await;
        print(&format!(
            "CPU of a page / of the same bytes ready-made: {:.1}×; at half of saturation ({}/s): p50 {} \
             p99 {} µs",
            ratios[ROUNDS / 2],
            half.rate,
            half.p50,
            half.p99,
        ));
    });
}
