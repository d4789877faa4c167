//! Orders, as buyers and merchants see them.

use serde_json::json;

use crate::support::TestApp;
use crate::support::shop::{mug, order_of};

#[tokio::test]
async fn orders_are_listed_newest_first_and_only_to_their_buyer() {
    let app = TestApp::new();
    let goods = app.goods(1_999, 9).await;
    let (vera, viktor) = (app.viewer("vera"), app.viewer("viktor"));
    let mut placed = Vec::new();
    for turn in 0..3 {
        app.clock.advance_ms(1);
        let id = app.opened(&vera, &goods, 1, &format!("o{turn}")).await;
        let done = app.complete(&vera, &id, "pm_approve", "p").await.expect(200);
        placed.push(done["order"]["id"].as_str().unwrap().to_owned());
    }
    placed.reverse();
    let first = app.get(&vera, "/v1/orders?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&vera, &format!("/v1/orders?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(second["next_cursor"], json!(null));
    let seen: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["orders"].as_array().unwrap())
        .map(|order| order["id"].as_str().unwrap())
        .collect();
    assert_eq!(seen, placed);

    let path = format!("/v1/orders/{}", placed[0]);
    assert_eq!(app.get(&viktor, &path).await.problem(404), "not_found");
    let foreign = app.get(&viktor, &format!("/v1/orders?cursor={cursor}")).await;
    assert_eq!(foreign.problem(400), "invalid_cursor");
    assert_eq!(app.get(&viktor, "/v1/orders").await.expect(200)["orders"], json!([]));
}

#[tokio::test]
async fn a_merchant_sees_only_their_part_of_an_order() {
    let app = TestApp::new();
    let nord = app.goods(1_999, 9).await;
    let sued = app.merchant("sued");
    let made = app.post(&sued, "/v1/products", mug(500)).await.expect(201);
    let variant = made["variants"][0]["id"].as_str().unwrap();
    app.restock(&sued, variant, 3).await;
    let vera = app.viewer("vera");
    let lines = json!([
        { "variant_id": nord.variant, "quantity": 1 }, { "variant_id": variant, "quantity": 2 },
    ]);
    let open = app.post_keyed(&vera, "/v1/checkouts", "o", order_of(&lines)).await.expect(201);
    let id = open["id"].as_str().unwrap();
    app.complete(&vera, id, "pm_approve", "p").await.expect(200);

    let sold = app.get(&sued, "/v1/merchants/me/orders").await.expect(200);
    let order = &sold["orders"][0];
    assert_eq!(order["lines"].as_array().unwrap().len(), 1);
    assert_eq!(order["lines"][0]["variant_id"], variant);
    assert_eq!(order["totals"]["grand_total"]["amount"], 1_000);
    let balance = app.get(&sued, "/v1/merchants/me/balance").await.expect(200);
    assert_eq!(balance["balances"][0]["merchant_payable"]["amount"], 950);
    app.check_books().await;
}

#[tokio::test]
async fn the_books_are_for_operators() {
    let app = TestApp::new();
    let vera = app.viewer("vera");
    for path in ["/v1/ops/trial-balance", "/v1/ops/invariants"] {
        assert_eq!(app.get(&vera, path).await.problem(403), "insufficient_scope", "{path}");
    }
    let balance = app.get(&app.operator(), "/v1/ops/trial-balance").await.expect(200);
    assert_eq!((&balance["balanced"], &balance["currencies"]), (&json!(true), &json!([])));
}
