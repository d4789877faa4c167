//! Pages without HTTP: the growth of their cost, and the memory of the index.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::time::Instant;
use vitrine::adapters::embedded::Embedded;
use vitrine::adapters::sim::SimClock;
use vitrine::adapters::system::{KeyRing, OsEntropy};
use vitrine::domain::account::Market;
use vitrine::domain::id::AccountId;
use vitrine::domain::limits::SEEN_WINDOW_MS;
use vitrine::feed::index::{Index, SharedIndex};
use vitrine::ports::clock::Clock;
use vitrine::ports::entropy::Entropy;
use vitrine::services::accounts::Accounts;
use vitrine::services::engagement::Engagement;
use vitrine::services::feed_page::{FeedPages, FeedPorts, PageRequest};
use vitrine::services::media_grants::MediaGrants;
use vitrine::services::viewers::Viewers;

use crate::support::START;
use crate::{print, processor_seconds, resident_bytes, world};

const VIEWERS: usize = 200;
const PAGES_PER_SESSION: usize = 5;
const PAGES: usize = 20_000;
/// Clips of the corpus whose memory is measured: at half of it all that is bounded is full.
const LARGE: usize = 1_000_000;
/// Viewers, and clips watched by each, whose memory is measured.
const WATCHERS: usize = 10_000;
const WATCHED: usize = 20;

fn index(size: usize) -> SharedIndex {
    let mut index = Index::new();
    index.begin_filling();
    for number in 0..=size / 20 {
        index.set_creator(&world::creator(number));
    }
    for number in 0..=size / 10 {
        index.set_product(&world::product(number), |_| 20);
    }
    for number in 0..size {
        index.set_clip(&world::clip(number, size));
    }
    index.end_filling();
    for offset in 1..=2 * size {
        index.apply(&world::event(offset, size));
    }
    index.restored_to(0); // The log of this bench begins empty.
    Arc::new(RwLock::new(index))
}

struct Bench {
    pages: FeedPages,
    engagement: Arc<Engagement>,
}

fn services(index: &SharedIndex) -> Bench {
    let store = Embedded::in_memory().expect("memory suffices");
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(START));
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::new());
    let signer = Arc::new(KeyRing::from_secret(&[7; 32]));
    let accounts = Arc::new(Accounts::new(
        Arc::new(store.clone()),
        Arc::new(store.clone()),
        Arc::clone(&clock),
        Market::US,
    ));
    let viewers = Arc::new(Viewers::new(
        Arc::new(store.clone()),
        accounts,
        Arc::clone(index),
        Arc::clone(&clock),
        SEEN_WINDOW_MS,
    ));
    let engagement = Arc::new(Engagement::new(
        Arc::new(store.clone()),
        Arc::new(store.clone()),
        Arc::clone(&viewers),
        Arc::clone(index),
        (Arc::clone(&clock), Arc::clone(&entropy)),
    ));
    let links =
        MediaGrants::new(Arc::clone(&signer) as _, "https://shop.example".into(), 4 * 3_600_000);
    let ports =
        FeedPorts { sessions: Arc::new(store), links: Arc::new(links), signer, clock, entropy };
    let pages = FeedPages::new(ports, Arc::clone(index), viewers, Arc::clone(&engagement));
    Bench { pages, engagement }
}

/// Serves `count` pages; answers bytes, candidates scored, and the wall time of each in microseconds.
async fn serve(bench: &Bench, count: usize) -> (usize, u64, Vec<u32>) {
    let (mut bytes, mut scored) = (0, 0);
    let mut walls = Vec::with_capacity(count);
    let mut cursor: Option<String> = None;
    for number in 0..count {
        let viewer = (number / PAGES_PER_SESSION) % VIEWERS;
        if number % PAGES_PER_SESSION == 0 {
            cursor = None;
        }
        let request = PageRequest {
            viewer: AccountId::from_bits(1_000 + viewer as u128),
            surface: None,
            limit: 10,
            cursor: cursor.as_deref(),
            after: None,
        };
        let started = Instant::now();
        let page = bench.pages.page(request).await.expect("a page");
        walls.push(started.elapsed().as_micros() as u32);
        bytes += page.body.len();
        let stage = page.trace.iter().find(|stage| stage.name == "score");
        scored += stage.map_or(0, |stage| u64::from(stage.candidates));
        cursor = crate::client::next_cursor(&page.body).map(ToOwned::to_owned);
    }
    (bytes, scored, walls)
}

/// In a process of its own: memory that another corpus has left behind would be counted as free. Prints
/// what an index of so many clips takes, then what is learned of viewers takes on top.
pub fn memory(size: usize) {
    let fresh = resident_bytes();
    let index = index(size);
    let before = resident_bytes();
    print(&format!("{}", before - fresh));
    let mut index = index.write();
    let mut offset = index.applied();
    for round in 0..WATCHED {
        for viewer in 0..WATCHERS {
            for event in world::view(viewer, round, size) {
                offset += 1;
                index.apply(&world::logged(offset, viewer, event));
            }
        }
    }
    print(&format!("{}", resident_bytes().saturating_sub(before)));
}

/// Prints what one more clip takes in a large index, where what is bounded is full, and what one more viewer
/// takes who has watched so many clips.
pub fn measure_memory() {
    let asked = |size: usize| -> Vec<usize> {
        let own = std::env::current_exe().expect("it has a name");
        let answer = std::process::Command::new(own).args(["memory", &size.to_string()]).output();
        let text = String::from_utf8(answer.expect("it runs").stdout).expect("it is text");
        text.lines().map(|line| line.parse().expect("a number of bytes")).collect()
    };
    let (half, whole) = (asked(LARGE / 2), asked(LARGE));
    print(&format!(
        "memory from {} to {LARGE} clips: {} bytes a clip; {} bytes a viewer for what was learned of \
         {WATCHERS}, {WATCHED} clips watched by each",
        LARGE / 2,
        (whole[0] - half[0]) / (LARGE / 2),
        whole[1] / WATCHERS,
    ));
}

/// Prints the figures of one corpus; answers the processor time per page in microseconds.
pub fn measure(size: usize) -> f64 {
    let index = index(size);
    let bench = services(&index);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let (cost, bytes, scored, mut walls, trace) = runtime.block_on(async {
        for viewer in 0..VIEWERS {
            let id = AccountId::from_bits(1_000 + viewer as u128);
            let events = world::history(viewer, size);
            bench.engagement.record(id, events).await.expect("events are taken");
        }
        serve(&bench, PAGES / 4).await;
        let started = processor_seconds();
        let (bytes, scored, walls) = serve(&bench, PAGES).await;
        let cost = (processor_seconds() - started) * 1e6 / PAGES as f64;
        let request = PageRequest {
            viewer: AccountId::from_bits(1_000),
            surface: None,
            limit: 10,
            cursor: None,
            after: None,
        };
        let trace = bench.pages.page(request).await.expect("a page").trace;
        (cost, bytes, scored, walls, trace)
    });
    walls.sort_unstable();
    print(&format!(
        "in process, {size:>9} clips: {cost:6.1} µs CPU per page (wall p50 {} p99 {} µs), \
         {} candidates scored, {} bytes",
        walls[PAGES / 2],
        walls[PAGES * 99 / 100],
        scored / PAGES as u64,
        bytes / PAGES,
    ));
    let stages: Vec<String> =
        trace.iter().map(|stage| format!("{} {} µs", stage.name, stage.took_us)).collect();
    print(&format!("    stages of one page: {}", stages.join(", ")));
    cost
}
