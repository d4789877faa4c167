//! Stock, for merchants.

use serde_json::json;

use crate::support::TestApp;

const PATH: &str = "/v1/inventory/adjustments";

#[tokio::test]
async fn stock_is_corrected_by_delta_or_by_count() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    let count = json!({ "variant_id": goods.variant, "set": 40, "version": 1, "reason": "count" });
    let level = app.post_keyed(&goods.merchant, PATH, "c1", count.clone()).await.expect(200);
    let expected = json!({ "variant_id": goods.variant, "on_hand": 40, "held": 0,
        "available": 40, "version": 2 });
    assert_eq!(level, expected);

    let again = app.post_keyed(&goods.merchant, PATH, "c1", count).await;
    assert_eq!(again.expect(200), expected);
    assert_eq!(again.headers["idempotent-replayed"], "true");

    let other = json!({ "variant_id": goods.variant, "delta": 1, "reason": "restock" });
    let reused = app.post_keyed(&goods.merchant, PATH, "c1", other.clone()).await;
    assert_eq!(reused.problem(422), "idempotency_key_reused");
    let keyless = app.post(&goods.merchant, PATH, other).await;
    assert_eq!(keyless.problem(400), "idempotency_key_required");
    assert_eq!(app.stock(&goods).await, (40, 0));
}

#[tokio::test]
async fn a_stale_count_and_units_that_buyers_hold_are_refused_and_remembered() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    app.opened(&app.viewer("vera"), &goods, 3, "o1").await;
    let stale = json!({ "variant_id": goods.variant, "set": 9, "version": 1, "reason": "count" });
    let refused = app.post_keyed(&goods.merchant, PATH, "c1", stale.clone()).await;
    assert_eq!(refused.problem(409), "stock_version_changed");
    assert_eq!(refused.json()["version"], 2);
    let again = app.post_keyed(&goods.merchant, PATH, "c1", stale).await;
    assert_eq!(again.problem(409), "stock_version_changed");
    assert_eq!(again.headers["idempotent-replayed"], "true");

    let lost = json!({ "variant_id": goods.variant, "delta": -3, "reason": "damage" });
    let refused = app.post_keyed(&goods.merchant, PATH, "c2", lost).await;
    assert_eq!(refused.problem(409), "stock_held");
    assert_eq!(app.stock(&goods).await, (5, 3));
}

#[tokio::test]
async fn foreign_stock_is_not_found_and_faults_are_named() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    let other = app.merchant("sued");
    let path = format!("/v1/inventory/{}", goods.variant);
    assert_eq!(app.get(&other, &path).await.problem(404), "not_found");
    let edit = json!({ "variant_id": goods.variant, "delta": 1, "reason": "restock" });
    assert_eq!(app.post_keyed(&other, PATH, "x", edit).await.problem(404), "not_found");
    let odd = json!({ "variant_id": "mug", "set": 1, "reason": "because" });
    let problem = app.post_keyed(&goods.merchant, PATH, "y", odd).await.expect(400);
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/variant_id", "/version", "/reason"]);
}
