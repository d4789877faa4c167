//! Buying, as buyers see it.

use serde_json::json;
use vitrine::domain::change::Change;
use vitrine::domain::limits::HOLD_TTL_MS;

use crate::support::TestApp;
use crate::support::shop::{order_of, pay};

#[tokio::test]
async fn a_purchase_holds_pays_and_places_an_order() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    let vera = app.viewer("vera");
    let open = app.open(&vera, &goods, 2, "o1").await.expect(201);
    assert_eq!((&open["state"], &open["order_id"]), (&json!("open"), &json!(null)));
    assert_eq!(open["totals"]["items"]["amount"], 3_998);
    assert_eq!(open["totals"]["shipping"]["amount"], 499);
    assert_eq!(open["totals"]["grand_total"]["amount"], 4_497);
    assert_eq!(open["hold"]["expires_at"], "2026-01-01T00:10:00.000Z");
    assert_eq!(open["problems"], json!([]));
    assert_eq!(app.stock(&goods).await, (5, 2));

    let id = open["id"].as_str().unwrap();
    let done = app.complete(&vera, id, "pm_approve", "p1").await.expect(200);
    assert_eq!(done["checkout"]["state"], "completed");
    assert_eq!(done["checkout"]["payment"]["state"], "captured");
    assert_eq!(done["order"]["state"], "placed");
    assert_eq!(done["order"]["payment"]["state"], "captured");
    assert_eq!(done["order"]["id"], done["checkout"]["order_id"]);
    assert_eq!(done["order"]["lines"][0]["line_total"]["amount"], 3_998);
    assert_eq!(app.stock(&goods).await, (3, 0));

    let order = done["order"]["id"].as_str().unwrap();
    assert_eq!(app.get(&vera, &format!("/v1/orders/{order}")).await.expect(200), done["order"]);
    let shown = app.get(&vera, &format!("/v1/checkouts/{id}")).await.expect(200);
    assert_eq!(shown, done["checkout"]);
    app.clock.advance_ms(60_000);
    let books = app.check_books().await;
    assert_eq!(books["currencies"][0]["debits"], 2 * 4_497);
    let balance = app.get(&goods.merchant, "/v1/merchants/me/balance").await.expect(200);
    assert_eq!(balance["balances"][0]["merchant_payable"]["amount"], 3_998 - 199);
}

#[tokio::test]
async fn every_answer_is_given_once_per_key() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let vera = app.viewer("vera");
    let open = app.open(&vera, &goods, 1, "o1").await;
    let id = open.expect(201)["id"].as_str().unwrap().to_owned();
    let done = app.complete(&vera, &id, "pm_approve", "p1").await;
    // The first answer of the opening still says `open`, although the checkout is completed by now.
    let opened_again = app.open(&vera, &goods, 1, "o1").await;
    assert_eq!(opened_again.expect(201), open.json());
    assert_eq!(opened_again.headers["idempotent-replayed"], "true");
    let done_again = app.complete(&vera, &id, "pm_approve", "p1").await;
    assert_eq!(done_again.expect(200), done.expect(200));
    assert_eq!(done_again.headers["idempotent-replayed"], "true");
    assert!(!done.headers.contains_key("idempotent-replayed"));

    assert_eq!(app.open(&vera, &goods, 2, "o1").await.problem(422), "idempotency_key_reused");
    let other = app.complete(&vera, &id, "pm_decline", "p1").await;
    assert_eq!(other.problem(422), "idempotency_key_reused");
    let closed = app.complete(&vera, &id, "pm_approve", "p2").await;
    assert_eq!(closed.problem(409), "checkout_closed");
    assert_eq!(app.stock(&goods).await, (2, 0));
    assert_eq!(
        app.get(&vera, "/v1/orders").await.expect(200)["orders"].as_array().unwrap().len(),
        1
    );
    // The same key of another account is another intent.
    app.open(&app.viewer("viktor"), &goods, 1, "o1").await.expect(201);
}

#[tokio::test]
async fn keys_are_required_where_money_or_stock_moves() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    for path in [
        "/v1/checkouts".to_owned(),
        format!("/v1/checkouts/{id}/complete"),
        format!("/v1/checkouts/{id}/cancel"),
    ] {
        let answer = app.post(&vera, &path, pay("pm_approve")).await;
        assert_eq!(answer.problem(400), "idempotency_key_required", "{path}");
    }
}

#[tokio::test]
async fn a_decline_gives_the_stock_back_and_another_method_may_follow() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 1).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    let declined = app.complete(&vera, &id, "pm_decline", "p1").await;
    assert_eq!(declined.problem(402), "payment_declined");
    assert_eq!(app.stock(&goods).await, (1, 0));
    let again = app.complete(&vera, &id, "pm_decline", "p1").await;
    assert_eq!(again.problem(402), "payment_declined");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let shown = app.get(&vera, &format!("/v1/checkouts/{id}")).await.expect(200);
    assert_eq!((&shown["state"], &shown["hold"]), (&json!("open"), &json!(null)));

    app.complete(&vera, &id, "pm_approve", "p2").await.expect(200);
    assert_eq!(app.stock(&goods).await, (0, 0));
    app.check_books().await;
}

#[tokio::test]
async fn after_a_decline_someone_else_may_be_faster() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 1).await;
    let (vera, viktor) = (app.viewer("vera"), app.viewer("viktor"));
    let id = app.opened(&vera, &goods, 1, "o1").await;
    app.complete(&vera, &id, "pm_decline", "p1").await.expect(402);
    app.opened(&viktor, &goods, 1, "o2").await;
    let late = app.complete(&vera, &id, "pm_approve", "p2").await;
    assert_eq!(late.problem(409), "out_of_stock");
    assert_eq!(late.json()["available"], 0);
    let again = app.complete(&vera, &id, "pm_approve", "p2").await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(app.stock(&goods).await, (1, 1));
}

#[tokio::test]
async fn the_last_unit_is_sold_once_and_the_refusal_is_remembered() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 1).await;
    app.opened(&app.viewer("vera"), &goods, 1, "o1").await;
    let viktor = app.viewer("viktor");
    let refused = app.open(&viktor, &goods, 1, "o2").await;
    assert_eq!(refused.problem(409), "out_of_stock");
    app.restock(&goods.merchant, &goods.variant, 7).await;
    let again = app.open(&viktor, &goods, 1, "o2").await;
    assert_eq!(again.problem(409), "out_of_stock");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    app.open(&viktor, &goods, 1, "o3").await.expect(201);
}

#[tokio::test]
async fn two_lines_of_one_variant_are_one_demand() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let line = json!({ "variant_id": goods.variant, "quantity": 2 });
    let body = order_of(&json!([line, line]));
    let refused = app.post_keyed(&app.viewer("vera"), "/v1/checkouts", "o1", body).await;
    assert_eq!(refused.problem(409), "out_of_stock");
    assert_eq!(app.stock(&goods).await, (3, 0));
}

#[tokio::test]
async fn a_failed_second_line_gives_the_first_back() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    app.clock.advance_ms(1); // Its variant is the later one, so the first is held before it.
    let mut other = crate::support::shop::mug(500);
    other["variants"][0]["sku"] = json!("B");
    let made = app.post(&goods.merchant, "/v1/products", other).await.expect(201);
    let lines = json!([
        { "variant_id": goods.variant, "quantity": 2 },
        { "variant_id": made["variants"][0]["id"], "quantity": 1 },
    ]);
    let vera = app.viewer("vera");
    let refused = app.post_keyed(&vera, "/v1/checkouts", "o1", order_of(&lines)).await;
    assert_eq!(refused.problem(409), "out_of_stock");
    assert_eq!(app.stock(&goods).await, (5, 0));
}

#[tokio::test]
async fn an_unpaid_hold_gives_its_stock_back() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 1).await;
    let (vera, viktor) = (app.viewer("vera"), app.viewer("viktor"));
    let id = app.opened(&vera, &goods, 1, "o1").await;
    app.clock.advance_ms(HOLD_TTL_MS);
    let shown = app.get(&vera, &format!("/v1/checkouts/{id}")).await.expect(200);
    assert_eq!(shown["state"], "expired");
    let late = app.complete(&vera, &id, "pm_approve", "p1").await;
    assert_eq!(late.problem(409), "checkout_expired");
    assert_eq!(app.reconcile().await, 2, "one hold and one checkout");
    assert_eq!(app.reconcile().await, 0);
    app.open(&viktor, &goods, 1, "o2").await.expect(201);
    let late = app.complete(&vera, &id, "pm_approve", "p1").await;
    assert_eq!(late.problem(409), "checkout_expired");
    assert_eq!(app.open(&vera, &goods, 1, "o1").await.expect(201)["state"], "open");
}

#[tokio::test]
async fn a_cancel_gives_stock_back_once() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 2, "o1").await;
    let path = format!("/v1/checkouts/{id}/cancel");
    let gone = app.post_keyed(&vera, &path, "c1", json!({})).await;
    assert_eq!(gone.expect(200)["state"], "canceled");
    assert_eq!(app.stock(&goods).await, (2, 0));
    let again = app.post_keyed(&vera, &path, "c1", json!({})).await;
    assert_eq!(again.expect(200), gone.json());
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let closed = app.complete(&vera, &id, "pm_approve", "p1").await;
    assert_eq!(closed.problem(409), "checkout_closed");

    let paid = app.opened(&vera, &goods, 1, "o2").await;
    app.complete(&vera, &paid, "pm_approve", "p2").await.expect(200);
    let path = format!("/v1/checkouts/{paid}/cancel");
    let late = app.post_keyed(&vera, &path, "c2", json!({})).await;
    assert_eq!(late.problem(409), "checkout_closed");
}

#[tokio::test]
async fn a_silent_provider_is_asked_again_with_the_same_key() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    let unknown = app.complete(&vera, &id, "pm_timeout", "p1").await;
    assert_eq!(unknown.problem(503), "payment_unknown");
    assert_eq!(unknown.headers["retry-after"], "2");
    assert_eq!(app.stock(&goods).await, (2, 1));
    let done = app.complete(&vera, &id, "pm_timeout", "p1").await.expect(200);
    assert_eq!(done["order"]["state"], "placed");
    app.check_books().await;
}

#[tokio::test]
async fn a_silent_provider_is_found_out_in_the_background() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    app.complete(&vera, &id, "pm_timeout", "p1").await.expect(503);
    assert_eq!(app.reconcile().await, 1);
    let shown = app.get(&vera, &format!("/v1/checkouts/{id}")).await.expect(200);
    assert_eq!(shown["state"], "completed");
    let done = app.complete(&vera, &id, "pm_timeout", "p1").await;
    assert_eq!(done.expect(200)["order"]["id"], shown["order_id"]);
    assert_eq!(done.headers["idempotent-replayed"], "true");
    assert_eq!(app.stock(&goods).await, (1, 0));
}

#[tokio::test]
async fn a_challenge_is_passed_and_the_order_placed() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    let waiting = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    assert_eq!(waiting["order"], json!(null));
    assert_eq!(waiting["checkout"]["state"], "open");
    assert_eq!(waiting["payment"]["state"], "requires_action");
    assert_eq!(waiting["payment"]["next_action"]["type"], "sandbox_challenge");
    let url = waiting["payment"]["next_action"]["url"].as_str().unwrap().to_owned();
    assert_eq!(
        url,
        format!("/v1/sandbox/payments/{}/challenge", waiting["payment"]["id"].as_str().unwrap())
    );
    let again = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    assert_eq!(again["payment"], waiting["payment"]);

    let approve = json!({ "outcome": "approve" });
    let foreign = app.post(&app.viewer("viktor"), &url, approve.clone()).await;
    assert_eq!(foreign.problem(404), "not_found");
    app.post(&vera, &url, approve).await.expect(200);
    let done = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    assert_eq!(done["order"]["state"], "placed");
    assert_eq!(app.stock(&goods).await, (1, 0));
}

#[tokio::test]
async fn a_buyer_at_the_bank_finds_the_way_back_after_restarts() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    let waiting = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    let url = waiting["payment"]["next_action"]["url"].as_str().unwrap().to_owned();
    let app = app.restarted().await;
    app.post(&vera, &url, json!({ "outcome": "approve" })).await.expect(200);
    let app = app.restarted().await;
    let done = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    assert_eq!(done["order"]["state"], "placed");
    assert_eq!(app.stock(&goods).await, (1, 0));
    app.check_books().await;
}

#[tokio::test]
async fn a_refused_challenge_is_a_decline() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 2).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    let waiting = app.complete(&vera, &id, "pm_action", "p1").await.expect(200);
    let url = waiting["payment"]["next_action"]["url"].as_str().unwrap();
    app.post(&vera, url, json!({ "outcome": "refuse" })).await.expect(200);
    let declined = app.complete(&vera, &id, "pm_action", "p1").await;
    assert_eq!(declined.problem(402), "payment_declined");
    assert_eq!(app.stock(&goods).await, (2, 0));
}

#[tokio::test]
async fn a_waiting_payment_can_be_replaced_canceled_or_run_out() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let vera = app.viewer("vera");
    let replaced = app.opened(&vera, &goods, 1, "o1").await;
    app.complete(&vera, &replaced, "pm_action", "p1").await.expect(200);
    app.complete(&vera, &replaced, "pm_approve", "p2").await.expect(200);
    let first = app.complete(&vera, &replaced, "pm_action", "p1").await;
    assert_eq!(first.problem(402), "payment_declined");

    let canceled = app.opened(&vera, &goods, 1, "o2").await;
    app.complete(&vera, &canceled, "pm_action", "p3").await.expect(200);
    let path = format!("/v1/checkouts/{canceled}/cancel");
    let gone = app.post_keyed(&vera, &path, "c1", json!({})).await.expect(200);
    assert_eq!(gone["state"], "canceled");

    let forgotten = app.opened(&vera, &goods, 1, "o3").await;
    app.complete(&vera, &forgotten, "pm_action", "p4").await.expect(200);
    app.clock.advance_ms(HOLD_TTL_MS);
    app.reconcile().await;
    let shown = app.get(&vera, &format!("/v1/checkouts/{forgotten}")).await.expect(200);
    assert_eq!(shown["state"], "expired");
    assert_eq!(app.stock(&goods).await, (2, 0));
    app.check_books().await;
}

#[tokio::test]
async fn a_quote_stands_until_the_price_moves_or_time_is_over() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 9).await;
    let vera = app.viewer("vera");
    let sheet = format!("/v1/products/{}/preview", goods.product);
    let quote = app.get(&vera, &sheet).await.expect(200)["variants"][0]["quote"].clone();
    let with = |quote: &serde_json::Value| {
        order_of(&json!([{ "variant_id": goods.variant, "quantity": 1, "quote": quote }]))
    };
    app.post_keyed(&vera, "/v1/checkouts", "o1", with(&quote)).await.expect(201);

    let path = format!("/v1/products/{}", goods.product);
    let raised = json!({ "variants": [{ "sku": "MUG-OAK", "price": { "amount": 2500, "currency": "USD" } }] });
    app.patch(&goods.merchant, &path, raised).await.expect(200);
    let moved = app.post_keyed(&vera, "/v1/checkouts", "o2", with(&quote)).await;
    assert_eq!(moved.problem(409), "price_changed");
    let problem = moved.json();
    assert_eq!(problem["price"], json!({ "amount": 2500, "currency": "USD" }));
    let again = app.post_keyed(&vera, "/v1/checkouts", "o2", with(&quote)).await;
    assert_eq!(again.json()["quote"], problem["quote"]);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let open = app.post_keyed(&vera, "/v1/checkouts", "o3", with(&problem["quote"])).await;
    assert_eq!(open.expect(201)["totals"]["items"]["amount"], 2_500);

    app.clock.advance_ms(15 * 60_000);
    let late = app.post_keyed(&vera, "/v1/checkouts", "o4", with(&problem["quote"])).await;
    assert_eq!(late.problem(409), "price_changed");
    let forged = app.post_keyed(&vera, "/v1/checkouts", "o5", with(&json!("forged"))).await;
    assert_eq!(forged.expect(400)["errors"][0]["pointer"], "/lines/0/quote");
}

#[tokio::test]
async fn every_fault_of_a_checkout_is_named() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 9).await;
    let vera = app.viewer("vera");
    let mut body =
        order_of(&json!([{ "variant_id": "var_01h455vb4pex5vsknk084sn02q", "quantity": 0 }]));
    let problem = app.post_keyed(&vera, "/v1/checkouts", "o1", body.clone()).await.expect(400);
    let text = problem["errors"].to_string();
    assert!(text.contains("/lines/0/quantity") && text.contains("/lines/0/variant_id"), "{text}");
    body["email"] = json!("nobody");
    body["shipping_address"]["country"] = json!("Germany");
    let problem = app.post_keyed(&vera, "/v1/checkouts", "o1", body).await.expect(400);
    let text = problem["errors"].to_string();
    assert!(text.contains("/email") && text.contains("/shipping_address/country"), "{text}");
    let mut body = order_of(&json!([{ "variant_id": goods.variant, "quantity": 1 }]));
    body["shipping_option"] = json!("pigeon");
    let problem = app.post_keyed(&vera, "/v1/checkouts", "o1", body).await.expect(400);
    assert_eq!(problem["errors"][0]["pointer"], "/shipping_option");

    let id = app.opened(&vera, &goods, 1, "o2").await;
    let odd = app.complete(&vera, &id, "4242", "p1").await.expect(400);
    assert_eq!(odd["errors"][0]["pointer"], "/payment/method");
    let foreign = app.complete(&app.viewer("viktor"), &id, "pm_approve", "p1").await;
    assert_eq!(foreign.problem(404), "not_found");
}

#[tokio::test]
async fn one_account_cannot_hoard_holds() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 100).await;
    let vera = app.viewer("vera");
    for turn in 0..20 {
        app.opened(&vera, &goods, 1, &format!("o{turn}")).await;
    }
    assert_eq!(app.open(&vera, &goods, 1, "one-more").await.problem(429), "too_many");
    app.clock.advance_ms(HOLD_TTL_MS);
    app.reconcile().await;
    app.open(&vera, &goods, 1, "one-more").await.expect(201);
}

#[tokio::test]
async fn crossing_a_border_of_availability_is_announced() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 7).await;
    let head = app.backends.changes.head().await.unwrap();
    let vera = app.viewer("vera");
    app.opened(&vera, &goods, 1, "o1").await; // 6 left: still in stock.
    assert_eq!(app.backends.changes.head().await.unwrap(), head);
    let all = app.opened(&vera, &goods, 6, "o2").await; // Sold out.
    let announced = app.backends.changes.read(head, 10).await.unwrap();
    let changes: Vec<Change> = announced.into_iter().map(|(_, change)| change).collect();
    assert_eq!(changes, [Change::StockChanged(goods.product.parse().unwrap())]);
    app.post_keyed(&vera, &format!("/v1/checkouts/{all}/cancel"), "c", json!({})).await.expect(200);
    assert_eq!(app.backends.changes.head().await.unwrap(), head + 2);
}
