//! Nodes that only work in the background.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::client::Actor;
use crate::server::{Home, long_video};
use crate::servers::Servers;
use crate::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_a_cluster_is_refused_and_told_why() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    let home = tempfile::tempdir().unwrap();
    command.args(["worker", "--listen", "127.0.0.1:0", "--data"]).arg(home.path());
    let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("worker needs a cluster: set cql.nodes"), "{said}");
}

/// The node that took the job is killed in the middle of it; a worker finishes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_takes_over_the_transcode_of_a_killed_node() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let slow = [("VITRINE_MEDIA__WORKERS", "1"), ("VITRINE_MEDIA__PRESET", "slow")];
    let mut maker = home.start("maker", &slow).await;
    let server = home.start("server", &[("VITRINE_MEDIA__WORKERS", "0")]).await;
    let creator = home.actor("mina", &["creator"]).await;
    let made = creator.upload(&server.url, long_video(), json!({ "caption": "Tea" })).await;
    let id = made.expect(202)["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/clips/{id}");
    eventually("the transcode", PATIENCE, async || {
        let clip = creator.get(&server.url, &path).await.expect(200);
        assert_eq!(clip["state"], "processing", "it is done too soon: {clip}");
        (clip["progress"].as_f64().unwrap_or(0.0) > 0.0).then_some(())
    })
    .await;
    maker.kill();

    let worker = home.start_as("worker", "worker", &[("VITRINE_MEDIA__WORKERS", "1")]).await;
    let guest = Actor::guest(&server.url).await;
    assert_eq!(guest.feed(&worker.url).await.status, 404, "a worker has no API");
    assert_eq!(guest.get(&worker.url, "/livez").await.status, 200);
    eventually("the takeover", 2 * PATIENCE, async || {
        let clip = creator.get(&server.url, &path).await.expect(200);
        assert_ne!(clip["state"], "failed", "{clip}");
        (clip["state"] == "ready").then_some(())
    })
    .await;
    let clip = creator.get(&server.url, &path).await.expect(200);
    let playlist = clip["playback"]["hls_url"].as_str().unwrap();
    assert_eq!(guest.get("", playlist).await.status, 200);
}
