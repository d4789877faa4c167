//! What becomes of events.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::feed::{clips, uuid_text};

fn event(number: u128, kind: &str, clip: &str) -> Value {
    json!({
        "id": uuid_text(number), "type": kind, "clip_id": clip,
        "occurred_at": "2026-01-01T00:00:00Z"
    })
}

fn watch(number: u128, clip: &str) -> Value {
    let mut event = event(number, "watch", clip);
    event["watch_ms"] = json!(9_200);
    event["loops"] = json!(0);
    event
}

#[tokio::test]
async fn each_event_is_judged_for_itself_and_repetitions_are_dropped() {
    let app = TestApp::new().await;
    let clip = &app.publish_many(1, 1).await[0];
    let vera = app.viewer("vera");
    let mut stale = event(6, "like", clip);
    stale["occurred_at"] = json!("2025-12-01T00:00:00Z");
    let mut odd = event(7, "like", clip);
    odd["mood"] = json!("good");
    let missing = "clip_00000000000000000000000001";
    let events = json!([
        watch(1, clip), watch(1, clip), event(2, "purchase", clip), event(3, "dance", clip),
        event(4, "watch", clip), event(5, "like", missing), stale, odd, 7,
        { "id": uuid_text(8), "type": "like", "occurred_at": "2026-01-01T00:00:00Z" },
    ]);
    let answer = app.post(&vera, "/v1/events", json!({ "events": events })).await.expect(202);
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(1), &json!(1)));
    let rejected: Vec<(u64, &str)> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        rejected,
        [
            (2, "server_only"),
            (3, "invalid_event"),
            (4, "invalid_event"),
            (5, "unknown_clip"),
            (6, "occurred_at_out_of_range"),
            (7, "invalid_event"),
            (8, "invalid_event"),
            (9, "clip_id_required"),
        ]
    );
    let again = json!({ "events": [watch(1, clip)] });
    let again = app.post(&vera, "/v1/events", again.clone()).await.expect(202);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(1)));
    let other = json!({ "events": [watch(1, clip)] });
    let other = app.post(&app.viewer("otto"), "/v1/events", other).await.expect(202);
    assert_eq!(other["accepted"], 1, "ids are the viewer's own");
    let page = app.feed(&app.viewer("nina"), "").await;
    assert_eq!(page["items"][0]["clip"]["stats"]["plays"], 2);
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let app = TestApp::new().await;
    let events: Vec<Value> = (0..501).map(|n| event(n, "like", "clip_x")).collect();
    let answer = app.post(&app.viewer("vera"), "/v1/events", json!({ "events": events })).await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn the_next_page_reflects_the_watermark() {
    let app = TestApp::new().await;
    let all = app.publish_many(12, 6).await;
    let vera = app.viewer("vera");
    for (number, clip) in all.iter().enumerate().take(11) {
        let watched = json!({ "events": [watch(number as u128, clip)] });
        let answer = app.post(&vera, "/v1/events", watched).await.expect(202);
        let watermark = answer["watermark"].as_str().unwrap();
        let page = app.feed(&vera, &format!("?limit=50&after={watermark}")).await;
        assert_eq!(clips(&page).len(), 11 - number);
        assert!(!clips(&page).contains(clip));
    }
}

#[tokio::test]
async fn counters_survive_a_restart_with_and_without_a_snapshot() {
    let app = TestApp::new().await;
    let clip = app.publish_many(1, 1).await.remove(0);
    let stats = |page: Value| page["items"][0]["clip"]["stats"].clone();
    for number in 0..5 {
        let fan = app.viewer(&format!("fan-{number}"));
        let both = json!({ "events": [watch(1, &clip), event(2, "share", &clip)] });
        app.post(&fan, "/v1/events", both).await.expect(202);
        if number == 2 {
            app.app.indexing.snapshot().await.unwrap();
        }
    }
    let before = stats(app.feed(&app.viewer("vera"), "").await);
    assert_eq!(before, json!({ "plays": 5, "likes": 0, "shares": 5 }));
    let app = app.restarted().await;
    assert_eq!(stats(app.feed(&app.viewer("vera"), "").await), before);
    app.app.indexing.snapshot().await.unwrap();
    let app = app.restarted().await;
    assert_eq!(stats(app.feed(&app.viewer("vera"), "").await), before);
}

#[tokio::test]
async fn what_one_likes_shapes_what_comes_next() {
    let app = TestApp::new().await;
    let all = app.publish_many(200, 20).await;
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    // Clips go round the creators: every twentieth is of the first one.
    let liked: Vec<&String> = all.iter().step_by(20).take(5).collect();
    for clip in &liked {
        app.event(&vera, json!({ "type": "watch", "clip_id": clip, "watch_ms": 10_000 })).await;
        app.event(&vera, json!({ "type": "like", "clip_id": clip })).await;
    }
    let first: Vec<&String> = all.iter().step_by(20).skip(5).collect();
    let count = |page: &Value| clips(page).iter().filter(|clip| first.contains(clip)).count();
    let page = app.feed(&vera, "?limit=10").await;
    assert_eq!(count(&page), 2, "as many as the rules allow");
    assert!(first.contains(&&clips(&page)[0]));
    assert!(count(&app.feed(&otto, "?limit=10").await) < 2 || clips(&page)[0] != all[0]);
}
