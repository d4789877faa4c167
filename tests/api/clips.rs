//! Clips from the upload to the picture on the screen, through the real transcoder.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vitrine::domain::limits::{JOB_CLAIMS_MAX, JOB_LEASE_MS};
use vitrine::ports::clock::Clock as _;

use crate::support::{Actor, TestApp};

/// Uploads one of the demo clips and names it.
async fn make(app: &TestApp, actor: &Actor, bytes: Vec<u8>, caption: &str) -> Value {
    let upload = upload(app, actor, bytes).await;
    let body = json!({ "upload_id": upload, "caption": caption });
    app.post(actor, "/v1/clips", body).await.expect(202)
}

async fn upload(app: &TestApp, actor: &Actor, bytes: Vec<u8>) -> String {
    let length = bytes.len().to_string();
    let headers = [
        ("Tus-Resumable", "1.0.0"),
        ("Content-Type", "application/offset+octet-stream"),
        ("Upload-Length", &length),
    ];
    let answer = app.send_bytes(actor, Method::POST, "/v1/uploads", &headers, bytes).await;
    answer.expect(201);
    let location = answer.headers["location"].to_str().unwrap();
    location.rsplit('/').next().unwrap().to_owned()
}

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/media-samples/clips/{name}.mp4", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn an_upload_becomes_a_clip_that_plays() {
    let app = TestApp::new().await;
    let (mina, vera) = (app.creator("mina"), app.viewer("vera"));
    let clip = make(&app, &mina, sample("sneaker"), "Fast #shoes").await;
    assert_eq!((&clip["state"], &clip["failure"]), (&json!("processing"), &Value::Null));
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    assert_eq!(app.get(&vera, &path).await.problem(404), "not_found");

    app.run_due_work().await;

    let ready = app.get(&vera, &path).await.expect(200);
    assert_eq!(ready["state"], "ready", "{ready}");
    assert_eq!((&ready["width"], &ready["height"]), (&json!(720), &json!(1280)));
    let hls = ready["playback"]["hls_url"].as_str().unwrap();
    let base = hls.strip_prefix("http://vitrine.test").unwrap();
    let master = app.get(&app.nobody(), base).await;
    assert_eq!(master.headers[header::CONTENT_TYPE], "application/vnd.apple.mpegurl");
    assert_eq!(master.text.matches("#EXT-X-STREAM-INF").count(), 3, "{}", master.text);

    let poster = base.replace("master.m3u8", "poster.jpg");
    let range = [("Range", "bytes=0-3")];
    let part = app.request(&app.nobody(), Method::GET, &poster, &range, None).await;
    assert_eq!((part.status.as_u16(), part.headers["content-length"].as_bytes()), (206, &b"4"[..]));
    let beyond = [("Range", "bytes=99999999-")];
    let part = app.request(&app.nobody(), Method::GET, &poster, &beyond, None).await;
    assert_eq!(part.status, 416);
    let forged = base.replacen("/media/A", "/media/B", 1);
    assert_eq!(app.get(&app.nobody(), &forged).await.status, 404);
}

#[tokio::test]
async fn a_file_that_is_no_video_fails_with_a_sentence() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = make(&app, &mina, b"just words".to_vec(), "").await;
    app.run_due_work().await;
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    let failed = app.get(&mina, &path).await.expect(200);
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["failure"]["code"], "not_a_video");
    assert!(failed["failure"]["detail"].as_str().unwrap().ends_with('.'), "{failed}");
}

#[tokio::test]
async fn a_clip_that_takes_its_workers_down_fails_in_the_end() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = make(&app, &mina, sample("sneaker"), "").await;
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    for _ in 0..JOB_CLAIMS_MAX {
        let now = app.clock.now();
        let claimed = app.backends.jobs.claim(now, now.plus_ms(JOB_LEASE_MS)).await.unwrap();
        assert!(claimed.is_some(), "a worker takes it, and is never heard of again");
        assert_eq!(app.get(&mina, &path).await.expect(200)["state"], "processing");
        app.clock.advance_ms(JOB_LEASE_MS);
    }
    app.run_due_work().await;
    let failed = app.get(&mina, &path).await.expect(200);
    assert_eq!(
        (&failed["state"], &failed["failure"]["code"]),
        (&json!("failed"), &json!("internal"))
    );
    assert!(failed["failure"]["detail"].as_str().unwrap().ends_with('.'), "{failed}");
    let depth = app.backends.jobs.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.leased, depth.parked), (0, 0, 1));
}

#[tokio::test]
async fn a_worker_that_is_stopped_gives_its_clip_back_untried() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = make(&app, &mina, sample("sneaker"), "").await;
    for _ in 0..4 {
        let stop = CancellationToken::new();
        let mut work = JoinSet::new();
        let (runner, until) = (Arc::clone(&app.app.runner), stop.clone());
        work.spawn(async move { runner.run(until).await });
        let leased = async || app.backends.jobs.depth().await.unwrap().leased;
        tokio::time::timeout(Duration::from_secs(10), async {
            while leased().await == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("the worker takes the job");
        stop.cancel();
        work.join_next().await.expect("a worker").unwrap().unwrap();
        assert_eq!(leased().await, 0, "its lease ends with the worker");
    }
    app.run_due_work().await;
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    assert_eq!(app.get(&mina, &path).await.expect(200)["state"], "ready");
}

#[tokio::test]
async fn naming_an_upload_twice_makes_one_clip() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let id = upload(&app, &mina, b"x".to_vec()).await;
    let body = json!({ "upload_id": id, "caption": "one" });
    let first = app.post(&mina, "/v1/clips", body.clone()).await.expect(202);
    let second = app.post(&mina, "/v1/clips", body).await.expect(202);
    assert_eq!(first["id"], second["id"]);
    let theirs = json!({ "upload_id": id, "caption": "mine now" });
    let answer = app.post(&app.creator("theo"), "/v1/clips", theirs).await;
    assert_eq!(answer.problem(404), "not_found");
}

#[tokio::test]
async fn edits_are_guarded_by_versions_and_checked_by_field() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let clip = make(&app, &mina, b"x".to_vec(), "before").await;
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    let etag = app.get(&mina, &path).await.headers["etag"].to_str().unwrap().to_owned();
    let edit = Some(json!({ "caption": "after" }));
    let matching = [("If-Match", etag.as_str())];
    let answer = app.request(&mina, Method::PATCH, &path, &matching, edit.clone()).await;
    assert_eq!(answer.expect(200)["caption"], "after");
    let present = answer.headers["etag"].to_str().unwrap().to_owned();
    let answer = app.request(&mina, Method::PATCH, &path, &matching, edit.clone()).await;
    assert_eq!(answer.problem(412), "version_mismatch");
    let known = [("If-None-Match", present.as_str())];
    assert_eq!(app.request(&mina, Method::GET, &path, &known, None).await.status, 304);
    assert_eq!(
        app.patch(&app.creator("theo"), &path, json!({ "caption": "mine" })).await.problem(404),
        "not_found"
    );

    let tags = json!([{ "product_id": "prd_x", "start_ms": 9, "end_ms": 9,
        "hotspot": { "x": 2.0, "y": 0.0 } }]);
    let answer = app.put(&mina, &format!("{path}/product-tags"), tags).await.expect(400);
    let pointers: Vec<&str> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/0/end_ms", "/0/hotspot", "/0/product_id"]);
}

#[tokio::test]
async fn a_creator_lists_and_removes_clips() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    for caption in ["one", "two", "three"] {
        make(&app, &mina, b"x".to_vec(), caption).await;
        app.clock.advance_ms(1);
    }
    let page = app.get(&mina, "/v1/creators/me/clips?limit=2").await.expect(200);
    assert_eq!(page["clips"][0]["caption"], "three");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = format!("/v1/creators/me/clips?limit=2&cursor={cursor}");
    let rest = app.get(&mina, &rest).await.expect(200);
    assert_eq!((&rest["clips"][0]["caption"], &rest["next_cursor"]), (&json!("one"), &Value::Null));
    let theirs = format!("/v1/creators/me/clips?cursor={cursor}");
    assert_eq!(app.get(&app.creator("theo"), &theirs).await.problem(400), "invalid_cursor");

    let path = format!("/v1/clips/{}", page["clips"][0]["id"].as_str().unwrap());
    assert_eq!(app.delete(&mina, &path).await.status, 204);
    assert_eq!(app.get(&mina, &path).await.problem(404), "not_found");
}

#[tokio::test]
async fn pictures_of_products_are_cleaned_and_shown() {
    let app = TestApp::new().await;
    let nord = app.merchant("nord");
    let path = format!("{}/media-samples/products", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(file).unwrap();
    let answer = app.send_bytes(&nord, Method::POST, "/v1/media", &[], bytes).await.expect(201);
    let url = answer["image_url"].as_str().unwrap().strip_prefix("http://vitrine.test").unwrap();
    let shown = app.get(&app.nobody(), url).await;
    assert_eq!(
        (shown.status.as_u16(), &shown.headers["content-type"]),
        (200, &"image/jpeg".parse().unwrap())
    );
    let answer = app.send_bytes(&nord, Method::POST, "/v1/media", &[], b"<svg/>".to_vec()).await;
    assert_eq!(answer.problem(415), "unsupported_media_type");
}

#[tokio::test]
async fn a_new_clip_with_a_new_merchants_product_reaches_a_new_viewer() {
    let app = TestApp::new().await;
    let (nord, mina) = (app.merchant("nord"), app.creator("mina"));
    let product = json!({ "title": "Runner", "category": "shoes", "variants": [
        { "sku": "R", "title": "Sand", "price": { "amount": 8_900, "currency": "USD" } }] });
    let product = app.post(&nord, "/v1/products", product).await.expect(201);
    let stock =
        json!({ "variant_id": product["variants"][0]["id"], "delta": 9, "reason": "restock" });
    app.post_keyed(&nord, "/v1/inventory/adjustments", "stock", stock).await.expect(200);
    let body = json!({
        "upload_id": upload(&app, &mina, sample("sneaker")).await, "caption": "Fast #shoes",
        "product_tags": [{ "product_id": product["id"], "start_ms": 0, "end_ms": 4_000 }],
    });
    let clip = app.post(&mina, "/v1/clips", body).await.expect(202);
    app.run_due_work().await;
    app.app.indexing.catch_up().await.unwrap();

    let page = app.get(&app.viewer("new here"), "/v1/feed").await.expect(200);
    let item = &page["items"][0];
    assert_eq!(item["clip"]["id"], clip["id"], "{page}");
    assert_eq!(item["product_tags"][0]["card"]["availability"], "in_stock", "{item}");
    assert!(item["clip"]["playback"]["hls_url"].as_str().unwrap().ends_with("/master.m3u8"));
}

/// A clip that plays, with the path of its master playlist.
async fn playing(app: &TestApp, mina: &Actor) -> (String, String) {
    let clip = make(app, mina, sample("sneaker"), "Fast").await;
    app.run_due_work().await;
    app.app.indexing.catch_up().await.unwrap();
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    let ready = app.get(mina, &path).await.expect(200);
    let hls = ready["playback"]["hls_url"].as_str().unwrap();
    (path, hls.strip_prefix("http://vitrine.test").unwrap().to_owned())
}

#[tokio::test]
async fn a_clip_that_was_taken_down_is_gone_for_its_creator_too() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let upload = upload(&app, &mina, b"just words".to_vec()).await;
    let body = json!({ "upload_id": upload });
    let clip = app.post(&mina, "/v1/clips", body.clone()).await.expect(202);
    let path = format!("/v1/clips/{}", clip["id"].as_str().unwrap());
    assert_eq!(app.delete(&mina, &path).await.status, 204);

    let edit = app.patch(&mina, &path, json!({ "caption": "back" })).await;
    assert_eq!(edit.problem(404), "not_found");
    let tags = app.put(&mina, &format!("{path}/product-tags"), json!([])).await;
    assert_eq!(tags.problem(404), "not_found");
    assert_eq!(app.post(&mina, "/v1/clips", body).await.problem(410), "upload_gone");
}

#[tokio::test]
async fn linking_a_product_that_is_not_ones_own_is_linking_nothing() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let goods = app.goods(1999, 1).await;
    let (path, _) = playing(&app, &mina).await;
    let clip = path.rsplit('/').next().unwrap();
    let other = app.merchant("other");
    for product in [goods.product.as_str(), "prd_01h455vb4pex5vsknk084sn02q"] {
        let path = format!("/v1/products/{product}/clips/{clip}");
        let answer = app.request(&other, Method::PUT, &path, &[], None).await;
        assert_eq!(answer.problem(404), "not_found");
    }
}

#[tokio::test]
async fn a_known_clip_is_sent_again_when_its_counts_or_links_have_moved() {
    let app = TestApp::new().await;
    let (mina, vera) = (app.creator("mina"), app.viewer("vera"));
    let (path, hls) = playing(&app, &mina).await;
    let tag =
        |answer: &crate::support::Answer| answer.headers[header::ETAG].to_str().unwrap().to_owned();
    let first = app.get(&vera, &path).await;
    assert_eq!(first.expect(200)["stats"], json!({ "plays": 0, "likes": 0, "shares": 0 }));
    let known = tag(&first);
    let again = |known: String| {
        let (app, vera, path) = (&app, &vera, &path);
        async move {
            let headers = [("If-None-Match", known.as_str())];
            app.request(vera, Method::GET, path, &headers, None).await
        }
    };
    let unchanged = again(known.clone()).await;
    assert_eq!((unchanged.status.as_u16(), tag(&unchanged)), (304, known.clone()));

    app.request(&vera, Method::PUT, &format!("{path}/like"), &[], None).await.expect(204);
    let liked = again(known).await;
    assert_eq!(liked.expect(200)["stats"]["likes"], 1);

    app.clock.advance_ms(2 * 3_600_000);
    let relinked = again(tag(&liked)).await;
    let relinked_url = relinked.expect(200)["playback"]["hls_url"].as_str().unwrap().to_owned();
    assert!(!relinked_url.ends_with(&hls), "the old link has expired by now: {relinked_url}");

    let listed = format!("\"other\", {}", tag(&relinked));
    let headers = [("If-Match", listed.as_str())];
    let body = Some(json!({ "caption": "Faster" }));
    app.request(&mina, Method::PATCH, &path, &headers, body.clone()).await.expect(200);
    let answer = app.request(&mina, Method::PATCH, &path, &headers, body).await;
    assert_eq!(answer.problem(412), "version_mismatch");
}

#[tokio::test]
async fn media_obey_ranges_and_conditions_as_the_standard_says() {
    let app = TestApp::new().await;
    let (_, hls) = playing(&app, &app.creator("mina")).await;
    let nobody = app.nobody();
    let ask = |headers: Vec<(&'static str, String)>| {
        let (app, nobody, hls) = (&app, &nobody, &hls);
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            app.request(nobody, Method::GET, hls, &headers, None).await
        }
    };
    let whole = ask(vec![]).await;
    let tag = whole.headers[header::ETAG].to_str().unwrap().to_owned();
    for last in [u64::MAX.to_string(), i64::MAX.to_string(), "9".repeat(30)] {
        let part = ask(vec![("Range", format!("bytes=0-{last}"))]).await;
        assert_eq!((part.status.as_u16(), &part.text), (206, &whole.text), "to {last}");
    }
    let part = ask(vec![("Range", format!("bytes={}-", u64::MAX))]).await;
    assert_eq!(part.status, 416);

    let first = || ("Range", "bytes=0-3".to_owned());
    let part = ask(vec![first(), ("If-Range", tag.clone())]).await;
    assert_eq!((part.status.as_u16(), part.text.len()), (206, 4));
    let moved = ask(vec![first(), ("If-Range", "\"another\"".to_owned())]).await;
    assert_eq!((moved.status.as_u16(), &moved.text), (200, &whole.text));

    for known in [format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        assert_eq!(ask(vec![("If-None-Match", known.clone())]).await.status, 304, "{known}");
    }
}

#[tokio::test]
async fn nobody_learns_by_an_event_of_a_clip_that_does_not_play_yet() {
    let app = TestApp::new().await;
    let clip = make(&app, &app.creator("mina"), b"just words".to_vec(), "").await;
    let event = json!({
        "id": "0192f0c1-2b3c-7d4e-8f50-617283940a1b", "type": "like", "clip_id": clip["id"],
        "occurred_at": "2026-01-01T00:00:00Z"
    });
    let body = json!({ "events": [event] });
    let taken = app.post(&app.viewer("vera"), "/v1/events", body).await.expect(202);
    assert_eq!(taken["rejected"][0]["code"], "unknown_clip", "{taken}");
}
