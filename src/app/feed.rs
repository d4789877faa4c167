//! Wires the feed's services over their backends.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::adapters::embedded::Embedded;
use crate::adapters::lanes::ObjectLanes;
use crate::adapters::models::ObjectModels;
use crate::app::{Backends, Settings};
use crate::feed::index::{Index, SharedIndex};
use crate::feed::values::LiveValues;
use crate::ports::counters::CounterStore;
use crate::ports::events::EventLog;
use crate::ports::feed_sessions::FeedSessions;
use crate::ports::media_links::MediaLinks;
use crate::ports::models::Models;
use crate::ports::ranking_steps::RankingSteps;
use crate::ports::user_state::UserStates;
use crate::services::accounts::Accounts;
use crate::services::engagement::Engagement;
use crate::services::feed_page::{FeedPages, FeedPorts};
use crate::services::indexing::{Indexing, IndexingPorts};
use crate::services::receipts::{ReceiptPorts, Receipts};
use crate::services::replays::{ReplayPorts, Replays};
use crate::services::shelf_cache::ShelfCache;
use crate::services::social::Social;
use crate::services::training::{Training, TrainingPorts};
use crate::services::viewers::Viewers;
use crate::services::vitals::Vitals;
use crate::worker::reconcilers::{
    ForgetEventIds, ForgetFeedSessions, KeepCounters, Reconciler, TrimChanges,
};

/// Everything outside that only the feed needs.
#[derive(Clone)]
pub struct FeedBackends {
    /// What viewers do.
    pub events: Arc<dyn EventLog>,
    /// Viewers' lasting rows.
    pub states: Arc<dyn UserStates>,
    /// Served pages.
    pub sessions: Arc<dyn FeedSessions>,
    /// Snapshots of counters.
    pub counters: Arc<dyn CounterStore>,
}

impl FeedBackends {
    /// The feed over the embedded store.
    pub fn embedded(store: &Embedded) -> Self {
        Self {
            events: Arc::new(store.clone()),
            states: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            counters: Arc::new(store.clone()),
        }
    }
}

/// The feed's services.
#[derive(Clone)]
pub struct FeedServices {
    /// Pages.
    pub pages: Arc<FeedPages>,
    /// Events.
    pub engagement: Arc<Engagement>,
    /// Likes, saves, follows, blocks.
    pub social: Arc<Social>,
    /// Viewers' states.
    pub viewers: Arc<Viewers>,
    /// Keeps the index true: rebuild it before serving, then follow.
    pub indexing: Arc<Indexing>,
    /// How far this node has come.
    pub vitals: Arc<Vitals>,
    /// The ranking's settings.
    pub values: Arc<LiveValues>,
    /// The history of its state.
    pub steps: Arc<dyn RankingSteps>,
    /// Stores what was learned.
    pub training: Arc<Training>,
    /// Why the feed shows what it shows.
    pub receipts: Arc<Receipts>,
    /// Slates made again.
    pub replays: Arc<Replays>,
}

/// Puts the feed's services over their backends, with an empty index.
pub fn feed(
    backends: &Backends,
    settings: &Settings,
    accounts: &Arc<Accounts>,
    links: Arc<dyn MediaLinks>,
    shelf: Option<Arc<ShelfCache>>,
) -> FeedServices {
    let index = Arc::new(RwLock::new(Index::new()));
    let viewers = Arc::new(Viewers::new(
        Arc::clone(&backends.feed.states),
        Arc::clone(accounts),
        Arc::clone(&index),
        Arc::clone(&backends.clock),
        settings.seen_window_ms,
    ));
    let engagement = Arc::new(Engagement::new(
        Arc::clone(&backends.feed.events),
        Arc::clone(&backends.clips),
        Arc::clone(&viewers),
        Arc::clone(&index),
        (Arc::clone(&backends.clock), Arc::clone(&backends.entropy)),
    ));
    let (steps, models) = (steps(backends), models(backends));
    let training = TrainingPorts {
        models: Arc::clone(&models),
        steps: Arc::clone(&steps),
        events: Arc::clone(&backends.feed.events),
        clock: Arc::clone(&backends.clock),
    };
    let training = Arc::new(Training::new(training, Arc::clone(&index)));
    let indexing = Arc::new(Indexing::new(
        indexing_ports(backends, &steps, shelf),
        Arc::clone(accounts),
        (Arc::clone(&viewers), Arc::clone(&engagement)),
        Arc::clone(&training),
        Arc::clone(&index),
    ));
    let vitals = Vitals::new(
        (Arc::clone(&backends.jobs), Arc::clone(&backends.feed.events)),
        Arc::clone(&engagement),
        (Arc::clone(&indexing), Arc::clone(&training)),
        Arc::clone(&index),
    );
    let ports = FeedPorts {
        sessions: Arc::clone(&backends.feed.sessions),
        links,
        signer: Arc::clone(&backends.signer),
        clock: Arc::clone(&backends.clock),
        entropy: Arc::clone(&backends.entropy),
    };
    let social = Social::new(
        Arc::clone(&backends.clips),
        Arc::clone(&backends.accounts),
        Arc::clone(&backends.feed.states),
        Arc::clone(&engagement),
    );
    let values = Arc::new(LiveValues::new(settings.ranking));
    FeedServices {
        receipts: Arc::new(receipts(backends, &index, &viewers, &values)),
        replays: Arc::new(replays(backends, (&steps, models), settings.seen_window_ms)),
        pages: Arc::new(
            FeedPages::new(ports, index, Arc::clone(&viewers), Arc::clone(&engagement))
                .with_values(Arc::clone(&values))
                .with_lane(steps.lane())
                .with_session_ttl_ms(settings.feed_session_ttl_ms),
        ),
        engagement,
        social: Arc::new(social),
        viewers,
        indexing,
        vitals: Arc::new(vitals),
        values,
        steps,
        training,
    }
}

/// A lane of its own for the steps of this process. Lanes are in the order of their beginning.
fn steps(backends: &Backends) -> Arc<dyn RankingSteps> {
    let now = backends.clock.now().unix_ms().max(0) as u128;
    let lane = (now << 80) | (backends.entropy.bits() >> 48);
    let (objects, clock) = (Arc::clone(&backends.objects), Arc::clone(&backends.clock));
    Arc::new(ObjectLanes::new(objects, clock, lane))
}

/// Models beside everything else that is kept as objects.
fn models(backends: &Backends) -> Arc<dyn Models> {
    let (objects, clock) = (Arc::clone(&backends.objects), Arc::clone(&backends.clock));
    Arc::new(ObjectModels::new(objects, clock, Arc::clone(&backends.entropy)))
}

fn indexing_ports(
    backends: &Backends,
    steps: &Arc<dyn RankingSteps>,
    shelf: Option<Arc<ShelfCache>>,
) -> IndexingPorts {
    IndexingPorts {
        clips: Arc::clone(&backends.clips),
        catalog: Arc::clone(&backends.shop.catalog),
        inventory: Arc::clone(&backends.shop.inventory),
        counters: Arc::clone(&backends.feed.counters),
        steps: Arc::clone(steps),
        changes: Arc::clone(&backends.changes),
        shelf,
    }
}

fn receipts(
    backends: &Backends,
    index: &SharedIndex,
    viewers: &Arc<Viewers>,
    values: &Arc<LiveValues>,
) -> Receipts {
    let ports = ReceiptPorts {
        sessions: Arc::clone(&backends.feed.sessions),
        clips: Arc::clone(&backends.clips),
        clock: Arc::clone(&backends.clock),
        entropy: Arc::clone(&backends.entropy),
    };
    Receipts::new(ports, Arc::clone(index), Arc::clone(viewers), Arc::clone(values))
}

fn replays(
    backends: &Backends,
    (steps, models): (&Arc<dyn RankingSteps>, Arc<dyn Models>),
    seen_window_ms: i64,
) -> Replays {
    let ports = ReplayPorts {
        sessions: Arc::clone(&backends.feed.sessions),
        steps: Arc::clone(steps),
        models,
        events: Arc::clone(&backends.feed.events),
        states: Arc::clone(&backends.feed.states),
    };
    Replays::new(ports, seen_window_ms)
}

/// What must become true in the feed, in no order.
pub fn reconcilers(feed: &FeedServices, backends: &Backends) -> Vec<Arc<dyn Reconciler>> {
    let clock = Arc::clone(&backends.clock);
    vec![
        Arc::new(KeepCounters::new(Arc::clone(&feed.indexing), clock)),
        Arc::new(ForgetFeedSessions::new(Arc::clone(&feed.pages))),
        Arc::new(ForgetEventIds::new(Arc::clone(&feed.engagement))),
        Arc::new(TrimChanges::new(Arc::clone(&feed.indexing))),
    ]
}
