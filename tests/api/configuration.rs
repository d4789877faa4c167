//! What an operator writes into the configuration is what happens.

use std::path::Path;

use serde_json::{Value, json};
use vitrine::app::Settings;
use vitrine::config::Config;
use vitrine::domain::time::{DAY_MS, MINUTE_MS};

use crate::support::TestApp;
use crate::support::feed::{NewClip, clips};
use crate::support::shop::{mug, order_of};

/// The configuration that a file with this text makes.
pub fn configured(directory: &Path, text: &str) -> Result<Config, String> {
    let path = directory.join("vitrine.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), &[]).map_err(|error| error.to_string())
}

/// An engine with that configuration.
async fn engine(text: &str) -> TestApp {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), text).unwrap();
    TestApp::with_settings(&Settings::new(&config, "http://vitrine.test")).await
}

#[tokio::test]
async fn a_watched_clip_stays_away_as_long_as_configured() {
    let app = engine("[feed]\nsuppression_days = 3\n").await;
    let clip = app.publish(&app.creator("mina"), NewClip::default()).await;
    let vera = app.viewer("vera");
    app.event(&vera, json!({ "type": "watch", "clip_id": clip, "watch_ms": 9_000 })).await;
    app.clock.advance_ms(3 * DAY_MS - MINUTE_MS);
    let vera = app.viewer("vera"); // With a token of that day.
    assert!(clips(&app.feed(&vera, "").await).is_empty(), "not before three days are over");
    app.clock.advance_ms(2 * MINUTE_MS);
    assert_eq!(clips(&app.feed(&vera, "").await), [clip]);
}

#[tokio::test]
async fn a_cursor_is_good_as_long_as_configured() {
    let app = engine("[feed]\nsession_ttl_ms = 3600000\n").await;
    app.publish_many(20, 9).await;
    let vera = app.viewer("vera");
    let page = app.feed(&vera, "?limit=5").await;
    let next = format!("/v1/feed?cursor={}", page["next_cursor"].as_str().unwrap());
    app.clock.advance_ms(60 * MINUTE_MS);
    app.get(&vera, &next).await.expect(200);
    app.clock.advance_ms(1);
    assert!(app.get(&vera, &next).await.status.is_client_error());
}

#[test]
fn values_that_cannot_hold_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (text, key) in [
        ("[feed]\nsuppression_days = 4000000", "feed.suppression_days"),
        ("[feed]\nsession_ttl_ms = 1", "feed.session_ttl_ms"),
        ("[media]\nclip_duration_ms_max = 600001", "media.clip_duration_ms_max"),
        ("[shop]\nexpress_shipping = [\"USD -1\"]", "shop.express_shipping"),
        ("[shop]\nstandard_shipping = [\"USD 1\", \"USD 2\"]", "shop.standard_shipping"),
        ("[shop]\nstandard_shipping = [\"Yen 100\"]", "shop.standard_shipping"),
        ("[objects]\nlisten = \"127.0.0.1:0\"", "objects.secret_key"),
    ] {
        let refused = configured(directory.path(), text).unwrap_err();
        assert!(refused.contains(key), "{refused}");
    }
}

/// A mug that costs 2000 of that currency's minor units.
fn mug_in(currency: &str) -> Value {
    let mut mug = mug(2_000);
    mug["variants"][0]["price"]["currency"] = json!(currency);
    mug
}

#[tokio::test]
async fn delivery_costs_what_is_configured_per_currency() {
    let app = engine(
        "[shop]\nstandard_shipping = [\"JPY 800\", \"USD 499\"]\nexpress_shipping = [\"USD 999\"]\n",
    ).await;
    let (nord, vera) = (app.merchant("nord"), app.viewer("vera"));
    let refused = app.post(&nord, "/v1/products", mug_in("EUR")).await;
    let body = refused.expect(400);
    assert_eq!(body["errors"][0]["pointer"], "/variants/0/price/currency", "{body}");
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains("JPY, USD"), "{body}");

    let made = app.post(&nord, "/v1/products", mug_in("JPY")).await.expect(201);
    let variant = made["variants"][0]["id"].as_str().unwrap();
    app.restock(&nord, variant, 5).await;
    let path = format!("/v1/products/{}/preview", made["id"].as_str().unwrap());
    let preview = app.get(&vera, &path).await.expect(200);
    assert_eq!(preview["delivery"].as_array().unwrap().len(), 1, "{preview}");
    assert_eq!(preview["delivery"][0]["price"], json!({ "amount": 800, "currency": "JPY" }));
    let mut order = order_of(&json!([{ "variant_id": variant, "quantity": 2 }]));
    let open = app.post_keyed(&vera, "/v1/checkouts", "one", order.clone()).await.expect(201);
    assert_eq!(open["totals"]["shipping"], json!({ "amount": 800, "currency": "JPY" }));
    assert_eq!(open["totals"]["grand_total"], json!({ "amount": 4_800, "currency": "JPY" }));
    order["shipping_option"] = json!("express");
    let express = app.post_keyed(&vera, "/v1/checkouts", "two", order).await.expect(400);
    assert_eq!(express["errors"][0]["pointer"], "/shipping_option", "{express}");
}

#[tokio::test]
async fn a_product_in_a_currency_that_is_no_longer_served_says_so_at_the_checkout() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    let directory = tempfile::tempdir().unwrap();
    let text = "[shop]\nstandard_shipping = [\"JPY 800\"]\nexpress_shipping = []\n";
    let config = configured(directory.path(), text).unwrap();
    let app = app.restarted_with(&Settings::new(&config, "http://vitrine.test")).await;
    let refused = app.open(&app.viewer("vera"), &goods, 1, "one").await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/lines", "{refused}");
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("USD"), "{refused}");
}
