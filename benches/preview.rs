//! What does a product sheet cost beside a handler that returns the same bytes ready-made?
//!
//! Both behind the same layers and the same check of the token, asked without sockets on one thread.
//! The product has four variants, each with a quote to sign. Unit: processor time per request in
//! microseconds, and the ratio. Requests come from the command line:
//! `cargo bench --bench preview -- 100000`.

#[path = "shop/mod.rs"]
mod shop;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use http::{Method, StatusCode, header};
use vitrine::adapters::system::OsEntropy;
use vitrine::domain::account::Scope;
use vitrine::http::Api;
use vitrine::http::extract::Viewer;
use vitrine::http::layers::{self, Watch};

use crate::shop::{Shop, call, processor_ms};

/// The bytes that the ready-made handler returns.
#[derive(Clone)]
struct Ready {
    api: Api,
    body: bytes::Bytes,
}

impl FromRef<Ready> for std::sync::Arc<vitrine::services::access::Access> {
    fn from_ref(ready: &Ready) -> Self {
        std::sync::Arc::clone(&ready.api.access)
    }
}

fn main() {
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure(count.unwrap_or(100_000_u64).max(1)));
}

async fn measure(count: u64) {
    let shop = Shop::open().await;
    let (product, _) = shop.goods("nord", 4).await;
    let token = shop.token("vera", &[Scope::Viewer]);
    let path = format!("/v1/products/{product}/preview");
    let (status, sheet) = call(&shop.app.router, Method::GET, &path, &token, "", None).await;
    assert_eq!(status, StatusCode::OK);
    let ready = Ready { api: shop.app.api.clone(), body: sheet.to_string().into() };
    let routes = Router::new()
        .route(
            "/v1/products/{id}/preview",
            get(|axum::extract::State(ready): axum::extract::State<Ready>, _: Viewer| async move {
                ([(header::CONTENT_TYPE, "application/json")], ready.body)
            }),
        )
        .with_state(ready);
    let entropy = std::sync::Arc::new(OsEntropy::new());
    let ready = layers::wrap(routes, shop.settings.http.clone(), entropy, Watch::default());
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (router, costs) in [&shop.app.router, &ready].into_iter().zip(&mut costs) {
            costs.push(cost_us(router, &path, &token, count).await);
        }
    }
    let [sheet_us, ready_us] = costs.map(|mut costs: Vec<f64>| {
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    });
    report(count, sheet_us, ready_us, sheet.to_string().len());
}

async fn cost_us(router: &Router, path: &str, token: &str, count: u64) -> f64 {
    let before_ms = processor_ms();
    for _ in 0..count {
        use tower::ServiceExt as _;
        let request = http::Request::builder()
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(axum::body::Body::empty())
            .expect("a request");
        let answer = router.clone().oneshot(request).await.expect("infallible");
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.expect("memory");
        assert!(body.to_bytes().len() > 100);
    }
    (processor_ms() - before_ms) as f64 * 1_000.0 / count as f64
}

#[expect(clippy::print_stdout, reason = "a bench reports here")]
fn report(count: u64, sheet_us: f64, ready_us: f64, body_bytes: usize) {
    println!("\n{count} requests, median of 3 rounds, {body_bytes} bytes of body\n");
    println!("| sheet µs | ready-made µs | ratio |\n|---|---|---|");
    println!("| {sheet_us:.1} | {ready_us:.1} | {:.2} |", sheet_us / ready_us);
}
