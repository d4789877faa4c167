//! What do a feed page, a product sheet, a batch of events and a checkout cost over a cluster's stores,
//! beside the embedded ones, and how many calls to each store does one of them take?
//!
//! The whole engine, asked through its router without sockets, one request after the other; then 32
//! clients who all buy the same variant. Units: processor time of the engine per request in microseconds
//! (the client, which is in the same process, included; the servers of the cluster not); milliseconds as
//! the client waits; calls to stores per request, as the engine counts them (a conditional write that
//! carries the wishes of several requests counts for each). Both shapes in one run over the same corpus.
//!
//! `scripts/test-servers run cassandra redis s3 -- cargo bench --bench shapes [-- PAGES CHECKOUTS]`;
//! without the servers the embedded shape is measured alone.

#[path = "shop/mod.rs"]
mod shop;

use std::fmt::Write as _;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vitrine::domain::account::Scope;
use vitrine::domain::change::Change;
use vitrine::domain::clip::{Clip, ClipMedia, ClipState};
use vitrine::domain::id::{AccountId, ClipId, TagId, UploadId};
use vitrine::domain::tag::ProductTag;
use vitrine::http::fields::rfc3339;
use vitrine::telemetry::calls::{Call, Store, tallied};

use crate::shop::{Shop, call, processor_ms, row};

const CLIPS: usize = 2_000;
const PRODUCTS: usize = 20;
const VIEWERS: usize = 50;
const BUYERS_AT_ONCE: u64 = 32;

fn main() {
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let numbers: Vec<u64> =
        std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let pages = numbers.first().copied().unwrap_or(2_000).max(1);
    let checkouts = numbers.get(1).copied().unwrap_or(500).max(BUYERS_AT_ONCE);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut table = runtime.block_on(measure("embedded", "", pages, checkouts));
    if let Some(cluster) = cluster() {
        table += &runtime.block_on(measure("cluster", &cluster, pages, checkouts));
    }
    print(&table);
}

#[expect(clippy::print_stdout, reason = "a bench reports here")]
fn print(table: &str) {
    println!("{table}");
}

/// The configuration over the servers which `scripts/test-servers run` has started.
#[expect(
    clippy::disallowed_methods,
    reason = "the servers of benches are named by the environment"
)]
fn cluster() -> Option<String> {
    let told = |name: &str| std::env::var(format!("VITRINE_TEST_{name}")).ok();
    let name = format!("bench_{}", std::process::id());
    Some(format!(
        "[cql]\nnodes = {:?}\nkeyspace = {name:?}\nreplication = 1\n\
         [redis]\nurls = {:?}\nprefix = {name:?}\n\
         [objects]\nendpoint = {:?}\nregion = {:?}\nbucket = \"unused\"\naccess_key = {:?}\n\
         secret_key = {:?}\n",
        told("CQL")?,
        told("REDIS")?,
        told("S3")?,
        told("S3_REGION")?,
        told("S3_ACCESS_KEY")?,
        told("S3_SECRET_KEY")?,
    ))
}

/// What one kind of request took.
#[derive(Default)]
struct Took {
    requests: u64,
    cpu_ms: u64,
    waits_ms: Vec<f64>,
    calls: [[u64; Call::ALL.len()]; Store::ALL.len()],
}

impl Took {
    /// Does `work` and counts it.
    async fn one<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (cpu_ms, begun) = (processor_ms(), Instant::now());
        let (answer, tally) = tallied(work).await;
        self.waits_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
        self.cpu_ms += processor_ms() - cpu_ms;
        self.requests += 1;
        for (store, counts) in Store::ALL.iter().zip(&mut self.calls) {
            for (call, count) in Call::ALL.iter().zip(counts) {
                *count += u64::from(tally.count(*store, *call));
            }
        }
        answer
    }

    fn join(mut self, other: Self) -> Self {
        self.requests += other.requests;
        self.waits_ms.extend(other.waits_ms);
        for (mine, theirs) in
            self.calls.as_flattened_mut().iter_mut().zip(other.calls.as_flattened())
        {
            *mine += theirs;
        }
        self
    }

    fn show(mut self, shape: &str, case: &str, table: &mut String) {
        self.waits_ms.sort_by(f64::total_cmp);
        let at = |share: f64| self.waits_ms[(share * (self.waits_ms.len() - 1) as f64) as usize];
        let mut calls = String::new();
        for (store, counts) in Store::ALL.iter().zip(&self.calls) {
            for (call, count) in Call::ALL.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let mean = *count as f64 / self.requests as f64;
                let separator = if calls.is_empty() { "" } else { ", " };
                let (store, call) = (store.as_str(), call.as_str().replace('_', " "));
                write!(calls, "{separator}{mean:.2} {store} {call}").expect("memory");
            }
        }
        let cpu_us = self.cpu_ms as f64 * 1_000.0 / self.requests as f64;
        let (p50, p99) = (format!("{:.2}", at(0.5)), format!("{:.2}", at(0.99)));
        let calls = if calls.is_empty() { "none".to_owned() } else { calls };
        row(table, &[case.into(), shape.into(), format!("{cpu_us:.0}"), p50, p99, calls]);
    }
}

async fn measure(shape: &str, file: &str, pages: u64, checkouts: u64) -> String {
    let shop = Arc::new(Shop::open_with(file).await);
    let mut table = String::new();
    if shape == "embedded" {
        let head =
            ["request", "shape", "cpu µs", "p50 ms", "p99 ms", "calls to stores per request"];
        row(&mut table, &head.map(str::to_owned));
        table.push_str("|---|---|---|---|---|---|\n");
    }
    let (products, variants) = fill(&shop).await;
    let viewers: Vec<String> = (0..VIEWERS)
        .map(|number| shop.token(&format!("viewer-{number}"), &[Scope::Viewer]))
        .collect();
    for viewer in &viewers {
        get(&shop, viewer, "/v1/feed?limit=10").await; // Meets them, so that they are warm.
    }
    feed(&shop, &viewers, pages, shape, &mut table).await;
    let mut took = Took::default();
    for number in 0..pages {
        let product = &products[number as usize % products.len()];
        let path = format!("/v1/products/{product}/preview");
        took.one(get(&shop, &viewers[number as usize % VIEWERS], &path)).await;
    }
    took.show(shape, "product sheet", &mut table);
    buy(&shop, &variants, checkouts, shape, &mut table).await;
    let variant: Arc<str> = variants[0].as_str().into();
    let mut clients = JoinSet::new();
    let before_ms = processor_ms();
    for client in 0..BUYERS_AT_ONCE {
        let (shop, variant) = (Arc::clone(&shop), Arc::clone(&variant));
        let token = shop.token(&format!("crowd-{client}"), &[Scope::Viewer]);
        clients.spawn(async move {
            let mut took = Took::default();
            for turn in 0..checkouts / BUYERS_AT_ONCE {
                let key = format!("crowd-{turn}");
                took.one(async {
                    let checkout = shop.open_checkout(&token, &key, &variant).await;
                    shop.pay(&token, &key, &checkout).await;
                })
                .await;
            }
            took
        });
    }
    let mut crowd = clients.join_all().await.into_iter().fold(Took::default(), Took::join);
    crowd.cpu_ms = processor_ms() - before_ms;
    crowd.show(shape, "opened and paid, one variant, 32 at once", &mut table);
    let operator = shop.token("operator", &[Scope::Operator]);
    let laws = get(&shop, &operator, "/v1/ops/invariants").await;
    assert_eq!(laws["holds"], true, "{laws}");
    table
}

async fn get(shop: &Shop, token: &str, path: &str) -> serde_json::Value {
    let (status, answer) = call(&shop.app.router, Method::GET, path, token, "", None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Goods and ready clips that show them; answers the products and one variant of each.
async fn fill(shop: &Shop) -> (Vec<String>, Vec<String>) {
    let (mut products, mut variants) = (Vec::new(), Vec::new());
    for number in 0..PRODUCTS {
        let (product, mut made) = shop.goods(&format!("merchant-{number}"), 2).await;
        products.push(product);
        variants.extend(made.pop());
    }
    let (now, entropy) = (shop.backends.clock.now(), &shop.backends.entropy);
    let mut changes = Vec::new();
    for number in 0..CLIPS {
        let id = ClipId::new(now, entropy.bits());
        let tag = ProductTag {
            id: TagId::new(now, entropy.bits()),
            product: products[number % PRODUCTS].parse().expect("an id"),
            variant: None,
            start_ms: 0,
            end_ms: 8_000,
            hotspot: None,
        };
        let media = ClipMedia {
            prefix: format!("clips/{id}/1"),
            duration_ms: 10_000,
            width: 1_080,
            height: 1_920,
            has_storyboard: true,
        };
        let clip = Clip {
            id,
            creator: AccountId::derived(1 + number as u128 % 100),
            upload: UploadId::from_bits(1),
            caption: format!("How I pack for a weekend by the lake #camping{}", number % 50),
            tags: vec![tag],
            markets: Vec::new(),
            state: ClipState::Ready { media, published_at: now.plus_ms(-(number as i64) * 60_000) },
            created_at: now,
            version: 1,
        };
        shop.backends.clips.put(&clip).await.expect("the store answers");
        changes.push(Change::ClipPublished(id));
    }
    for some in changes.chunks(100) {
        shop.backends.changes.append(some).await.expect("the log answers");
    }
    shop.app.indexing.rebuild().await.expect("the stores answer");
    (products, variants)
}

/// First pages, the pages after them, and what is told of them.
async fn feed(shop: &Shop, viewers: &[String], pages: u64, shape: &str, table: &mut String) {
    let (mut first, mut next, mut events) = (Took::default(), Took::default(), Took::default());
    for number in 0..pages {
        let token = &viewers[number as usize % VIEWERS];
        let page = first.one(get(shop, token, "/v1/feed?limit=10")).await;
        let cursor = page["next_cursor"].as_str().expect("2 000 clips are more than a page");
        let path = format!("/v1/feed?limit=10&cursor={cursor}");
        next.one(get(shop, token, &path)).await;
        let event = |item: &serde_json::Value| {
            json!({
                "id": uuid::Uuid::from_u128(shop.backends.entropy.bits()).to_string(), "type": "watch",
                "clip_id": item["clip"]["id"], "watch_ms": 4_200, "loops": 0,
                "occurred_at": rfc3339(shop.backends.clock.now()),
            })
        };
        // One viewer in ten tells of the first five clips: seen clips are few beside the corpus.
        if number % 10 == 0 {
            let items = page["items"].as_array().expect("items");
            let body = json!({ "events": items.iter().take(5).map(event).collect::<Vec<_>>() });
            let told = call(&shop.app.router, Method::POST, "/v1/events", token, "", Some(&body));
            let (status, answer) = events.one(told).await;
            assert_eq!(
                (status, &answer["accepted"]),
                (StatusCode::ACCEPTED, &json!(5)),
                "{answer}"
            );
        }
    }
    first.show(shape, "feed page of 10, first", table);
    next.show(shape, "feed page of 10, next", table);
    events.show(shape, "batch of 5 events", table);
}

/// Checkouts one after the other, spread over the variants.
async fn buy(shop: &Shop, variants: &[String], checkouts: u64, shape: &str, table: &mut String) {
    let (mut opened, mut paid) = (Took::default(), Took::default());
    for number in 0..checkouts {
        let token = shop.token(&format!("buyer-{}", number % 100), &[Scope::Viewer]);
        let (key, variant) = (format!("key-{number}"), &variants[number as usize % variants.len()]);
        let checkout = opened.one(shop.open_checkout(&token, &key, variant)).await;
        paid.one(shop.pay(&token, &key, &checkout)).await;
    }
    opened.show(shape, "checkout opened, one variant", table);
    paid.show(shape, "checkout paid and order placed", table);
}
