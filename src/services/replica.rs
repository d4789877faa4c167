//! The ranking's state of a past moment, built from its history: the steps of one process and the events
//! of the log. It only goes forward.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::domain::engagement::Relation;
use crate::domain::feed_session::{Loaded, Mark};
use crate::domain::id::{AccountId, ClipId};
use crate::domain::limits::{HISTORY_PER_VIEWER_MAX, REPLAY_HISTORY_MAX, SEEN_PER_VIEWER_MAX};
use crate::domain::time::Timestamp;
use crate::feed::fold::take_in;
use crate::feed::index::{Index, SharedIndex};
use crate::feed::learned::{Learned, SnapshotError};
use crate::feed::pipeline::Pipeline;
use crate::feed::query::Surface;
use crate::feed::shop_feed;
use crate::feed::user::{SharedUser, UserState};
use crate::ports::error::StoreError;
use crate::ports::events::LoggedEvent;
use crate::ports::ranking_steps::{NotedStep, RankingStep};
use crate::ports::user_state::{Reach, UserRows};
use crate::services::replays::{ReplayError, ReplayPorts};

/// Events read at a time.
const EVENTS: usize = 5_000;

/// See the module's head.
pub struct Replica {
    ports: ReplayPorts,
    lane: u128,
    seen_window_ms: i64,
    index: SharedIndex,
    for_you: Pipeline,
    following: Pipeline,
    steps: VecDeque<NotedStep>,
    steps_read: u64,
    events: VecDeque<LoggedEvent>,
    /// Each viewer's states by how they came about: one that was let go of and read again is another.
    viewers: FxHashMap<AccountId, Vec<(Loaded, SharedUser)>>,
}

impl Replica {
    /// The state at the beginning of a lane.
    pub fn new(ports: ReplayPorts, lane: u128, seen_window_ms: i64) -> Self {
        let index = Arc::new(RwLock::new(Index::new()));
        Self {
            ports,
            lane,
            seen_window_ms,
            for_you: shop_feed::for_you(&index),
            following: shop_feed::following(&index),
            index,
            steps: VecDeque::new(),
            steps_read: 0,
            events: VecDeque::new(),
            viewers: FxHashMap::default(),
        }
    }

    /// Whether it can go on to `mark` of `lane`.
    pub fn reaches(&self, lane: u128, mark: Mark) -> bool {
        let now = self.index.read().mark();
        self.lane == lane && now.step <= mark.step && now.offset <= mark.offset
    }

    /// The index as it stands.
    pub fn index(&self) -> &SharedIndex {
        &self.index
    }

    /// The stages of a surface over it.
    pub fn pipeline(&self, surface: Surface) -> &Pipeline {
        match surface {
            Surface::ForYou => &self.for_you,
            Surface::Following => &self.following,
        }
    }

    /// The state of a viewer that was read there.
    pub fn viewer(&self, viewer: AccountId, loaded: Loaded) -> Option<SharedUser> {
        let states = self.viewers.get(&viewer)?;
        states.iter().find(|(at, _)| *at == loaded).map(|(_, state)| Arc::clone(state))
    }

    /// Lets go of all viewers' states: the next replay reads those it needs.
    pub fn forget_viewers(&mut self) {
        self.viewers.clear();
    }

    /// Repeats the history up to `to`: each step when as many events were in as at its first time.
    pub async fn advance(&mut self, to: Mark) -> Result<(), ReplayError> {
        loop {
            let now = self.index.read().mark();
            if now == to {
                return Ok(());
            }
            let mut until = to.offset;
            if now.step < to.step {
                let Some(next) = self.next_step().await? else {
                    let lost = "the history of its process was not kept so far, or is forgotten";
                    return Err(ReplayError::Unavailable(lost));
                };
                if next.after <= now.offset {
                    if let Some(noted) = self.steps.pop_front() {
                        let learned = self.learned(&noted.step).await?;
                        take_in(&mut self.index.write(), &noted.step, learned);
                    }
                    continue;
                }
                until = until.min(next.after);
            }
            if now.offset >= until || !self.apply_events(now.offset, until).await? {
                let gap = "the event log does not reach so far as the slate says";
                return Err(ReplayError::Unavailable(gap));
            }
        }
    }

    /// The stored model that a step names.
    async fn learned(&self, step: &RankingStep) -> Result<Option<Learned>, ReplayError> {
        let RankingStep::Learned { model: Some(name), .. } = step else { return Ok(None) };
        let lost = ReplayError::Unavailable("the model that its process began with is forgotten");
        let bytes = self.ports.models.load(name).await?.ok_or(lost)?;
        let damaged = |error: SnapshotError| StoreError::Corrupt {
            table: "ranking models",
            key: name.clone(),
            detail: error.to_string(),
        };
        let read = tokio::task::spawn_blocking(move || Learned::from_bytes(&bytes)).await;
        Ok(Some(read.map_err(StoreError::unavailable)?.map_err(damaged)?))
    }

    async fn next_step(&mut self) -> Result<Option<&NotedStep>, ReplayError> {
        if self.steps.is_empty() {
            let read = self.ports.steps.read(self.lane, self.steps_read).await?;
            self.steps_read += read.len() as u64;
            self.steps.extend(read);
        }
        Ok(self.steps.front())
    }

    /// Applies events above `after` up to `until`; `false` if there are none.
    async fn apply_events(&mut self, after: u64, until: u64) -> Result<bool, ReplayError> {
        // What was read before may lie behind: a state that was restored from a snapshot jumps.
        while self.events.front().is_some_and(|event| event.offset <= after) {
            self.events.pop_front();
        }
        if self.events.is_empty() {
            self.events.extend(self.ports.events.read(after, EVENTS).await?);
        }
        let mut some = false;
        let mut index = self.index.write();
        while let Some(event) = self.events.pop_front_if(|event| event.offset <= until) {
            some = true;
            for (_, state) in self.viewers.get(&event.viewer).into_iter().flatten() {
                state.write().apply(&event, &mut index);
            }
            index.apply(&event);
        }
        Ok(some)
    }

    /// Reads a viewer's state as it was read then.
    pub async fn load(&mut self, viewer: AccountId, loaded: Loaded) -> Result<(), ReplayError> {
        if self.viewer(viewer, loaded).is_some() {
            return Ok(());
        }
        let rows = self.rows(viewer, loaded).await?;
        let mut index = self.index.write();
        let market = crate::domain::account::Market::US; // Each page brings its own.
        let state = UserState::new(market, true)
            .with_seen_window(self.seen_window_ms)
            .with_rows(&rows, &mut index);
        drop(index);
        let state = (loaded, Arc::new(RwLock::new(state)));
        self.viewers.entry(viewer).or_default().push(state);
        Ok(())
    }

    /// The viewer's lasting rows of then: a fold over the viewer's part of the log.
    async fn rows(&self, viewer: AccountId, loaded: Loaded) -> Result<UserRows, ReplayError> {
        let seen_since = loaded.time.plus_ms(-self.seen_window_ms);
        let reach = Reach { seen_since, seen_max: 1, history_max: REPLAY_HISTORY_MAX };
        let mut history = self.ports.states.load(viewer, reach).await?.history;
        if history.len() >= REPLAY_HISTORY_MAX {
            let long = "the viewer's history is longer than what a replay reads";
            return Err(ReplayError::Unavailable(long));
        }
        history.retain(|event| event.offset <= loaded.rows);
        let mut relations: HashMap<(Relation, u128), bool> = HashMap::new();
        let mut seen: HashMap<ClipId, Timestamp> = HashMap::new();
        for logged in &history {
            let event = &logged.event;
            if let (Some(creator), Some((relation, on))) = (event.creator, event.kind.relation())
                && matches!(relation, Relation::Follow | Relation::Block)
            {
                relations.insert((relation, creator.bits()), on);
            }
            if let Some(clip) = event.clip
                && event.kind.suppresses()
            {
                seen.insert(clip, logged.at);
            }
        }
        let mut seen: Vec<_> = seen.into_iter().filter(|(_, at)| *at >= seen_since).collect();
        seen.sort_unstable_by_key(|&(clip, at)| (std::cmp::Reverse(at), clip));
        seen.truncate(SEEN_PER_VIEWER_MAX);
        let on = relations.into_iter().filter(|(_, on)| *on).map(|(relation, _)| relation);
        let newest = history.len().saturating_sub(HISTORY_PER_VIEWER_MAX);
        Ok(UserRows {
            offset: loaded.rows,
            seen,
            relations: on.collect(),
            history: history.split_off(newest),
        })
    }
}
