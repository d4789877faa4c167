//! The laws of the feed, as a client can check them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::json;
use vitrine::app::Backends;
use vitrine::domain::id::{FeedSessionId, SlateId};
use vitrine::domain::limits::{FEED_SESSION_TTL_MS, SEEN_WINDOW_MS};
use vitrine::domain::time::{DAY_MS, MINUTE_MS, Timestamp};
use vitrine::http::feed_views::FeedPageView;
use vitrine::ports::error::StoreError;
use vitrine::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};

use crate::support::TestApp;
use crate::support::feed::{NewClip, clips};

#[tokio::test]
async fn a_page_is_what_the_api_describes() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 100).await;
    let mina = app.creator("mina");
    let clip =
        app.publish(&mina, NewClip { products: &[&goods.product], ..NewClip::default() }).await;
    let answer = app.get(&app.viewer("vera"), "/v1/feed").await;
    assert!(answer.headers["server-timing"].to_str().unwrap().contains("score;dur="));
    let page: FeedPageView = serde_json::from_str(&answer.text).unwrap();
    assert!(page.exhausted && page.next_cursor.is_none() && !page.degraded);
    assert_eq!(page.items.len(), 1);
    let item = &page.items[0];
    assert_eq!((item.position, &item.clip.id), (0, &clip));
    assert_eq!(item.clip.creator.id, mina.id.to_string());
    assert_eq!(item.clip.published_at, "2026-01-01T00:00:00.000Z");
    let playback = &item.clip.playback;
    assert!(playback.hls_url.starts_with("http://vitrine.test/media/"), "{playback:?}");
    assert!(playback.hls_url.ends_with(&format!("/clips/{clip}/1/master.m3u8")));
    let tag = &item.product_tags[0];
    assert_eq!((&tag.product_id, tag.end_ms), (&goods.product, 8_000));
    assert_eq!(tag.card.availability, "in_stock");
    assert!(!item.attribution_token.is_empty());
}

#[tokio::test]
async fn an_empty_feed_says_so_and_bad_requests_are_told() {
    let app = TestApp::new().await;
    let vera = app.viewer("vera");
    let page = app.feed(&vera, "").await;
    assert_eq!(page["items"], json!([]));
    assert_eq!((&page["exhausted"], &page["next_cursor"]), (&json!(true), &json!(null)));
    assert_eq!(app.get(&app.nobody(), "/v1/feed").await.problem(401), "unauthenticated");
    for query in ["limit=0", "limit=51", "limit=x", "surface=all", "after=soon", "page=2"] {
        let answer = app.get(&vera, &format!("/v1/feed?{query}")).await;
        assert_eq!(answer.problem(400), "invalid_request", "{query}");
    }
    let ahead = app.get(&vera, "/v1/feed?after=7").await;
    assert_eq!(ahead.problem(400), "invalid_request");
}

#[tokio::test]
async fn walked_to_the_end_it_shows_everything_once() {
    let app = TestApp::new().await;
    let all: BTreeSet<String> = app.publish_many(67, 9).await.into_iter().collect();
    let pages = app.walk(&app.viewer("vera"), "limit=7").await;
    let shown: Vec<String> = pages.iter().flat_map(clips).collect();
    assert_eq!(shown.len(), 67);
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), all);
    assert!(pages[..pages.len() - 1].iter().all(|page| page["exhausted"] == json!(false)));
    assert_eq!(pages.last().unwrap()["exhausted"], json!(true));
    let slates: BTreeSet<&str> = pages.iter().map(|p| p["slate_id"].as_str().unwrap()).collect();
    assert_eq!(slates.len(), pages.len());
}

#[tokio::test]
async fn a_replayed_cursor_gives_the_same_page_and_foreign_ones_are_refused() {
    let app = TestApp::new().await;
    app.publish_many(40, 9).await;
    let vera = app.viewer("vera");
    let first = app.feed(&vera, "?limit=5").await;
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = app.get(&vera, &format!("/v1/feed?limit=5&cursor={cursor}")).await;
    let third = second.json()["next_cursor"].as_str().unwrap().to_owned();
    app.feed(&vera, &format!("?cursor={third}")).await;
    for _ in 0..2 {
        let again = app.get(&vera, &format!("/v1/feed?limit=9&cursor={cursor}")).await;
        assert_eq!(second.text, again.text, "at whatever node");
    }

    let path = format!("/v1/feed?cursor={cursor}");
    assert_eq!(app.get(&app.viewer("otto"), &path).await.problem(400), "invalid_cursor");
    let other = app.get(&vera, &format!("{path}&surface=following")).await;
    assert_eq!(other.problem(400), "invalid_cursor");
    let forged = format!("/v1/feed?cursor=B{}", &cursor[1..]);
    assert_eq!(app.get(&vera, &forged).await.problem(400), "invalid_cursor");
    app.clock.advance_ms(FEED_SESSION_TTL_MS + 1);
    // The token of the first day is over as well.
    assert_eq!(app.get(&app.viewer("vera"), &path).await.problem(410), "cursor_expired");
}

#[tokio::test]
async fn a_session_survives_a_restart_without_repeating_a_clip() {
    let app = TestApp::new().await;
    app.publish_many(40, 9).await;
    let vera = app.viewer("vera");
    let first = app.feed(&vera, "?limit=10").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&vera, &format!("/v1/feed?limit=10&cursor={cursor}")).await;
    let third = second.json()["next_cursor"].as_str().unwrap().to_owned();

    let app = app.restarted().await;
    let vera = app.viewer("vera");
    let again = app.get(&vera, &format!("/v1/feed?limit=10&cursor={cursor}")).await;
    assert_eq!(clips(&second.json()), clips(&again.json()));
    let rest = app.feed(&vera, &format!("?limit=50&cursor={third}")).await;
    let mut shown = [clips(&first), clips(&second.json()), clips(&rest)].concat();
    assert_eq!(shown.len(), 40);
    shown.sort();
    shown.dedup();
    assert_eq!(shown.len(), 40);
}

#[tokio::test]
async fn a_watched_clip_returns_when_its_window_is_over() {
    let app = TestApp::new().await;
    let all = app.publish_many(3, 3).await;
    let vera = app.viewer("vera");
    app.event(&vera, json!({ "type": "watch", "clip_id": all[0], "watch_ms": 9_000 })).await;
    let shown = clips(&app.feed(&vera, "").await);
    assert_eq!(shown.len(), 2);
    assert!(!shown.contains(&all[0]));
    let app = app.restarted().await;
    assert_eq!(clips(&app.feed(&app.viewer("vera"), "").await).len(), 2);
    assert_eq!(clips(&app.feed(&app.viewer("otto"), "").await).len(), 3);
    app.clock.advance_ms(SEEN_WINDOW_MS - 1_000);
    assert_eq!(clips(&app.feed(&app.viewer("vera"), "").await).len(), 2);
    app.clock.advance_ms(1_000);
    assert_eq!(clips(&app.feed(&app.viewer("vera"), "").await).len(), 3);
}

#[tokio::test]
async fn removed_clips_and_other_markets_are_not_shown() {
    let app = TestApp::new().await;
    let all = app.publish_many(3, 3).await;
    let local = NewClip { markets: &["DE"], ..NewClip::default() };
    let german = app.publish(&app.creator("gerd"), local).await;
    let vera = app.viewer("vera");
    assert_eq!(clips(&app.feed(&vera, "").await).len(), 3);
    app.unpublish(&all[1]).await;
    assert!(!clips(&app.feed(&vera, "").await).contains(&all[1]));
    let moved = json!({ "personalised": true, "market": "DE" });
    app.put(&vera, "/v1/me/preferences", moved).await.expect(200);
    assert!(clips(&app.feed(&vera, "").await).contains(&german));
}

#[tokio::test]
async fn a_sold_out_product_says_so() {
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 7).await;
    let new = NewClip { products: &[&goods.product], ..NewClip::default() };
    app.publish(&app.creator("mina"), new).await;
    let vera = app.viewer("vera");
    let availability = |page: &serde_json::Value| {
        page["items"][0]["product_tags"][0]["card"]["availability"].clone()
    };
    assert_eq!(availability(&app.feed(&vera, "").await), "in_stock");
    let body = json!({ "variant_id": goods.variant, "delta": -7, "reason": "damage" });
    app.post_keyed(&goods.merchant, "/v1/inventory/adjustments", "k", body).await.expect(200);
    app.settle().await;
    assert_eq!(availability(&app.feed(&vera, "").await), "sold_out");
}

#[tokio::test]
async fn a_new_clip_gets_its_chance_among_popular_ones() {
    let app = TestApp::new().await;
    let mut popular = Vec::new();
    for number in 0..30 {
        let creator = app.creator(&format!("star-{number}"));
        let old = NewClip { age_ms: 20 * DAY_MS + number * MINUTE_MS, ..NewClip::default() };
        popular.push(app.publish(&creator, old).await);
    }
    for (number, clip) in popular.iter().enumerate() {
        let fan = app.viewer(&format!("fan-{number}"));
        for kind in ["like", "share", "save"] {
            app.event(&fan, json!({ "type": kind, "clip_id": clip })).await;
        }
    }
    let fresh = app.publish(&app.creator("newcomer"), NewClip::default()).await;
    let page = app.feed(&app.viewer("vera"), "?limit=10").await;
    let place = clips(&page).iter().position(|clip| *clip == fresh).expect("it is on the page");
    assert_eq!(page["items"][place]["source"], "explore");
    assert_eq!(place, 2);
}

#[tokio::test]
async fn one_creator_and_one_product_do_not_fill_a_page() {
    let app = TestApp::new().await;
    let goods = app.goods(500, 9).await;
    let flood = app.creator("flood");
    for _ in 0..20 {
        let new = NewClip { products: &[&goods.product], ..NewClip::default() };
        app.publish(&flood, new).await;
    }
    app.publish_many(20, 20).await;
    let page = app.feed(&app.viewer("vera"), "?limit=20").await;
    let items = page["items"].as_array().unwrap();
    for window in items.windows(10) {
        let of_flood = window
            .iter()
            .filter(|item| item["clip"]["creator"]["id"] == json!(flood.id.to_string()));
        let with_mug =
            window.iter().filter(|item| !item["product_tags"].as_array().unwrap().is_empty());
        assert!(of_flood.count() <= 2 && with_mug.count() <= 1);
    }
}

#[tokio::test]
async fn without_personalisation_everybody_gets_the_same() {
    let app = TestApp::new().await;
    let all = app.publish_many(60, 20).await;
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    for clip in &all[..15] {
        let watch = json!({ "type": "watch", "clip_id": clip, "watch_ms": 9_000 });
        app.event(&vera, watch).await;
        app.event(&vera, json!({ "type": "like", "clip_id": clip })).await;
    }
    assert_ne!(clips(&app.feed(&vera, "").await), clips(&app.feed(&otto, "").await));
    for viewer in [&vera, &otto] {
        let off = json!({ "personalised": false });
        app.put(viewer, "/v1/me/preferences", off).await.expect(200);
    }
    let walk = |viewer| {
        let app = &app;
        async move { app.walk(viewer, "limit=12").await.iter().flat_map(clips).collect::<Vec<_>>() }
    };
    let (one, other) = (walk(&vera).await, walk(&otto).await);
    assert_eq!(one.len(), 60);
    assert_eq!(one, other);
}

/// Feed sessions whose store is gone.
struct Lost;

#[async_trait::async_trait]
impl FeedSessions for Lost {
    fn is_shared(&self) -> bool {
        crate::IS_CLUSTER
    }

    fn record(&self, _: &SessionHead, _: &ServedPage) {}

    async fn load(
        &self,
        _: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        Err(StoreError::unavailable("it is away"))
    }

    async fn pages(
        &self,
        _: FeedSessionId,
        _: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError> {
        Err(StoreError::unavailable("it is away"))
    }

    async fn find(&self, _: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
        Err(StoreError::unavailable("it is away"))
    }

    async fn forget(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Err(StoreError::unavailable("it is away"))
    }
}

/// In one process memory has the session; another node has what the cursor carries, and says so.
#[tokio::test]
async fn pages_come_without_the_store_of_sessions() {
    let lost = |backends: &mut Backends| backends.feed.sessions = Arc::new(Lost);
    let app = TestApp::new().await.at_one_node();
    app.publish_many(60, 9).await;
    let vera = app.viewer("vera");
    let app = app.over(lost).await;
    let first = app.feed(&vera, "?limit=5").await;
    assert_eq!(first["degraded"], json!(false), "a session that begins needs no store");
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = app.feed(&vera, &format!("?limit=5&cursor={cursor}")).await;
    assert_eq!(second["degraded"], json!(false), "memory has it");
    let third = second["next_cursor"].as_str().unwrap().to_owned();

    let app = app.restarted().await;
    let page = app.feed(&vera, &format!("?limit=5&cursor={third}")).await;
    assert_eq!(page["degraded"], json!(true));
    assert_eq!(clips(&page).len(), 5);
    let before = clips(&second);
    assert!(clips(&page).iter().all(|clip| !before.contains(clip)), "the cursor carries those");
    let again = app.feed(&vera, &format!("?limit=5&cursor={third}")).await;
    assert_eq!(again["slate_id"], page["slate_id"], "memory has it now");
    // A page that neither memory nor the store has is made anew.
    let early = app.feed(&vera, &format!("?limit=5&cursor={cursor}")).await;
    assert_eq!((&early["degraded"], clips(&early).len()), (&json!(true), 5));
}
