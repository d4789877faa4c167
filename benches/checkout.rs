//! How many orders per second are opened, paid and placed, each durable before it is answered?
//!
//! The whole engine over a temporary directory (one file, `fsync` per commit group), asked through its
//! router without sockets by many clients at once. Each client opens a checkout of one unit and pays it
//! with the sandbox, one after the other. *spread*: over 1 000 variants of 100 merchants; *hot*: one
//! variant. Units: orders per second; processor time per order in microseconds (clients included);
//! milliseconds from the first request to the placed order. Clients and seconds come from the command
//! line: `cargo bench --bench checkout -- 512 5`.

#[path = "shop/mod.rs"]
mod shop;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vitrine::domain::account::Scope;

use crate::shop::{Shop, call, processor_ms, row};

fn main() {
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let numbers: Vec<u64> =
        std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let clients = numbers.first().copied().unwrap_or(512).max(1);
    let seconds = numbers.get(1).copied().unwrap_or(5).max(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let table = runtime.block_on(measure(clients, seconds));
    print(&table);
}

#[expect(clippy::print_stdout, reason = "a bench reports here")]
fn print(table: &str) {
    println!("{table}");
}

async fn measure(clients: u64, seconds: u64) -> String {
    let mut table = format!("\n{clients} clients, {seconds} s each\n\n");
    let head = ["case", "orders/s", "cpu µs/order", "p50 ms", "p99 ms"];
    row(&mut table, &head.map(str::to_owned));
    table.push_str("|---|---|---|---|---|\n");
    for (case, merchants, variants) in [("spread", 100, 10), ("hot", 1, 1)] {
        let shop = Arc::new(Shop::open().await);
        let mut goods = Vec::new();
        for merchant in 0..merchants {
            goods.extend(shop.goods(&format!("merchant-{merchant}"), variants).await.1);
        }
        let (orders, cpu_ms, mut waits_ms) = run(&shop, goods, clients, seconds).await;
        waits_ms.sort_by(f64::total_cmp);
        let at = |share: f64| waits_ms[(share * (waits_ms.len() - 1) as f64) as usize];
        let cells = [
            case.to_owned(),
            format!("{:.0}", orders as f64 / seconds as f64),
            format!("{:.0}", cpu_ms as f64 * 1_000.0 / orders as f64),
            format!("{:.0}", at(0.5)),
            format!("{:.0}", at(0.99)),
        ];
        row(&mut table, &cells);
        let token = shop.token("operator", &[Scope::Operator]);
        let path = "/v1/ops/invariants";
        let laws = call(&shop.app.router, Method::GET, path, &token, "", None).await.1;
        assert_eq!(laws["holds"], true, "{laws}");
    }
    table
}

/// Orders placed, processor time, and the wait for each order in milliseconds.
async fn run(
    shop: &Arc<Shop>,
    goods: Vec<String>,
    clients: u64,
    seconds: u64,
) -> (u64, u64, Vec<f64>) {
    let goods = Arc::new(goods);
    let (ended, turn) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    let before_ms = processor_ms();
    for client in 0..clients {
        let (shop, goods) = (Arc::clone(shop), Arc::clone(&goods));
        let (ended, turn) = (Arc::clone(&ended), Arc::clone(&turn));
        let token = shop.token(&format!("buyer-{client}"), &[Scope::Viewer]);
        tasks.spawn(async move {
            let mut waits_ms = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let number = turn.fetch_add(1, Ordering::Relaxed);
                // A stride that is prime to the count visits all variants in a scattered order.
                let variant = &goods[(number as usize).wrapping_mul(7_919) % goods.len()];
                let begun = Instant::now();
                let key = format!("key-{number}");
                let checkout = shop.open_checkout(&token, &key, variant).await;
                shop.pay(&token, &key, &checkout).await;
                waits_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
            waits_ms
        });
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    ended.store(true, Ordering::Relaxed);
    let placed_in_time = turn.load(Ordering::Relaxed).saturating_sub(clients);
    let cpu_ms = processor_ms() - before_ms;
    let waits_ms = tasks.join_all().await.concat();
    (placed_in_time, cpu_ms, waits_ms)
}
