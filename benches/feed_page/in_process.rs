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

/// Prints what the index takes for each viewer who has watched so many clips, over a corpus of `size`.
pub fn measure_viewers(size: usize) {
    let index = index(size);
    let mut index = index.write();
    let before = resident_bytes();
    let mut offset = index.applied();
    for round in 0..WATCHED {
        for viewer in 0..WATCHERS {
            for event in world::view(viewer, round, size) {
                offset += 1;
                index.apply(&world::logged(offset, viewer, event));
            }
        }
    }
    let per_viewer = resident_bytes().saturating_sub(before) / WATCHERS;
    print(&format!(
        "{per_viewer} bytes of memory per viewer for what was learned of {WATCHERS}, {WATCHED} clips \
         watched by each; {} views learned",
        index.learned().views()
    ));
}

/// Prints the figures of one corpus; answers the processor time per page in microseconds.
pub fn measure(size: usize) -> f64 {
    let before = resident_bytes();
    let index = index(size);
    let per_clip = resident_bytes().saturating_sub(before) / size;
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
         {} candidates scored, {} bytes, {per_clip} bytes of memory per clip",
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
