//! Many buyers at once.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::TestApp;
use crate::support::shop::{Goods, order_of, pay};

const BUYERS: usize = 200;
const UNITS: u32 = 50;

async fn race(app: &Arc<TestApp>, goods: &Arc<Goods>, first_method: &'static str) -> usize {
    let mut buyers = JoinSet::new();
    for number in 0..BUYERS {
        let (app, goods) = (Arc::clone(app), Arc::clone(goods));
        buyers.spawn(async move {
            let buyer = app.viewer(&format!("buyer-{number}"));
            let lines = json!([{ "variant_id": goods.variant, "quantity": 1 }]);
            let body = order_of(&lines);
            let open = app.post_keyed(&buyer, "/v1/checkouts", "open", body).await;
            if open.status == 409 {
                assert_eq!(open.problem(409), "out_of_stock");
                return 0;
            }
            let id = open.expect(201)["id"].as_str().unwrap().to_owned();
            let path = format!("/v1/checkouts/{id}/complete");
            let mut placed = 0;
            for (key, method) in [("first", first_method), ("second", "pm_approve")] {
                let done = app.post_keyed(&buyer, &path, key, pay(method)).await;
                placed += usize::from(done.status == 200);
            }
            placed
        });
    }
    buyers.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_fifty_units() {
    let app = Arc::new(TestApp::new().await);
    let goods = Arc::new(app.goods(1_999, UNITS).await);
    assert_eq!(race(&app, &goods, "pm_approve").await, UNITS as usize);
    assert_eq!(app.stock(&goods).await, (0, 0));
    app.clock.advance_ms(60_000);
    let books = app.check_books().await;
    assert_eq!(books["transfers"], 2 * UNITS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declines_in_between_never_oversell() {
    let app = Arc::new(TestApp::new().await);
    let goods = Arc::new(app.goods(1_999, UNITS).await);
    let placed = race(&app, &goods, "pm_decline").await;
    assert!(placed <= UNITS as usize, "{placed}");
    let (on_hand, held) = app.stock(&goods).await;
    assert_eq!(on_hand + placed as u64, u64::from(UNITS));
    app.clock.advance_ms(1_000_000);
    app.reconcile().await;
    assert_eq!(app.stock(&goods).await, (on_hand, 0), "{held} were held");
    app.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_sent_many_times_at_once_is_one_order() {
    let app = Arc::new(TestApp::new().await);
    let goods = app.goods(1_999, UNITS).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "open").await;
    let mut twins = JoinSet::new();
    for _ in 0..50 {
        let (app, vera, id) = (Arc::clone(&app), vera.clone(), id.clone());
        twins.spawn(async move { app.complete(&vera, &id, "pm_approve", "pay").await });
    }
    let answers = twins.join_all().await;
    for answer in &answers {
        match answer.status.as_u16() {
            200 => {}
            409 => assert_eq!(answer.problem(409), "idempotency_in_progress"),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert_eq!(app.stock(&goods).await, (u64::from(UNITS) - 1, 0));
    let orders = app.get(&vera, "/v1/orders").await.expect(200);
    assert_eq!(orders["orders"].as_array().unwrap().len(), 1);
}
