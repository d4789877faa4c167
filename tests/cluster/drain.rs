//! Nodes leave without anybody noticing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Actor;
use crate::server::{Home, is_ready};
use crate::servers::Servers;
use crate::{PATIENCE, eventually, tell};

/// How often a load balancer looks.
const LOOK: Duration = Duration::from_millis(50);
/// Many looks, also on a busy machine.
const LINGER_MS: &str = "3000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_says_so_first_and_still_serves() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let linger = [("VITRINE_MEDIA__WORKERS", "0"), ("VITRINE_SERVER__LINGER_MS", LINGER_MS)];
    let mut node = home.start("one", &linger).await;
    let guest = Actor::guest(&node.url).await;
    node.ask_to_stop();
    let url = node.url.clone();
    let soon = Duration::from_secs(2);
    eventually("it says so", soon, async || (!is_ready(&url).await).then_some(())).await;
    assert_eq!(guest.get(&node.url, "/readyz").await.status, 503);
    let fresh = Actor::guest(&node.url).await; // Over a new connection.
    assert_eq!(fresh.feed(&node.url).await.status, 200);
    node.ended().await;
}

/// One node as a load balancer sees it.
struct Target {
    url: String,
    up: AtomicBool,
}

async fn look(target: Arc<Target>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        target.up.store(is_ready(&target.url).await, Ordering::Release);
        tokio::time::sleep(LOOK).await;
    }
}

/// How many pages came, and how many of them said that they lack something.
#[derive(Default)]
struct Pages {
    done: AtomicUsize,
    degraded: AtomicUsize,
}

/// Asks for pages at whichever node is up, and tells of watching; answers how often.
async fn browse(targets: Arc<[Arc<Target>; 2]>, stop: CancellationToken, pages: Arc<Pages>) {
    let Pages { done, degraded } = &*pages;
    let guest = Actor::guest(&targets[0].url).await;
    let mut turn = 0;
    while !stop.is_cancelled() {
        turn += 1;
        let order = [turn % 2, (turn + 1) % 2].map(|place| &targets[place]);
        let up = order.iter().find(|target| target.up.load(Ordering::Acquire));
        let target = up.expect("a node is up");
        let page = guest.send(guest.request(reqwest::Method::GET, &target.url, "/v1/feed")).await;
        let page = page.unwrap_or_else(|error| panic!("{} at {error:?}", target.url));
        // A page that a busy machine makes without its stores is a page, and says so.
        if page.expect(200)["degraded"] == true {
            degraded.fetch_add(1, Ordering::Relaxed);
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// An address that is free, and stays the node's over its restart.
fn address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_are_restarted_one_by_one_and_no_request_fails() {
    let (_shared, servers) = Servers::shared().await;
    let home = Home::new(servers);
    let addresses = [address(), address()];
    let settings = |place: usize| {
        [
            ("VITRINE_MEDIA__WORKERS", "0"),
            ("VITRINE_SERVER__LINGER_MS", LINGER_MS),
            ("VITRINE_SERVER__LISTEN", addresses[place].as_str()),
        ]
    };
    let names = ["one", "two"];
    let mut nodes = [home.start("one", &settings(0)).await, home.start("two", &settings(1)).await];
    let target = |url: &str| Arc::new(Target { url: url.to_owned(), up: AtomicBool::new(true) });
    let targets = Arc::new([target(&nodes[0].url), target(&nodes[1].url)]);
    let stop = CancellationToken::new();
    let pages = Arc::new(Pages::default());
    let done = || pages.done.load(Ordering::Relaxed);
    let mut balancer = JoinSet::new();
    for target in targets.iter() {
        balancer.spawn(look(Arc::clone(target), stop.clone()));
    }
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(browse(Arc::clone(&targets), stop.clone(), Arc::clone(&pages)));
    }

    for place in 0..2 {
        let before = done();
        nodes[place].ask_to_stop();
        nodes[place].ended().await;
        nodes[place] = home.start(names[place], &settings(place)).await;
        eventually("the balancer sees it", PATIENCE, async || {
            targets[place].up.load(Ordering::Acquire).then_some(())
        })
        .await;
        assert!(done() > before, "there was no load");
    }
    stop.cancel();
    clients.join_all().await; // Fails if a client met a failure.
    balancer.join_all().await;
    let degraded = pages.degraded.load(Ordering::Relaxed);
    assert!(degraded * 10 < done(), "{degraded} of {} pages lack something", done());
    tell(&format!("{} pages over two restarts, {degraded} of them degraded", done()));
}
