//! What the ranking is told to value, by its operator and by its viewers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use vitrine::app::run;
use vitrine::config::Config;
use vitrine::domain::time::SECOND_MS;
use vitrine::ranking::value::Head;

use crate::support::TestApp;
use crate::support::feed::NewClip;

/// A server over its own directory, with what else stands in its file.
async fn serve(directory: &Path, more: &str) -> (run::Running, PathBuf, String) {
    let head = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndirectory = \"{}\"\n[media]\nworkers = 0\n",
        directory.join("data").display()
    );
    let path = directory.join("vitrine.toml");
    std::fs::write(&path, format!("{head}{more}")).unwrap();
    let config = Config::load(Some(&path), &[]).unwrap();
    (run::start(&config, run::Role::Server).await.unwrap(), path, head)
}

/// Waits until `holds`; an edit of the file has to act within seconds.
async fn soon(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..10 * SECOND_MS / 50 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within ten seconds");
}

#[tokio::test]
async fn changed_values_act_without_a_restart_and_a_bad_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (running, path, head) = serve(directory.path(), "[ranking]\nweight_like = 5\n").await;
    let values = || running.app.values.get();
    let like = || values().model.weights[Head::Like as usize];
    assert!((like() - 5.0).abs() < f32::EPSILON);
    let first = values().digest();

    std::fs::write(&path, format!("{head}[ranking]\nweight_like = 7\n")).unwrap();
    soon("a changed file", || like() > 6.0).await;
    assert_ne!(values().digest(), first, "slates tell the two apart");

    // Refused as a whole: the good line of a bad file does not act either.
    let bad = "[ranking]\nweight_like = 9\nfactor_sold_out = 3\n";
    std::fs::write(&path, format!("{head}{bad}")).unwrap();
    let process = std::process::id().to_string();
    assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!((like() - 7.0).abs() < f32::EPSILON, "the last good one stays: {}", like());

    std::fs::write(&path, format!("{head}[ranking]\nweight_like = 5\n")).unwrap();
    soon("a mended file", || values().digest() == first).await;
    running.tasks.stop().cancel();
    assert!(running.finish().await);
}

/// Which clips of a walk show something to buy.
async fn sells(app: &TestApp, viewer: &crate::support::Actor, query: &str) -> Vec<bool> {
    let pages = app.walk(viewer, query).await;
    let items = pages.iter().flat_map(|page| page["items"].as_array().unwrap());
    items.map(|item| !item["product_tags"].as_array().unwrap().is_empty()).collect()
}

#[tokio::test]
async fn a_viewer_is_not_shown_more_to_buy_than_wanted() {
    let app = TestApp::new().await;
    let mut mugs = Vec::new();
    for _ in 0..12 {
        mugs.push(app.goods(1_999, 9).await.product);
    }
    for number in 0..60 {
        let mug = [mugs[number % mugs.len()].as_str()];
        let products = if number % 3 > 0 { &mug[..] } else { &[] };
        let creator = app.creator(&format!("creator-{}", number % 15));
        app.publish(&creator, NewClip { products, ..NewClip::default() }).await;
    }
    let vera = app.viewer("vera");
    let all = sells(&app, &vera, "limit=7").await;
    assert_eq!((all.len(), all.iter().filter(|sells| **sells).count()), (60, 40));

    let preferences = "/v1/me/preferences";
    assert_eq!(app.get(&vera, preferences).await.expect(200)["max_shoppable_ratio"], json!(1.0));
    for wrong in [json!(-0.1), json!(1.5)] {
        let refused = app.put(&vera, preferences, json!({ "max_shoppable_ratio": wrong })).await;
        assert_eq!(refused.expect(400)["errors"][0]["pointer"], "/max_shoppable_ratio");
    }
    for (ratio, limit) in [(0.3, 7), (0.3, 20), (0.5, 50), (0.05, 10), (0.0, 10)] {
        let body = json!({ "max_shoppable_ratio": ratio });
        let shown = app.put(&vera, preferences, body).await.expect(200);
        assert_eq!(shown["max_shoppable_ratio"], json!(ratio));
        assert_eq!(shown["personalised"], json!(true), "what is left out stays");
        let shown = sells(&app, &vera, &format!("limit={limit}")).await;
        for end in 1..=shown.len() {
            let window = &shown[end.saturating_sub(20)..end];
            let sells = window.iter().filter(|sells| **sells).count();
            let most = (window.len() as f64 * ratio + 1e-9).floor() as usize;
            assert!(sells <= most, "{ratio}: {sells} of {} up to {end}", window.len());
        }
        let plain = shown.iter().filter(|sells| !**sells).count();
        assert_eq!(plain, 20, "{ratio}: the session ends only when nothing else is left");
        assert!(ratio < 0.1 || shown.len() > plain, "{ratio}: the budget is used");
    }
}
