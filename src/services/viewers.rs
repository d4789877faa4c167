//! Viewers' states in memory: loaded on first use, then kept up to date by the event log.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::domain::feed_session::Loaded;
use crate::domain::id::AccountId;
use crate::domain::limits::{HISTORY_PER_VIEWER_MAX, SEEN_PER_VIEWER_MAX, VIEWERS_IN_MEMORY_MAX};
use crate::feed::index::{Index, SharedIndex};
use crate::feed::user::{SharedUser, UserState};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::events::LoggedEvent;
use crate::ports::user_state::{Reach, UserStates};
use crate::ranking::diversity::Budget;
use crate::services::accounts::Accounts;
use crate::services::recent::Recent;

/// From so many marks on the store is told to drop those that are over: reading past them would cost
/// more than dropping them.
const TIDY_FROM: usize = 1_000;

/// Times that a state is read before its caller is told to come back. A second time is rare: an event
/// came in during the read.
const LOADS_MAX: usize = 20;

/// See the module's head.
pub struct Viewers {
    states: Arc<dyn UserStates>,
    accounts: Arc<Accounts>,
    index: SharedIndex,
    clock: Arc<dyn Clock>,
    seen_window_ms: i64,
    loaded: Recent<AccountId, SharedUser>,
}

impl Viewers {
    /// Watched clips return after `seen_window_ms`.
    pub fn new(
        states: Arc<dyn UserStates>,
        accounts: Arc<Accounts>,
        index: SharedIndex,
        clock: Arc<dyn Clock>,
        seen_window_ms: i64,
    ) -> Self {
        let loaded = Recent::new(VIEWERS_IN_MEMORY_MAX);
        Self { states, accounts, index, clock, seen_window_ms, loaded }
    }

    /// The state of a viewer, with every event in it that the index has taken in.
    pub async fn state(&self, viewer: AccountId) -> Result<SharedUser, StoreError> {
        if let Some(found) = self.loaded.get(&viewer) {
            return Ok(found);
        }
        for _ in 0..LOADS_MAX {
            let account = self.accounts.get(viewer).await?;
            let now = self.clock.now();
            let since = now.plus_ms(-self.seen_window_ms);
            let reach = Reach {
                seen_since: since,
                seen_max: SEEN_PER_VIEWER_MAX,
                history_max: HISTORY_PER_VIEWER_MAX,
            };
            let rows = self.states.load(viewer, reach).await?;
            if rows.seen.len() >= TIDY_FROM {
                self.states.forget_seen(viewer, since).await?;
            }
            // Events reach states under the index's lock: what it has taken in must be in the rows.
            let mut index = self.index.write();
            if rows.offset < index.applied() {
                continue; // More came in while we read; it is in the store by now.
            }
            let mut state = UserState::new(account.market, account.personalised)
                .with_seen_window(self.seen_window_ms)
                .with_rows(&rows, &mut index);
            state.budget = Budget::new(account.max_shoppable_share);
            state.loaded = Some(Loaded { at: index.mark(), rows: rows.offset, time: now });
            return Ok(self.loaded.get_or_insert(viewer, Arc::new(RwLock::new(state))));
        }
        Err(StoreError::unavailable("a viewer's rows lag behind the event log"))
    }

    /// What a viewer is served of whom nothing can be read right now: what anybody is served who wants
    /// no history used. It is not kept.
    pub fn stranger(&self) -> SharedUser {
        let state = UserState::new(self.accounts.default_market(), false);
        Arc::new(RwLock::new(state.with_seen_window(self.seen_window_ms)))
    }

    /// Takes in an event, if its viewer's state is loaded. Called in the order of the log, under the
    /// lock of the index.
    pub fn apply(&self, logged: &LoggedEvent, index: &mut Index) {
        if let Some(state) = self.loaded.get(&logged.viewer) {
            state.write().apply(logged, index);
        }
    }

    /// Takes in that an account changed where it watches or how it wants to be served.
    pub async fn refresh(&self, viewer: AccountId) -> Result<(), StoreError> {
        let Some(state) = self.loaded.get(&viewer) else { return Ok(()) };
        let account = self.accounts.get(viewer).await?;
        let mut state = state.write();
        state.market = account.market;
        state.personalised = account.personalised;
        state.budget = Budget::new(account.max_shoppable_share);
        Ok(())
    }
}
