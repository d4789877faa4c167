//! Feed sessions and wake-ups over a real Redis, and without it.

use std::sync::Arc;
use std::time::Duration;

use ::redis::cmd;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use vitrine::adapters::redis::{RedisConfig, RedisFeedSessions, RedisLink, RedisWakeups};
use vitrine::adapters::system::OsEntropy;
use vitrine::domain::limits::{
    FEED_SESSION_TTL_MS, REDIS_CONNECT_DEADLINE_MS, REDIS_DEADLINE_MS, REDIS_REST_MS,
    WAKEUPS_KEPT_MAX,
};
use vitrine::ports::entropy::Entropy as _;
use vitrine::ports::error::StoreError;
use vitrine::ports::feed_sessions::{FeedSessions as _, ServedPage};
use vitrine::ports::wakeups::{Topic, Wakeups as _};
use vitrine::telemetry::calls::StoreCalls;

use crate::cluster::variable;
use crate::feed_sessions::{head, page};

/// Longest wait for anything; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the way to Redis is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Open,
    /// Nothing passes, nothing is refused.
    Frozen,
    /// Connections are closed, also new ones.
    Cut,
}

/// A way to Redis that a test can close.
struct Proxy {
    url: String,
    way: watch::Sender<Way>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn start() -> Self {
        let target = variable("VITRINE_TEST_REDIS");
        let target = target.strip_prefix("redis://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let (way, seen) = watch::channel(Way::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&target).await.unwrap();
                connections.spawn(pass(client, server, seen.clone()));
            }
        });
        Self { url, way, _tasks: tasks }
    }

    fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, mut way: watch::Receiver<Way>) {
    loop {
        let now = *way.borrow_and_update();
        match now {
            Way::Cut => return,
            Way::Frozen => drop(way.changed().await),
            Way::Open => tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                _ = way.changed() => {}
            },
        }
    }
}

/// Lets a node's work go on until its cluster is dropped, or the test's runtime.
#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(work));
}

/// What all nodes of one test share.
struct Cluster {
    prefix: String,
    stop: CancellationToken,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Cluster {
    fn new() -> Self {
        let prefix = format!("test-{:032x}", OsEntropy::new().bits());
        Self { prefix, stop: CancellationToken::new() }
    }

    fn link(&self, url: &str) -> RedisLink {
        let (urls, prefix) = (vec![url.to_owned()], self.prefix.clone());
        RedisLink::new(&RedisConfig { urls, cluster: false, prefix }, StoreCalls::default())
            .unwrap()
    }

    fn sessions(&self, url: &str) -> Arc<RedisFeedSessions> {
        let sessions = Arc::new(RedisFeedSessions::new(self.link(url)));
        spawn(Arc::clone(&sessions).run(self.stop.clone()));
        sessions
    }

    fn wakeups(&self, url: &str, node: &str) -> Arc<RedisWakeups> {
        let wakeups = Arc::new(RedisWakeups::new(self.link(url), node.to_owned()));
        spawn(Arc::clone(&wakeups).run(self.stop.clone()));
        wakeups
    }
}

fn direct() -> String {
    variable("VITRINE_TEST_REDIS")
}

/// Asks again and again until there is an answer.
async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what} does not happen"))
}

async fn bare() -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(direct()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// The keys of a test, by SCAN.
async fn keys(prefix: &str) -> Vec<String> {
    let (mut connection, mut cursor, mut found) = (bare().await, 0_u64, Vec::new());
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}:*")).arg("COUNT").arg(1_000);
        let (next, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
        found.extend(keys);
        if next == 0 {
            found.sort();
            found.dedup();
            return found;
        }
        cursor = next;
    }
}

/// The pages of the first session when there are `count` of them.
async fn pages(sessions: &RedisFeedSessions, count: usize) -> Vec<ServedPage> {
    until("the page", async || {
        let (found, pages) = sessions.load(head(1, 10).id).await.unwrap()?;
        assert_eq!(found, head(1, 10));
        (pages.len() == count).then_some(pages)
    })
    .await
}

#[tokio::test]
async fn a_page_of_one_node_is_found_by_all_and_the_first_stays() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.sessions(&direct()), cluster.sessions(&direct()));
    assert_eq!(two.load(head(1, 10).id).await.unwrap(), None);
    one.record(&head(1, 10), &page(0));
    assert_eq!(pages(&two, 1).await, [page(0)]);
    let other = ServedPage { exhausted: true, ..page(0) };
    two.record(&head(1, 10), &other);
    two.record(&head(1, 10), &page(1));
    assert_eq!(pages(&one, 2).await, [page(0), page(1)], "the first page of a number wins");

    assert_eq!(one.pages(head(1, 10).id, 1..=5).await.unwrap(), [page(1)]);
    assert_eq!(one.pages(head(1, 10).id, 0..=1).await.unwrap(), [page(0), page(1)]);
    assert_eq!(one.pages(head(2, 10).id, 0..=5).await.unwrap(), []);

    let ttl = |key: String| async move {
        cmd("TTL").arg(key).query_async::<i64>(&mut bare().await).await.unwrap()
    };
    let all = keys(&cluster.prefix).await;
    assert_eq!(all.len(), 3, "the session and the place of each slate: {all:?}");
    let whole_s = 2 * FEED_SESSION_TTL_MS / 1_000;
    for key in all {
        let left_s = ttl(key.clone()).await;
        assert!((whole_s - 60..=whole_s).contains(&left_s), "{key}: {left_s}");
    }
}

/// One slow call, then quick failures, then all is well again.
#[tokio::test]
async fn a_redis_that_hangs_costs_one_deadline_and_comes_back() {
    for way in [Way::Frozen, Way::Cut] {
        let (cluster, proxy) = (Cluster::new(), Proxy::start().await);
        let sessions = cluster.sessions(&proxy.url);
        let id = head(1, 10).id;
        assert_eq!(sessions.load(id).await.unwrap(), None);
        proxy.set(way);
        let began = Instant::now();
        let failed = sessions.load(id).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{way:?}: {failed:?}");
        let deadline = Duration::from_millis(REDIS_DEADLINE_MS + REDIS_CONNECT_DEADLINE_MS);
        let slack = Duration::from_secs(1);
        assert!(began.elapsed() < deadline + slack, "{way:?}: {:?}", began.elapsed());
        let failed_at = Instant::now();
        for _ in 0..100 {
            assert!(matches!(sessions.load(id).await, Err(StoreError::Unavailable(_))));
        }
        let hundred = failed_at.elapsed();
        assert!(hundred < Duration::from_millis(REDIS_REST_MS / 2), "{way:?}: {hundred:?}");
        proxy.set(Way::Open);
        until("recovery", async || sessions.load(id).await.ok()).await;
        sessions.record(&head(1, 10), &page(0));
        assert_eq!(pages(&sessions, 1).await, [page(0)]);
    }
}

/// Announces until it is heard: who begins to listen may miss what was said before.
async fn reaches(from: &RedisWakeups, to: &RedisWakeups, topic: Topic) {
    until(&format!("{topic:?} from node to node"), async || {
        from.announce(topic);
        timeout(Duration::from_millis(200), to.wait(topic)).await.ok()
    })
    .await;
}

/// Takes what still rings.
async fn drain(node: &RedisWakeups, topic: Topic) {
    while timeout(Duration::ZERO, node.wait(topic)).await.is_ok() {}
}

#[tokio::test]
async fn news_of_the_logs_wakes_every_other_node_at_once() {
    let cluster = Cluster::new();
    let nodes = ["a", "b", "c"].map(|node| cluster.wakeups(&direct(), node));
    for topic in [Topic::Changes, Topic::Events] {
        for listener in &nodes[1..] {
            reaches(&nodes[0], listener, topic).await;
        }
        for _ in 0..10 {
            nodes[0].announce(topic);
            for listener in &nodes {
                timeout(PATIENCE, listener.wait(topic)).await.expect("woken");
            }
        }
    }
}

#[tokio::test]
async fn news_of_a_job_wakes_a_worker_and_never_one_who_only_makes_jobs() {
    let cluster = Cluster::new();
    let edge = cluster.wakeups(&direct(), "edge");
    let workers = ["one", "two"].map(|node| cluster.wakeups(&direct(), node));
    for worker in &workers {
        reaches(&edge, worker, Topic::Jobs).await;
    }
    for worker in &workers {
        drain(worker, Topic::Jobs).await;
    }
    for round in 0..20 {
        edge.announce(Topic::Jobs);
        let woken = async {
            tokio::select! {
                () = workers[0].wait(Topic::Jobs) => {}
                () = workers[1].wait(Topic::Jobs) => {}
            }
        };
        timeout(PATIENCE, woken).await.unwrap_or_else(|_| panic!("round {round}: nobody woke"));
    }
    let mut connection = bare().await;
    let key = format!("{}:{{wakeups}}:jobs", cluster.prefix);
    let mut ask = cmd("XINFO");
    ask.arg("CONSUMERS").arg(key).arg("workers");
    let consumers: Vec<std::collections::HashMap<String, ::redis::Value>> =
        ask.query_async(&mut connection).await.unwrap();
    assert_eq!(consumers.len(), 2, "the edge is none of them");
}

/// Redis goes away and comes back empty: nodes hear of each other again.
#[tokio::test]
async fn wakeups_come_back_with_redis() {
    let (cluster, proxy) = (Cluster::new(), Proxy::start().await);
    let (one, two) = (cluster.wakeups(&proxy.url, "one"), cluster.wakeups(&proxy.url, "two"));
    for _ in 0..2 {
        for topic in Topic::ALL {
            reaches(&one, &two, topic).await;
            reaches(&two, &one, topic).await;
        }
        proxy.set(Way::Cut);
        let local = async {
            one.announce(Topic::Changes);
            one.wait(Topic::Changes).await;
        };
        timeout(PATIENCE, local).await.expect("a node still hears itself");
        for key in keys(&cluster.prefix).await {
            cmd("DEL").arg(key).query_async::<i64>(&mut bare().await).await.unwrap();
        }
        proxy.set(Way::Open);
    }
    for topic in Topic::ALL {
        reaches(&one, &two, topic).await;
    }
}

/// A line of the table in KEYS.md: the name and whether it has a time to live.
fn documented() -> Vec<(String, bool)> {
    let text = include_str!("../../schema/redis/KEYS.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        let ttl = cells.nth(2)?;
        Some((name, ttl != "none"))
    });
    rows.collect()
}

/// Whether `name` is one that `pattern` stands for: `<…>` is any text without a colon.
fn stands_for(pattern: &str, name: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else { return pattern == name };
    let after = rest.split_once('>').unwrap().1;
    let middle = name.strip_prefix(before).and_then(|name| name.strip_suffix(after));
    middle.is_some_and(|middle| !middle.is_empty() && !middle.contains([':', '{', '}']))
}

#[tokio::test]
async fn every_key_is_documented_with_its_time_to_live_and_bounded() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.wakeups(&direct(), "one"), cluster.wakeups(&direct(), "two"));
    let sessions = cluster.sessions(&direct());
    for topic in Topic::ALL {
        reaches(&one, &two, topic).await;
    }
    sessions.record(&head(1, 10), &page(0));
    pages(&sessions, 1).await;
    let rows = documented();
    assert_eq!(rows.len(), 4, "the table is read: {rows:?}");
    let mut connection = bare().await;
    let mut met = std::collections::BTreeSet::new();
    for key in keys(&cluster.prefix).await {
        let name = key.strip_prefix(&format!("{}:", cluster.prefix)).unwrap();
        let row = rows.iter().find(|(pattern, _)| stands_for(pattern, name));
        let (pattern, ends) = row.unwrap_or_else(|| panic!("{name} is not in KEYS.md"));
        let left_s: i64 = cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(left_s > 0, *ends, "{name} ends in {left_s} s");
        met.insert(pattern.clone());
    }
    assert_eq!(met.len(), rows.len(), "documented but unused: only {met:?} were met");

    let logs = format!("{}:{{wakeups}}:logs", cluster.prefix);
    for _ in 0..10 * WAKEUPS_KEPT_MAX {
        one.announce(Topic::Changes);
        tokio::task::yield_now().await;
    }
    reaches(&one, &two, Topic::Events).await;
    let len: usize = cmd("XLEN").arg(logs).query_async(&mut connection).await.unwrap();
    assert!(len <= 2 * WAKEUPS_KEPT_MAX, "{len} entries are kept");
}

/// A Redis Cluster refuses a command whose keys lie in several slots, and keeps sessions on all nodes.
#[tokio::test]
async fn a_redis_cluster_does_as_well() {
    let urls = variable("VITRINE_TEST_REDIS_CLUSTER");
    let urls: Vec<String> = urls.split(',').map(str::to_owned).collect();
    let cluster = Cluster::new();
    let link = || {
        let (urls, prefix) = (urls.clone(), cluster.prefix.clone());
        RedisLink::new(&RedisConfig { urls, cluster: true, prefix }, StoreCalls::default()).unwrap()
    };
    let sessions = Arc::new(RedisFeedSessions::new(link()));
    spawn(Arc::clone(&sessions).run(cluster.stop.clone()));
    let nodes = ["one", "two"].map(|node| {
        let wakeups = Arc::new(RedisWakeups::new(link(), node.to_owned()));
        spawn(Arc::clone(&wakeups).run(cluster.stop.clone()));
        wakeups
    });
    for topic in Topic::ALL {
        reaches(&nodes[0], &nodes[1], topic).await;
        nodes[0].announce(topic);
    }
    for session in 1..=20 {
        sessions.record(&head(session, 10), &page(0));
        sessions.record(&head(session, 10), &page(1));
        until("both pages", async || {
            let found = sessions.load(head(session, 10).id).await.unwrap();
            found.filter(|(_, pages)| pages.len() == 2)
        })
        .await;
    }
    let mut busy = 0;
    for url in urls {
        let client = ::redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let held: Vec<String> = cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        busy += u32::from(held.iter().any(|key| key.contains("feed:")));
    }
    assert_eq!(busy, 3, "twenty sessions lie on three nodes");
}
