//! Likes, saves, follows and blocks.

use serde_json::json;

use crate::support::TestApp;
use crate::support::feed::{NewClip, clips};

#[tokio::test]
async fn likes_count_once_and_can_be_taken_back() {
    let app = TestApp::new().await;
    let clip = app.publish_many(1, 1).await.remove(0);
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    let likes = async || app.feed(&otto, "").await["items"][0]["clip"]["stats"]["likes"].clone();
    let path = format!("/v1/clips/{clip}/like");
    for _ in 0..3 {
        app.put(&vera, &path, json!(null)).await.expect(204);
    }
    app.event(&vera, json!({ "type": "like", "clip_id": clip })).await;
    assert_eq!(likes().await, 1);
    app.put(&otto, &path, json!(null)).await.expect(204);
    assert_eq!(likes().await, 2);
    for _ in 0..2 {
        app.delete(&vera, &path).await.expect(204);
    }
    assert_eq!(likes().await, 1);
    app.put(&vera, &format!("/v1/clips/{clip}/save"), json!(null)).await.expect(204);
    app.delete(&vera, &format!("/v1/clips/{clip}/save")).await.expect(204);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    let vera = app.viewer("vera");
    let missing = "00000000000000000000000001";
    for path in [
        format!("/v1/clips/clip_{missing}/like"),
        format!("/v1/clips/clip_{missing}/save"),
        format!("/v1/creators/usr_{missing}/follow"),
        format!("/v1/creators/usr_{missing}/block"),
    ] {
        assert_eq!(app.put(&vera, &path, json!(null)).await.problem(404), "not_found", "{path}");
        assert_eq!(app.delete(&app.nobody(), &path).await.problem(401), "unauthenticated");
    }
    let answer = app.put(&vera, "/v1/clips/usr_1/like", json!(null)).await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn the_following_surface_shows_followed_creators_newest_first() {
    let app = TestApp::new().await;
    app.publish_many(30, 3).await;
    let (vera, one, two) = (app.viewer("vera"), app.creator("creator-0"), app.creator("creator-1"));
    assert_eq!(clips(&app.feed(&vera, "?surface=following").await).len(), 0);
    for creator in [&one, &two] {
        let path = format!("/v1/creators/{}/follow", creator.id);
        app.put(&vera, &path, json!(null)).await.expect(204);
    }
    let pages = app.walk(&vera, "surface=following&limit=6").await;
    let items: Vec<_> = pages.iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    assert_eq!(items.len(), 20);
    let times: Vec<&str> =
        items.iter().map(|item| item["clip"]["published_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");
    assert!(items.iter().all(|item| item["source"] == "following"));
    app.delete(&vera, &format!("/v1/creators/{}/follow", two.id)).await.expect(204);
    let app = app.restarted().await;
    let page = app.feed(&app.viewer("vera"), "?surface=following&limit=50").await;
    assert_eq!(clips(&page).len(), 10);
}

#[tokio::test]
async fn a_blocked_creator_vanishes_at_once_and_for_good() {
    let app = TestApp::new().await;
    app.publish_many(12, 3).await;
    let (vera, bad) = (app.viewer("vera"), app.creator("creator-0"));
    let path = format!("/v1/creators/{}/block", bad.id);
    let first = app.feed(&vera, "?limit=3").await;
    app.put(&vera, &path, json!(null)).await.expect(204);
    let of_bad = |page: &serde_json::Value| {
        let id = json!(bad.id.to_string());
        page["items"].as_array().unwrap().iter().any(|item| item["clip"]["creator"]["id"] == id)
    };
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = app.feed(&vera, &format!("?limit=50&cursor={cursor}")).await;
    assert!(!of_bad(&rest) && !clips(&rest).is_empty());
    let app = app.restarted().await;
    let vera = app.viewer("vera");
    assert!(!of_bad(&app.feed(&vera, "?limit=50").await));
    app.delete(&vera, &path).await.expect(204);
    assert!(of_bad(&app.feed(&vera, "?limit=50").await));
    let other = app.creator("creator-1");
    let clip = app.publish(&other, NewClip::default()).await;
    app.event(&vera, json!({ "type": "hide_creator", "clip_id": clip })).await;
    let page = app.feed(&vera, "?limit=50").await;
    assert!(!clips(&page).contains(&clip));
}

#[tokio::test]
async fn a_clip_tells_its_viewer_what_they_marked() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = app.publish(&mina, NewClip::default()).await;
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    let path = format!("/v1/clips/{clip}");
    let marks = async |who| app.get(who, &path).await.expect(200)["viewer"].clone();
    let none = json!({ "liked": false, "saved": false, "following": false });
    assert_eq!(marks(&vera).await, none);
    let tag = async || app.get(&vera, &path).await.headers["etag"].to_str().unwrap().to_owned();
    let before = tag().await;
    for mark in
        [format!("{path}/like"), format!("{path}/save"), format!("/v1/creators/{}/follow", mina.id)]
    {
        app.put(&vera, &mark, json!(null)).await.expect(204);
        let known = [("If-None-Match", before.as_str())];
        let changed = app.request(&vera, http::Method::GET, &path, &known, None).await;
        assert_eq!(changed.status, 200, "another mark is another answer");
    }
    assert_eq!(marks(&vera).await, json!({ "liked": true, "saved": true, "following": true }));
    assert_eq!(marks(&otto).await, none, "marks are one's own");
    let now = tag().await;
    let known = [("If-None-Match", now.as_str())];
    let unchanged = app.request(&vera, http::Method::GET, &path, &known, None).await;
    assert_eq!(unchanged.status, 304);
    app.delete(&vera, &format!("{path}/like")).await.expect(204);
    assert_eq!(marks(&vera).await, json!({ "liked": false, "saved": true, "following": true }));
}

#[tokio::test]
async fn a_creator_edits_with_the_tag_of_what_was_read_marks_or_not() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = app.publish(&mina, NewClip::default()).await;
    let path = format!("/v1/clips/{clip}");
    app.put(&mina, &format!("{path}/like"), json!(null)).await.expect(204);
    let tag = app.get(&mina, &path).await.headers["etag"].to_str().unwrap().to_owned();
    let matching = [("If-Match", tag.as_str())];
    let edit = Some(json!({ "caption": "better" }));
    let edited = app.request(&mina, http::Method::PATCH, &path, &matching, edit.clone()).await;
    assert_eq!(edited.expect(200)["caption"], "better");
    let stale = app.request(&mina, http::Method::PATCH, &path, &matching, edit).await;
    assert_eq!(stale.problem(412), "version_mismatch");
}
