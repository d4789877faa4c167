//! Orders, as buyers and merchants see them.

use serde_json::{Value, json};
use vitrine::domain::attribution::Attribution;
use vitrine::domain::id::{AccountId, ClipId, SlateId};
use vitrine::domain::limits::{CHECKOUT_MEMORY_MS, HOLD_TTL_MS, IDEMPOTENCY_TTL_MS};
use vitrine::ports::clock::Clock as _;
use vitrine::ports::signer::Purpose;
use vitrine::services::signed::seal;

use crate::support::shop::{Goods, mug, order_of};
use crate::support::{START, TestApp};

#[tokio::test]
async fn orders_are_listed_newest_first_and_only_to_their_buyer() {
    let app = TestApp::new().await;
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
    let app = TestApp::new().await;
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
    let app = TestApp::new().await;
    let vera = app.viewer("vera");
    for path in ["/v1/ops/trial-balance", "/v1/ops/invariants"] {
        assert_eq!(app.get(&vera, path).await.problem(403), "insufficient_scope", "{path}");
    }
    let balance = app.get(&app.operator(), "/v1/ops/trial-balance").await.expect(200);
    assert_eq!((&balance["balanced"], &balance["currencies"]), (&json!(true), &json!([])));
}

fn seen_by(app: &TestApp, viewer: AccountId, creator: AccountId, product: &str) -> String {
    let seen = Attribution {
        viewer,
        clip: ClipId::from_bits(1),
        creator,
        slate: SlateId::from_bits(2),
        position: 3,
        product: Some(product.parse().unwrap()),
        issued_at: START,
    };
    seal(app.backends.signer.as_ref(), Purpose::Attribution, &seen.to_bytes())
}

#[tokio::test]
async fn a_clip_that_sold_earns_its_creator_a_commission() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 9).await;
    let (vera, viktor, mina) = (app.viewer("vera"), app.viewer("viktor"), app.creator("mina"));
    let token = seen_by(&app, vera.id, mina.id, &goods.product);
    let order = |token: &str| {
        order_of(&json!([{ "variant_id": goods.variant, "quantity": 1,
            "attribution_token": token }]))
    };
    // A token of someone else's does no harm, but earns nothing; a forged one is refused.
    for (buyer, token, commission) in [(&viktor, &token, 0), (&vera, &token, 199)] {
        let open = app.post_keyed(buyer, "/v1/checkouts", "o", order(token)).await.expect(201);
        let id = open["id"].as_str().unwrap();
        app.complete(buyer, id, "pm_approve", "p").await.expect(200);
        let books = app.check_books().await;
        let accounts = books["currencies"][0]["accounts"].as_array().unwrap();
        let earned: Vec<&Value> =
            accounts.iter().filter(|one| one["account"] == "creator_payable").collect();
        let sum: i64 = earned.iter().map(|one| one["credits"].as_i64().unwrap()).sum();
        assert_eq!(sum, commission);
        assert!(earned.iter().all(|one| one["owner"] == mina.id.to_string()));
    }
    let forged = format!("B{}", &token[1..]);
    let refused = app.post_keyed(&vera, "/v1/checkouts", "o2", order(&forged)).await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/lines/0/attribution_token");
}

/// A key finds its answer for thirty days; then the memory of the purchase goes, and only that.
#[tokio::test]
async fn old_purchases_are_forgotten_and_their_orders_stay() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 10).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 2, "open").await;
    let paid = app.complete(&vera, &id, "pm_approve", "pay").await.expect(200);
    app.opened(&vera, &goods, 1, "left").await;
    let declined = app.opened(&vera, &goods, 1, "declined").await;
    assert_eq!(app.complete(&vera, &declined, "pm_decline", "no").await.status, 402);
    // Tokens end before that: everybody gets a new one.
    let later = async |goods: Goods, ms| {
        app.clock.advance_ms(ms);
        app.reconcile().await;
        (app.viewer("vera"), Goods { merchant: app.merchant("nord"), ..goods })
    };
    let (vera, goods) = later(goods, IDEMPOTENCY_TTL_MS).await;
    let replayed = app.complete(&vera, &id, "pm_approve", "pay").await;
    assert_eq!(replayed.headers["idempotent-replayed"], "true");
    assert_eq!(replayed.expect(200)["order"]["id"], paid["order"]["id"]);
    let restock = app.restock(&goods.merchant, &goods.variant, 10).await;
    assert_eq!(restock["on_hand"], 10, "the first answer: {restock}");

    let (vera, goods) =
        later(goods, CHECKOUT_MEMORY_MS - IDEMPOTENCY_TTL_MS + HOLD_TTL_MS + 1).await;
    assert_eq!(app.get(&vera, &format!("/v1/checkouts/{id}")).await.status, 404);
    let finished = app.backends.shop.checkouts.finished(app.clock.now(), 10).await.unwrap();
    assert_eq!(finished, [], "nothing is left of them");
    let order = format!("/v1/orders/{}", paid["order"]["id"].as_str().unwrap());
    assert_eq!(app.get(&vera, &order).await.expect(200)["state"], "placed");
    app.check_books().await;
    assert_eq!(app.stock(&goods).await, (8, 0));
    let again = app.opened(&vera, &goods, 2, "open").await;
    assert_eq!(app.stock(&goods).await, (8, 2), "an old key begins a new purchase");
    let second = app.complete(&vera, &again, "pm_approve", "pay").await.expect(200);
    assert_ne!(second["order"]["id"], paid["order"]["id"]);
    assert_eq!(app.stock(&goods).await, (6, 0));
    app.check_books().await;
}
