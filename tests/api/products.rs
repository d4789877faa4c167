//! A merchant's shelf.

use http::{Method, StatusCode};
use serde_json::json;
use vitrine::domain::change::Change;

use crate::support::TestApp;
use crate::support::shop::mug;

#[tokio::test]
async fn a_product_goes_on_the_shelf_and_is_seen_by_everyone() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let path = format!("/v1/products/{}", goods.product);
    let shown = app.get(&app.viewer("vera"), &path).await.expect(200);
    assert_eq!(shown["title"], "Camp mug");
    assert_eq!(shown["variants"][0]["price"], json!({ "amount": 1999, "currency": "USD" }));
    assert_eq!(shown["variants"][0]["options"]["colour"], "oak");
    assert_eq!(shown["availability"], "low_stock");
    assert_eq!(shown["rating"]["count"], 0);
    assert_eq!(shown["merchant_id"], goods.merchant.id.to_string());
}

#[tokio::test]
async fn every_fault_of_a_description_is_named() {
    let app = TestApp::new().await;
    let mut body = mug(-1);
    body["title"] = json!(" ");
    body["variants"][0]["gtin"] = json!("123");
    let problem = app.post(&app.merchant("nord"), "/v1/products", body).await.expect(400);
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/title", "/variants/0/gtin", "/variants/0/price/amount"]);
}

#[tokio::test]
async fn an_edit_keeps_variants_by_sku_and_is_guarded_by_if_match() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let path = format!("/v1/products/{}", goods.product);
    let read = app.get(&goods.merchant, &path).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let edit = json!({ "title": "Cup", "variants": [
        { "sku": "MUG-OAK", "title": "Oak", "price": { "amount": 2500, "currency": "USD" },
          "compare_at": { "amount": 3000, "currency": "USD" } },
        { "sku": "MUG-ASH", "title": "Ash", "price": { "amount": 2600, "currency": "USD" } }
    ] });
    let guarded = [("If-Match", tag.as_str())];
    let edited =
        app.request(&goods.merchant, Method::PATCH, &path, &guarded, Some(edit.clone())).await;
    let body = edited.expect(200);
    assert_eq!(body["variants"][0]["id"], goods.variant);
    assert_eq!(body["variants"][1]["availability"], "sold_out");
    assert_ne!(edited.headers["etag"], tag.as_str());

    let stale = app.request(&goods.merchant, Method::PATCH, &path, &guarded, Some(edit)).await;
    assert_eq!(stale.problem(412), "version_mismatch");
    let foreign = json!({ "variants": [{ "id": "var_01h455vb4pex5vsknk084sn02q", "sku": "X",
        "price": { "amount": 1, "currency": "USD" } }] });
    let refused = app.patch(&goods.merchant, &path, foreign).await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/variants/0/id");
}

#[tokio::test]
async fn a_reader_hears_of_edits_and_of_sold_out_goods_only() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 1).await;
    let (vera, path) = (app.viewer("vera"), format!("/v1/products/{}", goods.product));
    let tag = app.get(&vera, &path).await.headers["etag"].to_str().unwrap().to_owned();
    let known = [("If-None-Match", tag.as_str())];
    let same = app.request(&vera, Method::GET, &path, &known, None).await;
    assert_eq!((same.status, same.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    app.opened(&vera, &goods, 1, "o").await;
    let sold_out = app.request(&vera, Method::GET, &path, &known, None).await;
    assert_eq!(sold_out.expect(200)["availability"], "sold_out");
}

#[tokio::test]
async fn what_is_removed_or_foreign_is_not_found() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 3).await;
    let path = format!("/v1/products/{}", goods.product);
    let other = app.merchant("sued");
    assert_eq!(
        app.patch(&other, &path, json!({ "title": "Mine" })).await.problem(404),
        "not_found"
    );
    assert_eq!(app.delete(&other, &path).await.problem(404), "not_found");
    assert_eq!(app.delete(&goods.merchant, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&goods.merchant, &path).await.problem(404), "not_found");
    let list = app.get(&goods.merchant, "/v1/products").await.expect(200);
    assert_eq!(list["products"], json!([]));
    let viewer = app.viewer("vera");
    assert_eq!(app.post(&viewer, "/v1/products", mug(1)).await.problem(403), "insufficient_scope");
}

#[tokio::test]
async fn a_list_is_walked_by_its_own_cursor_only() {
    let app = TestApp::new().await;
    let nord = app.merchant("nord");
    let mut made = Vec::new();
    for _ in 0..5 {
        app.clock.advance_ms(1);
        let product = app.post(&nord, "/v1/products", mug(1_000)).await.expect(201);
        made.push(product["id"].as_str().unwrap().to_owned());
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut path = "/v1/products?limit=2".to_owned();
    loop {
        let page = app.get(&nord, &path).await.expect(200);
        let products = page["products"].as_array().unwrap();
        seen.extend(products.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/products?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    let foreign = app.get(&app.merchant("sued"), &path).await;
    assert_eq!(foreign.problem(400), "invalid_cursor");
}

#[tokio::test]
async fn a_key_creates_once() {
    let app = TestApp::new().await;
    let nord = app.merchant("nord");
    let first = app.post_keyed(&nord, "/v1/products", "k1", mug(1_000)).await;
    let again = app.post_keyed(&nord, "/v1/products", "k1", mug(1_000)).await;
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let other = app.post_keyed(&nord, "/v1/products", "k1", mug(2_000)).await;
    assert_eq!(other.problem(422), "idempotency_key_reused");
    let elsewhere = app.post_keyed(&app.merchant("sued"), "/v1/products", "k1", mug(2_000)).await;
    elsewhere.expect(201);
}

#[tokio::test]
async fn the_sheet_has_all_that_a_buyer_needs() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 9).await;
    let name = json!({ "display_name": "Nord Goods" });
    app.put(&goods.merchant, "/v1/merchants/me", name).await.expect(200);
    let path = format!("/v1/products/{}/preview", goods.product);
    let sheet = app.get(&app.viewer("vera"), &path).await.expect(200);
    assert_eq!(sheet["product"]["id"], goods.product);
    assert_eq!(sheet["variants"][0]["availability"], "in_stock");
    assert!(sheet["variants"][0]["quote"].as_str().unwrap().len() > 40);
    assert_eq!(sheet["seller"]["display_name"], "Nord Goods");
    assert_eq!(sheet["delivery"][0]["option"], "standard");
    assert_eq!(sheet["delivery"][1]["price"]["amount"], 999);
    assert_eq!(sheet["return_window_days"], 30);
    assert_eq!(sheet["quote_expires_at"], "2026-01-01T00:15:00.000Z");
    let bad = app.get(&app.viewer("vera"), &format!("{path}?clip_id=nonsense")).await;
    assert_eq!(bad.expect(400)["errors"][0]["pointer"], "/clip_id");
}

#[tokio::test]
async fn edits_are_announced() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 9).await;
    let product = goods.product.parse().unwrap();
    let announced = app.backends.changes.read(0, 10).await.unwrap();
    let changes: Vec<Change> = announced.into_iter().map(|(_, change)| change).collect();
    assert_eq!(changes, [Change::ProductChanged(product), Change::StockChanged(product)]);
}

#[tokio::test]
async fn own_pictures_follow_the_servers_public_name() {
    let app = TestApp::new().await;
    let nord = app.merchant("nord");
    let own = "http://vitrine.test/images/med_01h455vb4pex5vsknk084sn02q.jpg";
    let body = json!({ "title": "Mug", "category": "home", "image_urls": [own, "https://cdn.example/a.jpg"],
        "variants": [{ "sku": "M", "title": "Oak", "price": { "amount": 1, "currency": "USD" } }] });
    let made = app.post(&nord, "/v1/products", body).await.expect(201);
    assert_eq!(made["image_urls"][0], own);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let kept = app.backends.shop.catalog.get(id).await.unwrap().unwrap();
    assert_eq!(
        kept.image_urls,
        [
            "/images/med_01h455vb4pex5vsknk084sn02q.jpg".to_owned(),
            "https://cdn.example/a.jpg".to_owned()
        ]
    );
    let shown = app.get(&nord, &format!("/v1/products/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(shown.expect(200)["image_urls"][0], own);
}
