//! What happens on one node shows on the other.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use vitrine::adapters::system::OsEntropy;
use vitrine::ports::entropy::Entropy as _;

use crate::client::{Actor, item};
use crate::server::{Home, Node, video};
use crate::servers::Servers;
use crate::shop::Goods;
use crate::{FRESH_MAX, PATIENCE, eventually, tell};

/// Two nodes, one ready clip with a product, and who made them.
pub struct Stage {
    pub one: Node,
    pub two: Node,
    pub creator: Actor,
    pub creator_id: String,
    pub goods: Goods,
    pub clip: String,
    /// How long the second node took to show the clip once the first said that it is ready.
    pub shown_after: Duration,
}

impl Stage {
    /// Sets it up, with these settings for both nodes.
    pub async fn new(home: &Home, environment: &[(&str, &str)]) -> Self {
        let (one, two) =
            tokio::join!(home.start("one", environment), home.start("two", environment));
        let goods = Goods::new(home, &one.url, 10).await;
        let creator = home.actor("mina", &["creator"]).await;
        let tag = json!({ "product_id": goods.product, "start_ms": 0, "end_ms": 800 });
        let body = json!({ "caption": "Tea #mug", "product_tags": [tag] });
        let made = creator.upload(&one.url, video(), body).await.expect(202);
        let clip = made["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/clips/{clip}");
        eventually("the transcode", 2 * PATIENCE, async || {
            let found = creator.get(&one.url, &path).await.expect(200);
            assert_ne!(found["state"], "failed", "{found}");
            (found["state"] == "ready").then_some(())
        })
        .await;
        let viewer = Actor::guest(&two.url).await;
        let (found, shown_after) = eventually("the clip", PATIENCE, async || {
            item(&viewer.feed(&two.url).await.expect(200), &clip).cloned()
        })
        .await;
        let creator_id = found["clip"]["creator"]["id"].as_str().unwrap().to_owned();
        Self { one, two, creator, creator_id, goods, clip, shown_after }
    }

    /// Another clip, which is in the feed of both nodes when this returns.
    pub async fn another_clip(&self) {
        let (one, two) = (&self.one.url, &self.two.url);
        let body = json!({ "caption": "More tea" });
        let made = self.creator.upload(one, video(), body).await.expect(202);
        let clip = made["id"].as_str().unwrap();
        let viewer = Actor::guest(one).await;
        for node in [one, two] {
            eventually("another clip", 2 * PATIENCE, async || {
                item(&viewer.feed(node).await.expect(200), clip).map(drop)
            })
            .await;
        }
    }

    /// The clip as the second node's feed shows it to somebody new, once it is as it should be; answers
    /// how long that took.
    async fn shown(&self, what: &str, good: impl Fn(&Value) -> bool) -> Duration {
        let viewer = Actor::guest(&self.two.url).await;
        let look = async || {
            let page = viewer.feed(&self.two.url).await.expect(200);
            item(&page, &self.clip).is_some_and(&good).then_some(())
        };
        eventually(what, PATIENCE, look).await.1
    }

    /// Changes everything that a page shows, on the first node; answers how long each took to be shown
    /// by the second.
    async fn change_all(&self, round: u64) -> Vec<Duration> {
        let mut took = Vec::new();
        let name = format!("Mina {round}");
        let body = json!({ "display_name": name });
        self.creator.with(Method::PUT, &self.one.url, "/v1/creators/me", &body).await.expect(200);
        took.push(self.shown("the name", |i| i["clip"]["creator"]["display_name"] == name).await);

        let card = |item: &Value| item["product_tags"][0]["card"].clone();
        let title = format!("Mug {round}");
        let path = format!("/v1/products/{}", self.goods.product);
        let body = json!({ "title": title });
        let edited = self.goods.merchant.with(Method::PATCH, &self.one.url, &path, &body).await;
        edited.expect(200);
        took.push(self.shown("the title", |item| card(item)["title"] == title).await);

        let (on_hand, _) = self.goods.stock(&self.one.url).await;
        self.goods.adjust(&self.one.url, &format!("take {round}"), -(on_hand as i64)).await;
        took.push(self.shown("no stock", |i| card(i)["availability"] == "sold_out").await);
        self.goods.adjust(&self.one.url, &format!("give {round}"), 100).await;
        took.push(self.shown("stock", |i| card(i)["availability"] == "in_stock").await);

        let fan = Actor::guest(&self.one.url).await;
        let path = format!("/v1/clips/{}/like", self.clip);
        assert!(fan.put(&self.one.url, &path).await.status < 300);
        let likes = round + 1;
        took.push(self.shown("the like", |i| i["clip"]["stats"]["likes"] == likes).await);
        took
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_one_node_shows_on_the_other_within_a_second() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let stage = Stage::new(&home, &[]).await;
    let mut took = vec![stage.shown_after];
    for round in 0..3 {
        took.extend(stage.change_all(round).await);
    }
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    tell(&format!("{} changes, shown after {median:?}, {slowest:?} at most", took.len()));
    assert!(median <= FRESH_MAX, "half of the changes took more than {median:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_viewer_does_at_one_node_counts_at_the_other() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let stage = Stage::new(&home, &[]).await;
    let (one, two) = (&stage.one.url, &stage.two.url);
    let watcher = Actor::guest(one).await;
    assert!(item(&watcher.feed(two).await.expect(200), &stage.clip).is_some(), "not seen yet");
    let taken = watcher.watch(one, &stage.clip, OsEntropy::new().bits()).await.expect(202);
    let watermark =
        taken["watermark"].as_str().map_or(taken["watermark"].to_string(), str::to_owned);
    let began = Instant::now();
    let page = watcher.get(two, &format!("/v1/feed?limit=50&after={watermark}")).await.expect(200);
    assert!(item(&page, &stage.clip).is_none(), "a watched clip returned: {page}");
    assert_eq!(page["degraded"], false, "{page}");
    tell(&format!("a page that waits for a watermark of another node: {:?}", began.elapsed()));

    // A block at one node, too: without a watermark it takes as long as news take.
    let fan = Actor::guest(one).await;
    assert!(item(&fan.feed(two).await.expect(200), &stage.clip).is_some());
    assert!(fan.put(one, &format!("/v1/creators/{}/block", stage.creator_id)).await.status < 300);
    eventually("the block", PATIENCE, async || {
        item(&fan.feed(two).await.expect(200), &stage.clip).is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_migrations_at_once_are_one_and_a_third_does_nothing() {
    let (_shared, servers) = Servers::shared().await;
    let applied = |said: &Value| said["applied"].as_array().unwrap().len();
    let mut both = servers.migrations.each_ref().map(applied);
    both.sort_unstable();
    assert_eq!(both[0], 0, "both migrated: {:?}", servers.migrations);
    assert!(both[1] > 0, "nobody migrated");
    let again = Home::new(servers).run(&["migrate", "--json"]).await;
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(applied(&serde_json::from_slice(&again.stdout).unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_schema_is_not_there_or_not_ready_says_what_to_do() {
    let (_shared, servers) = Servers::shared().await;
    let empty = format!("{}_empty", servers.keyspace);
    let nodes: Vec<&str> = servers.variable("RING").split(',').collect();
    let session = scylla::client::session_builder::SessionBuilder::new().known_nodes(nodes);
    let session = session.build().await.unwrap();
    let create = format!(
        "CREATE KEYSPACE {empty} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}}"
    );
    session.query_unpaged(create, ()).await.unwrap();
    for keyspace in [empty, format!("{}_none", servers.keyspace)] {
        for role in ["serve", "worker"] {
            let refused = Home::over(servers, &keyspace).run(&[role]).await;
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            assert!(said.contains("vitrine migrate"), "{said}");
        }
    }
}

/// What a node has learned: how many views, and the stored model that it knows of.
async fn model(operator: &Actor, node: &str) -> (u64, Option<String>) {
    let model = operator.get(node, "/v1/ops/freshness").await.expect(200)["model"].clone();
    (model["views"].as_u64().unwrap(), model["stored"].as_str().map(ToOwned::to_owned))
}

/// Somebody new watches the clip; waits until every one of `nodes` has learned from it. Tests before this
/// one left views and models behind.
async fn watch(operator: &Actor, clip: &str, nodes: &[&str]) {
    let mut before = Vec::new();
    for node in nodes {
        before.push(model(operator, node).await.0);
    }
    let viewer = Actor::guest(nodes[0]).await;
    viewer.watch(nodes[0], clip, OsEntropy::new().bits()).await.expect(202);
    for (node, before) in nodes.iter().zip(before) {
        let learned = async || (model(operator, node).await.0 > before).then_some(());
        eventually("learning", PATIENCE, learned).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_learns_and_one_at_a_time_stores_what_a_new_one_goes_on_from() {
    let (_alone, servers) = Servers::alone().await; // No other node takes the office.
    let home = Home::new(servers);
    let often = [("VITRINE_FEED__MODEL_INTERVAL_MS", "1000")];
    let Stage { one, two, clip, .. } = Stage::new(&home, &often).await;
    let operator = home.actor("olga", &["operator"]).await;
    let mut nodes = [one, two];
    let mut known = Vec::new();
    for node in &nodes {
        known.push(model(&operator, &node.url).await.1);
    }
    watch(&operator, &clip, &[&nodes[0].url, &nodes[1].url]).await;
    let (trainer, _) = eventually("a stored model", PATIENCE, async || {
        let one = model(&operator, &nodes[0].url).await.1 != known[0];
        let two = model(&operator, &nodes[1].url).await.1 != known[1];
        assert!(!(one && two), "two nodes store");
        (one || two).then_some(usize::from(two))
    })
    .await;
    let (views, stored) = model(&operator, &nodes[trainer].url).await;

    // One that begins now goes on from there, and the other stores once the trainer is gone.
    let mut third = home.start("three", &[]).await;
    assert_eq!(model(&operator, &third.url).await, (views, stored));
    third.kill();
    nodes[trainer].kill();
    let left = &nodes[1 - trainer].url;
    watch(&operator, &clip, &[left]).await;
    let ((), took) = eventually("another trainer", PATIENCE, async || {
        (model(&operator, left).await.1 != known[1 - trainer]).then_some(())
    })
    .await;
    tell(&format!("another node stores models {took:?} after the trainer was killed"));
}
