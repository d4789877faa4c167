//! What nodes do while the servers they stand on are away, slow or empty, and afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vitrine::adapters::system::OsEntropy;
use vitrine::domain::limits::{
    FEED_STORE_DEADLINE_MS, REDIS_CONNECT_DEADLINE_MS, REDIS_DEADLINE_MS,
};
use vitrine::ports::entropy::Entropy as _;

use crate::client::{Actor, item};
use crate::nodes::Stage;
use crate::proxy::Proxy;
use crate::server::{Home, video};
use crate::servers::{Servers, order};
use crate::shop::{check_books, insist, pay};
use crate::{PATIENCE, RECOVERY_MAX, eventually, tell};

/// A request that does not need what is away takes no longer than this, on a busy machine.
const UNHARMED_MAX: Duration = Duration::from_secs(5);
/// How long Redis is frozen.
const FROZEN: Duration = Duration::from_secs(5);
/// What a page may wait for a Redis and a database that do not answer, with a second for all the rest.
const PAGE_MAX: Duration = Duration::from_millis(
    REDIS_CONNECT_DEADLINE_MS + REDIS_DEADLINE_MS + FEED_STORE_DEADLINE_MS + 1_000,
);
/// People who shop at once while the database lacks a node.
const SHOPPERS: u128 = 4;
/// Requests at least that are answered meanwhile.
const MEANWHILE: usize = 200;

/// Buys a unit by way of one node, without patience; answers the order.
async fn buy(stage: &Stage, node: &str, buyer: &Actor, number: u32) -> String {
    let (open, pay_key) = (format!("open-{number}"), format!("pay-{number}"));
    let checkout =
        buyer.keyed(node, "/v1/checkouts", &open, &stage.goods.order()).await.expect(201);
    let path = format!("/v1/checkouts/{}/complete", checkout["id"].as_str().unwrap());
    let done = buyer.keyed(node, &path, &pay_key, &pay()).await.expect(200);
    done["order"]["id"].as_str().unwrap().to_owned()
}

/// A viewer browses over both nodes, reacts and buys: nothing fails and no clip comes twice.
async fn all_is_well(stage: &Stage, what: &str) {
    let (one, two) = (&stage.one.url, &stage.two.url);
    let began = Instant::now();
    let viewer = Actor::guest(one).await;
    let first = viewer.get(one, "/v1/feed?limit=1").await.expect(200);
    let shown = first["items"][0]["clip"]["id"].as_str().unwrap();
    if let Some(cursor) = first["next_cursor"].as_str() {
        let next = viewer.get(two, &format!("/v1/feed?limit=50&cursor={cursor}")).await.expect(200);
        assert!(item(&next, shown).is_none(), "{what}: a session repeats a clip");
    }
    viewer.watch(two, &stage.clip, OsEntropy::new().bits()).await.expect(202);
    buy(stage, one, &viewer, 1).await;
    let took = began.elapsed();
    tell(&format!("{what}: a visit took {took:?}"));
    assert!(took < 5 * UNHARMED_MAX, "{what}: a visit took {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_everything_works_and_is_only_less_fresh() {
    let (_alone, servers) = Servers::alone().await;
    let home = Home::new(servers);
    let stage = Stage::new(&home, &[]).await;
    all_is_well(&stage, "with Redis").await;

    order(&["pause", "redis"]).await;
    all_is_well(&stage, "while Redis is frozen").await;
    order(&["resume", "redis"]).await;
    all_is_well(&stage, "after Redis was frozen").await;

    order(&["kill", "redis"]).await;
    all_is_well(&stage, "without Redis").await;
    let late = Actor::guest(&stage.two.url).await;
    let name = json!({ "display_name": "Mina again" });
    stage.creator.with(Method::PUT, &stage.one.url, "/v1/creators/me", &name).await.expect(200);
    eventually("news without Redis", PATIENCE, async || {
        let page = late.feed(&stage.two.url).await.expect(200);
        let shown = item(&page, &stage.clip)?["clip"]["creator"]["display_name"].clone();
        (shown == "Mina again").then_some(())
    })
    .await;
    // It keeps nothing: the one that comes back has forgotten everything.
    order(&["revive", "redis"]).await;
    all_is_well(&stage, "after Redis forgot everything").await;
    check_books(&home, &stage.one.url).await;
}

/// Pages of sessions that began at one node and go on at the other; answers whether all were whole and
/// how long the slowest page took.
async fn browse(stage: &Stage) -> (bool, Duration) {
    let (one, two) = (&stage.one.url, &stage.two.url);
    let viewer = Actor::guest(one).await;
    let (mut whole, mut slowest) = (true, Duration::ZERO);
    let mut next = Some("/v1/feed?limit=1".to_owned());
    let mut shown = Vec::new();
    for node in [one, two, one, two] {
        let Some(path) = next else { break };
        let began = Instant::now();
        let page = viewer.get(node, &path).await.expect(200);
        slowest = slowest.max(began.elapsed());
        whole &= page["degraded"] == false;
        for item in page["items"].as_array().unwrap() {
            let clip = item["clip"]["id"].as_str().unwrap().to_owned();
            assert!(!shown.contains(&clip), "a session repeats {clip}");
            shown.push(clip);
        }
        next =
            page["next_cursor"].as_str().map(|cursor| format!("/v1/feed?limit=1&cursor={cursor}"));
    }
    (whole, slowest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_frozen_pages_come_in_time_and_soon_after_they_are_whole() {
    let (_alone, servers) = Servers::alone().await;
    let home = Home::new(servers);
    let stage = Stage::new(&home, &[]).await;
    for _ in 0..3 {
        stage.another_clip().await;
    }
    let whole = async || browse(&stage).await.0.then_some(());
    eventually("whole pages before", PATIENCE, whole).await;

    order(&["pause", "redis"]).await;
    let (began, mut slowest, mut visits) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < FROZEN {
        slowest = slowest.max(browse(&stage).await.1);
        visits += 1;
    }
    order(&["resume", "redis"]).await;
    assert!(slowest <= PAGE_MAX, "a page took {slowest:?}");
    let whole = async || browse(&stage).await.0.then_some(());
    let ((), again) = eventually("whole pages", RECOVERY_MAX, whole).await;
    tell(&format!(
        "Redis frozen: {visits} visits, the slowest page {slowest:?}; whole {again:?} after"
    ));
}

/// Feed, sheet, event and purchase of somebody new, again and again until `stop`, at both nodes in turn.
/// Every request must be answered as if nothing were wrong.
async fn shop(
    stage: Arc<Stage>,
    number: u128,
    (stop, answered): (CancellationToken, Arc<AtomicUsize>),
) {
    let mut nodes = [stage.one.url.as_str(), stage.two.url.as_str()];
    let sheet = format!("/v1/products/{}/preview", stage.goods.product);
    for round in 0_u32.. {
        if stop.is_cancelled() {
            return;
        }
        nodes.swap(0, 1);
        let viewer = Actor::guest(nodes[0]).await;
        let page = viewer.feed(nodes[0]).await.expect(200);
        assert_eq!(page["degraded"], false, "{page}");
        assert!(item(&page, &stage.clip).is_some(), "{page}");
        viewer.get(nodes[1], &sheet).await.expect(200);
        let id = (number << 64) | u128::from(round);
        viewer.watch(nodes[0], &stage.clip, id).await.expect(202);
        buy(&stage, nodes[1], &viewer, round).await;
        answered.fetch_add(6, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_lacks_a_node_every_request_is_answered() {
    let (_alone, servers) = Servers::alone().await;
    let home = Home::new(servers);
    // Whoever is refused wants to know why.
    let stage = Arc::new(Stage::new(&home, &[("VITRINE_LOG__FILTER", "warn,scylla=off")]).await);
    stage.goods.adjust(&stage.one.url, "plenty", 10_000).await;
    let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let mut shoppers = JoinSet::new();
    for number in 0..SHOPPERS {
        let told = (stop.clone(), Arc::clone(&answered));
        shoppers.spawn(shop(Arc::clone(&stage), number, told));
    }
    let count = || answered.load(Ordering::Relaxed);
    let more = async |least: usize| (count() >= least).then_some(());
    eventually("the first purchases", PATIENCE, async || more(SHOPPERS as usize).await).await;

    let whole = count();
    order(&["kill", "ring-2"]).await;
    let lacking = count();
    let enough = async || more(lacking + MEANWHILE).await;
    eventually("requests without the node", 4 * PATIENCE, enough).await;
    let meanwhile = count() - whole;
    order(&["revive", "ring-2"]).await;
    stop.cancel();
    shoppers.join_all().await; // Fails if a request did.

    check_books(&home, &stage.two.url).await;
    home.check().await;
    tell(&format!("{meanwhile} requests with two of three nodes, {} in all", count()));
}

/// Everything that can be asked of nodes whose database is gone.
async fn without_the_database(stage: &Stage, known: &Actor, checkout: &Value) {
    let node = &stage.one.url;
    let degraded = async |who: &Actor| {
        let began = Instant::now();
        let page = who.feed(node).await.expect(200);
        assert!(item(&page, &stage.clip).is_some(), "it is in memory: {page}");
        assert!(began.elapsed() < UNHARMED_MAX, "a page took {:?}", began.elapsed());
        (page["degraded"] == true).then_some(())
    };
    eventually("pages say that they are degraded", PATIENCE, async || degraded(known).await).await;
    let stranger = Actor::guest(node).await;
    degraded(&stranger).await.expect("nothing is known of a stranger");

    let mug = stage.goods.order();
    known.keyed(node, "/v1/checkouts", "open-2", &mug).await.expect_later();
    let path = format!("/v1/checkouts/{}/complete", checkout["id"].as_str().unwrap());
    known.keyed(node, &path, "pay-1", &pay()).await.expect_later();
    known.watch(node, &stage.clip, 7).await.expect_later();
    let alive = known.get(node, "/livez").await;
    assert_eq!(alive.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_the_feed_goes_on_and_nothing_is_sold_on_a_guess() {
    let (_alone, servers) = Servers::alone().await;
    let home = Home::new(servers);
    let stage = Stage::new(&home, &[]).await;
    let (one, two) = (stage.one.url.as_str(), stage.two.url.as_str());
    let known = Actor::guest(one).await;
    known.feed(one).await.expect(200);
    let mug = stage.goods.order();
    let checkout = known.keyed(one, "/v1/checkouts", "open-1", &mug).await.expect(201);
    let before = stage.goods.stock(one).await;

    order(&["kill", "ring-1", "ring-2", "ring-3"]).await;
    without_the_database(&stage, &known, &checkout).await;
    order(&["revive", "ring-1", "ring-2", "ring-3"]).await;

    let back = Instant::now();
    let path = format!("/v1/checkouts/{}/complete", checkout["id"].as_str().unwrap());
    let ask = (path.as_str(), "pay-1", &pay());
    let done = insist(&known, &[one, two], ask, PATIENCE).await.expect(200);
    let recovered = back.elapsed();
    // The other node may still be on its way back to the database.
    let again = insist(&known, &[two], ask, PATIENCE).await.expect(200);
    assert_eq!(again["order"]["id"], done["order"]["id"], "one key, one order");
    let ask = ("/v1/checkouts", "open-2", &mug);
    let second = insist(&known, &[two, one], ask, PATIENCE).await.expect(201);
    let path = format!("/v1/checkouts/{}/complete", second["id"].as_str().unwrap());
    insist(&known, &[two, one], (&path, "pay-2", &pay()), PATIENCE).await.expect(200);
    let orders = known.get(two, "/v1/orders").await.expect(200);
    assert_eq!(orders["orders"].as_array().unwrap().len(), 2, "{orders}");
    assert_eq!(stage.goods.stock(two).await, (before.0 - 2, 0));
    eventually("the feed is whole again", PATIENCE, async || {
        let page = known.feed(one).await.expect(200);
        (page["degraded"] == false).then_some(())
    })
    .await;
    known.watch(two, &stage.clip, 7).await.expect(202);
    check_books(&home, one).await;
    tell(&format!("a purchase went through {recovered:?} after the database was back"));
    assert!(recovered <= RECOVERY_MAX, "recovery took {recovered:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_object_store_harms_only_what_needs_it() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let s3 = servers.variable("S3").strip_prefix("http://").unwrap();
    let proxy = Proxy::new(servers, &servers.bucket, s3).await;
    let endpoint = format!("http://{}", proxy.address);
    let stage = Stage::new(&home, &[("VITRINE_OBJECTS__ENDPOINT", &endpoint)]).await;
    let one = &stage.one.url;
    let viewer = Actor::guest(one).await;
    let page = viewer.feed(one).await.expect(200);
    let playback = &item(&page, &stage.clip).unwrap()["clip"]["playback"];
    let playlist = playback["hls_url"].as_str().unwrap().to_owned();
    assert_eq!(viewer.get("", &playlist).await.status, 200);

    proxy.delay(Duration::from_secs(2)).await;
    all_is_well(&stage, "while S3 is slow").await;
    assert_eq!(viewer.get("", &playlist).await.status, 200, "it is only slow");
    proxy.hurry().await;

    proxy.open(false).await;
    all_is_well(&stage, "without S3").await;
    let began = Instant::now();
    viewer.get("", &playlist).await.expect_later();
    assert!(began.elapsed() < 4 * UNHARMED_MAX, "a refusal took {:?}", began.elapsed());
    proxy.open(true).await;
    let back = Instant::now();
    eventually("playback", RECOVERY_MAX, async || {
        (viewer.get("", &playlist).await.status == 200).then_some(())
    })
    .await;
    tell(&format!("clips play {:?} after S3 was back", back.elapsed()));
    let made = stage.creator.upload(one, video(), json!({ "caption": "After the storm" })).await;
    let path = format!("/v1/clips/{}", made.expect(202)["id"].as_str().unwrap());
    eventually("a clip after the storm", 2 * PATIENCE, async || {
        let clip = stage.creator.get(one, &path).await.expect(200);
        (clip["state"] == "ready").then_some(())
    })
    .await;
}
