//! The feed learns while people watch.

use serde_json::{Value, json};

use crate::support::feed::{NewClip, clips};
use crate::support::{Actor, TestApp};

/// Clips on two topics, by creators of their own, the topics in turn.
async fn topics(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let topic = ["cats", "pots"][number % 2];
        let creator = app.creator(&format!("{topic}-{}", number % 12));
        let caption = format!("Clip {number} #{topic}");
        let age_ms = number as i64 * 60_000;
        let new = NewClip { caption: &caption, age_ms, ..NewClip::default() };
        ids.push(app.publish(&creator, new).await);
    }
    ids
}

/// Watches a clip to the end or leaves at once.
async fn watch(app: &TestApp, viewer: &Actor, clip: &str, likes: bool) {
    let watch_ms = if likes { 9_900 } else { 600 };
    let event = json!({ "type": "watch", "clip_id": clip, "watch_ms": watch_ms });
    app.event(viewer, event).await;
}

/// Viewers who love one of the topics and leave the other.
async fn crowd(app: &TestApp, ids: &[String], viewers: usize) {
    for number in 0..viewers {
        let viewer = app.viewer(&format!("crowd-{number}"));
        for (place, clip) in ids.iter().enumerate().filter(|(place, _)| place % 3 == number % 3) {
            watch(app, &viewer, clip, place % 2 == number % 2).await;
        }
    }
}

async fn model(app: &TestApp) -> Value {
    app.get(&app.operator(), "/v1/ops/freshness").await.expect(200)["model"].clone()
}

/// The ten best of a whole walk: chance spreads new clips over the first page.
async fn top_10(app: &TestApp, viewer: &Actor) -> Vec<String> {
    clips(&app.feed(viewer, "?limit=10").await)
}

/// How many of the clips are on the topic of even places.
fn cats(shown: &[String], ids: &[String]) -> usize {
    let is_cat = |clip: &&String| ids.iter().position(|id| id == *clip).unwrap() % 2 == 0;
    shown.iter().filter(is_cat).count()
}

#[tokio::test]
async fn opposite_histories_give_different_orders() {
    let app = TestApp::new().await;
    let ids = topics(&app, 80).await;
    crowd(&app, &ids[40..], 12).await;
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    for (place, clip) in ids[..12].iter().enumerate() {
        watch(&app, &vera, clip, place % 2 == 0).await;
        watch(&app, &otto, clip, place % 2 == 1).await;
    }
    let (veras, ottos) = (top_10(&app, &vera).await, top_10(&app, &otto).await);
    let (of_vera, of_otto) = (cats(&veras, &ids), cats(&ottos, &ids));
    assert!(of_vera >= 7 && of_otto <= 3, "{of_vera} and {of_otto} cats of ten");
}

#[tokio::test]
async fn five_events_change_a_new_viewers_top_ten() {
    let app = TestApp::new().await;
    let ids = topics(&app, 80).await;
    crowd(&app, &ids[40..], 6).await;
    let (nina, twin) = (app.viewer("nina"), app.viewer("twin"));
    let before = top_10(&app, &nina).await;
    let mut watermark = String::new();
    for clip in ids.iter().skip(1).step_by(2).take(5) {
        let event = json!({ "type": "watch", "clip_id": clip, "watch_ms": 9_900 });
        watermark = app.event(&nina, event).await;
    }
    let page = app.feed(&nina, &format!("?limit=10&after={watermark}")).await;
    let after = clips(&page);
    let stay = after.iter().filter(|clip| before.contains(clip)).count();
    assert!(stay <= 6, "{stay} of ten are the same after five events");
    assert!(cats(&after, &ids) <= 3, "{} cats, though she watches pots", cats(&after, &ids));
    assert!((2..=8).contains(&cats(&top_10(&app, &twin).await, &ids)), "others see both");
}

#[tokio::test]
async fn learning_survives_a_restart_and_without_personalisation_it_tells_nobody_apart() {
    let app = TestApp::new().await.at_one_node();
    let ids = topics(&app, 40).await;
    crowd(&app, &ids, 10).await;
    let learned = model(&app).await;
    assert!(learned["views"].as_u64().unwrap() >= 130, "{learned}");
    assert_eq!((&learned["sound"], &learned["stored"]), (&json!(true), &Value::Null));
    assert_eq!(learned["heads"].as_array().unwrap().len(), 12);
    assert!(app.app.training.store().await.unwrap());
    let app = app.restarted().await;
    let again = model(&app).await;
    assert_eq!(again["views"], learned["views"]);
    assert!(again["stored"].is_string() && again["stored_at"].is_string(), "{again}");

    // What was learned of two viewers tells them apart until they want no history used.
    let two = [app.viewer("crowd-0"), app.viewer("crowd-1")];
    let mut orders = Vec::new();
    for personalised in [true, false] {
        for viewer in &two {
            let body = json!({ "personalised": personalised });
            app.put(viewer, "/v1/me/preferences", body).await.expect(200);
            app.settle().await;
            let pages = app.walk(viewer, "limit=10").await;
            orders.push(pages.iter().flat_map(clips).collect::<Vec<_>>());
        }
    }
    assert_ne!(orders[0], orders[1]);
    assert_eq!(orders[2], orders[3]);
    assert_eq!(orders[2].len(), 40);
}
