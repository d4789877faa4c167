//! Wires the feed's services over their backends.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::adapters::embedded::Embedded;
use crate::app::{Backends, Settings};
use crate::feed::index::Index;
use crate::ports::counters::CounterStore;
use crate::ports::events::EventLog;
use crate::ports::feed_sessions::FeedSessions;
use crate::ports::media_links::MediaLinks;
use crate::ports::user_state::UserStates;
use crate::services::accounts::Accounts;
use crate::services::engagement::Engagement;
use crate::services::feed_page::{FeedPages, FeedPorts};
use crate::services::indexing::{Indexing, IndexingPorts};
use crate::services::shelf_cache::ShelfCache;
use crate::services::social::Social;
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
    let indexing = Arc::new(Indexing::new(
        IndexingPorts {
            clips: Arc::clone(&backends.clips),
            catalog: Arc::clone(&backends.shop.catalog),
            inventory: Arc::clone(&backends.shop.inventory),
            counters: Arc::clone(&backends.feed.counters),
            changes: Arc::clone(&backends.changes),
            shelf,
        },
        Arc::clone(accounts),
        Arc::clone(&viewers),
        Arc::clone(&engagement),
        Arc::clone(&index),
    ));
    let vitals = Vitals::new(
        Arc::clone(&backends.jobs),
        Arc::clone(&backends.feed.events),
        Arc::clone(&indexing),
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
    FeedServices {
        pages: Arc::new(
            FeedPages::new(ports, index, Arc::clone(&viewers), Arc::clone(&engagement))
                .with_session_ttl_ms(settings.feed_session_ttl_ms),
        ),
        engagement,
        social: Arc::new(social),
        viewers,
        indexing,
        vitals: Arc::new(vitals),
    }
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
