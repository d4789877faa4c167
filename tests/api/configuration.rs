//! What an operator writes into the configuration is what happens.

use std::path::Path;

use serde_json::json;
use vitrine::adapters::s3::{S3Config, S3Objects};
use vitrine::app::{Settings, run};
use vitrine::config::Config;
use vitrine::domain::time::{DAY_MS, MINUTE_MS};
use vitrine::ports::objects::{ObjectKey, ObjectStore as _};

use crate::support::TestApp;
use crate::support::feed::{NewClip, clips};

/// The configuration that a file with this text makes.
fn configured(directory: &Path, text: &str) -> Result<Config, String> {
    let path = directory.join("vitrine.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), &[]).map_err(|error| error.to_string())
}

/// An engine with that configuration.
fn engine(text: &str) -> TestApp {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), text).unwrap();
    TestApp::with_settings(&Settings::new(&config, "http://vitrine.test"))
}

#[tokio::test]
async fn a_watched_clip_stays_away_as_long_as_configured() {
    let app = engine("[feed]\nsuppression_days = 3\n");
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
    let app = engine("[feed]\nsession_ttl_ms = 3600000\n");
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
        ("[objects]\nlisten = \"127.0.0.1:0\"", "objects.secret_key"),
    ] {
        let refused = configured(directory.path(), text).unwrap_err();
        assert!(refused.contains(key), "{refused}");
    }
}

#[tokio::test]
async fn the_embedded_object_store_listens_if_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndirectory = \"{}\"\n[media]\nworkers = 0\n\
         [objects]\nlisten = \"127.0.0.1:0\"\naccess_key = \"outside\"\nsecret_key = \"tools\"\n",
        directory.path().join("data").display()
    );
    let running = run::start(&configured(directory.path(), &text).unwrap()).await.unwrap();
    let url = format!("http://{}", running.objects_address.unwrap());
    let store = |secret: &str| {
        let config = S3Config::new(Some(url.clone()), "local", "vitrine", "outside", secret);
        S3Objects::new(&config, None)
    };
    let key = ObjectKey::parse("outside/note.txt").unwrap();
    store("tools").put(&key, "text/plain", "hello".into()).await.unwrap();
    assert!(store("tools").head(&key).await.unwrap().is_some());
    assert!(store("guess").head(&key).await.is_err(), "a wrong key is refused");
    running.tasks.stop().cancel();
    assert!(running.finish().await);
}
