//! A person on the page: a real Chromium against the real program, from the first clip to the order.
//!
//! The demo is started with three of its clips, so that a cold run takes seconds. Each wait has a
//! deadline and a condition; nothing sleeps for luck.

#![expect(clippy::print_stderr, reason = "a failure is told apart by the story before it")]

mod browser;
mod demo;
mod tour;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::demo::Demo;

/// What a phone shows.
const PHONE: (u32, u32) = (412, 892);

/// The stories share one demo, whose start costs more than all of them: each prints its name, so that a
/// failure is told apart.
#[tokio::test(flavor = "multi_thread")]
async fn people_use_the_demo() {
    let demo = Demo::start().await;
    eprintln!("story: every published clip plays in a player");
    every_published_clip_plays_in_a_player(&demo).await;
    eprintln!("story: a guest watches a clip, taps a product and buys it");
    a_guest_watches_a_clip_taps_a_product_and_buys_it(&demo).await;
    eprintln!("story: the page plays without native HLS, and walks to the end");
    the_page_plays_without_native_hls_too_and_walks_to_the_end(&demo).await;
    eprintln!("story: the README's tour ends in an order");
    tour::the_readmes_tour_ends_in_an_order(&demo).await;
    demo.stop();
}

async fn a_guest_watches_a_clip_taps_a_product_and_buys_it(demo: &Demo) {
    let browser = Browser::open(PHONE, &[]).await;
    browser.goto(&demo.url).await;

    watch(&browser, "the first clip").await;
    browser.press("ArrowDown").await;
    browser
        .until(
            "the second clip is in view",
            "return document.querySelectorAll('[data-testid=clip]')[1]?.dataset.active === 'true'",
        )
        .await;
    watch(&browser, "the second clip").await;

    browser.click_visible("product-card").await;
    browser.appears("buy-now").await;
    browser
        .until(
            "the price is shown",
            "return /\\$\\d/.test(document.querySelector('[data-testid=sheet]').innerText)",
        )
        .await;
    browser.click("buy-now").await;
    for (field, text) in [
        ("email", "vera@shop.example"),
        ("address-name", "Vera Lund"),
        ("address-line1", "1 Pine Road"),
        ("address-postal-code", "97201"),
        ("address-city", "Portland"),
        ("address-region", "OR"),
    ] {
        browser.fill(field, text).await;
    }
    browser.choose("address-country", "US").await;
    browser.click("continue-to-payment").await;

    browser.click("pay-method-pm_decline").await;
    browser.click("pay").await;
    browser.until("the refusal is told", "return /declined/i.test(document.body.innerText)").await;

    browser.click("pay-method-pm_approve").await;
    browser.click("pay").await;
    let order = browser.text("order-id").await;
    assert!(order.starts_with("ord_"), "{order}");

    browser.press("Escape").await;
    browser.click("orders-open").await;
    browser
        .until(
            "the order is listed",
            &format!(
                "return document.querySelector('[data-testid=order-row]')?.dataset.orderId === {}",
                json!(order)
            ),
        )
        .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;

    let trial = demo.operator_get("/v1/ops/trial-balance").await;
    assert_eq!(trial["balanced"], json!(true), "{trial}");
}

async fn the_page_plays_without_native_hls_too_and_walks_to_the_end(demo: &Demo) {
    let browser = Browser::open(PHONE, &[]).await;
    browser.goto(&format!("{}/?player=mse", demo.url)).await;
    watch(&browser, "the first clip by Media Source Extensions").await;
    for _ in 0..3 {
        browser.press("ArrowDown").await;
        browser.settle().await;
    }
    browser.appears("end-card").await;
    let shown = browser
        .script("return [...document.querySelectorAll('[data-testid=clip]')].map((c) => c.dataset.clipId)")
        .await;
    let mut ids: Vec<String> = serde_json::from_value(shown).unwrap();
    assert_eq!(ids.len(), 3);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "no clip is shown twice");
    browser.close().await;
}

async fn every_published_clip_plays_in_a_player(demo: &Demo) {
    let page = demo.guest_get("/v1/feed?limit=10").await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{page}");
    for item in items {
        let url = item["clip"]["playback"]["hls_url"].as_str().unwrap();
        let probed = demo::probe(url);
        let kinds: Vec<&str> = probed["streams"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|s| s["codec_type"].as_str())
            .collect();
        assert!(kinds.contains(&"video") && kinds.contains(&"audio"), "{probed}");
        let seconds: f64 = probed["format"]["duration"].as_str().unwrap().parse().unwrap();
        let told = item["clip"]["duration_ms"].as_f64().unwrap() / 1_000.0;
        assert!((seconds - told).abs() < 0.5, "{seconds} s in the player, {told} s in the feed");
        assert!(!item["product_tags"].as_array().unwrap().is_empty(), "{item}");
    }
    assert_eq!(page["exhausted"], Value::Bool(true));
}

/// The clip in view plays: its time goes on.
async fn watch(browser: &Browser, what: &str) {
    const TIME: &str = "const v = document.querySelector('[data-testid=clip][data-active=true] video'); \
        if (v) { window.seen = Math.max(window.seen ?? 0, v.currentTime); } \
        return !!v && !v.paused && v.currentTime > 0.5 && v.videoHeight > 0";
    browser.until(&format!("{what} plays"), TIME).await;
}
