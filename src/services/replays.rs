//! Recomputes slates: the ranking's state is built again from its history up to where it stood, and the
//! same stages make the same page.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Mutex;

use crate::domain::feed_session::{Basis, Loaded, Mark, ServedItem, ServedPage, SessionHead};
use crate::domain::id::{FeedSessionId, SlateId};
use crate::domain::limits::{REPLICA_CLIPS_KEPT_MAX, REPLICA_LEARNED_KEPT_MAX};
use crate::feed::query::{FeedQuery, Surface};
use crate::feed::values::Values;
use crate::ports::error::StoreError;
use crate::ports::events::EventLog;
use crate::ports::feed_sessions::FeedSessions;
use crate::ports::models::Models;
use crate::ports::ranking_steps::RankingSteps;
use crate::ports::user_state::UserStates;
use crate::ranking::diversity::{Budget, SlateRules};
use crate::ranking::order::mix;
use crate::ranking::value::ValueModel;
use crate::services::feed_made::make;
use crate::services::feed_sessions::Progress;
use crate::services::replica::Replica;

/// Why a slate cannot be recomputed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such slate any more.
    #[error("there is no such slate")]
    NotFound,
    /// What it was made from is not known.
    #[error("{0}")]
    Unavailable(&'static str),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What recomputing a slate came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// The page as it was served.
    pub recorded: ServedPage,
    /// Its clips as they come out now.
    pub recomputed: Vec<ServedItem>,
    /// Whether nothing was left after it, as it comes out now.
    pub exhausted: bool,
    /// The digest of the settings, as it comes out now.
    pub config: u64,
    /// Where the two differ, as JSON pointers; empty when they are the same byte for byte.
    pub differences: Vec<String>,
}

/// The stores that hold the history.
#[derive(Clone)]
pub struct ReplayPorts {
    /// Served pages.
    pub sessions: Arc<dyn FeedSessions>,
    /// Steps.
    pub steps: Arc<dyn RankingSteps>,
    /// Stored models.
    pub models: Arc<dyn Models>,
    /// Events.
    pub events: Arc<dyn EventLog>,
    /// Viewers' rows.
    pub states: Arc<dyn UserStates>,
}

/// Recomputes slates, one after the other.
pub struct Replays {
    ports: ReplayPorts,
    seen_window_ms: i64,
    /// The state where the last replay left it, if it is small: later slates go on from there.
    replica: Mutex<Option<Replica>>,
}

/// A page that has to be made again, because it or a later one of its session is asked for.
struct Task {
    head: SessionHead,
    page: ServedPage,
    basis: Basis,
    wanted: bool,
}

/// What comes next in a replay; of equal marks the earlier variant first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Load,
    Resume,
    Page,
}

impl Replays {
    /// Over these stores; `seen_window_ms` as the feed has it.
    pub fn new(ports: ReplayPorts, seen_window_ms: i64) -> Self {
        Self { ports, seen_window_ms, replica: Mutex::new(None) }
    }

    /// Makes durable what this process noted of its history.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ports.steps.flush().await
    }

    /// Recomputes one slate.
    pub async fn replay(&self, slate: SlateId) -> Result<Replay, ReplayError> {
        let found = self.ports.sessions.find(slate).await?.ok_or(ReplayError::NotFound)?;
        let replays = self.replay_all(&[found.1.slate]).await?;
        replays.into_iter().next().ok_or(ReplayError::NotFound)
    }

    /// Recomputes slates of one lane in one pass over its history; answers in the order of that history.
    ///
    /// # Errors
    ///
    /// If one of them cannot be recomputed at all.
    pub async fn replay_all(&self, slates: &[SlateId]) -> Result<Vec<Replay>, ReplayError> {
        self.ports.steps.flush().await?;
        let (lane, tasks) = self.tasks(slates).await?;
        let mut deeds: Vec<(Mark, Deed, u32, usize)> = Vec::new();
        for (place, task) in tasks.iter().enumerate() {
            let mark = Mark { step: task.basis.step, offset: task.page.log_offset };
            deeds.push((mark, Deed::Page, task.page.number, place));
            if let Some(viewer) = task.basis.viewer {
                deeds.push((viewer.at, Deed::Load, 0, place));
            }
            if let Some(resumed) = task.basis.resumed {
                deeds.push((resumed, Deed::Resume, 0, place));
            }
        }
        deeds.sort_unstable();
        let Some(first) = deeds.first().map(|deed| deed.0) else { return Ok(Vec::new()) };
        let mut kept = self.replica.lock().await;
        if kept.as_ref().is_none_or(|replica| !replica.reaches(lane, first)) {
            *kept = Some(Replica::new(self.ports.clone(), lane, self.seen_window_ms));
        }
        let Some(replica) = kept.as_mut() else { return Ok(Vec::new()) };
        let mut run = Run { replica, progress: FxHashMap::default(), done: Vec::new() };
        for (mark, deed, _, place) in deeds {
            run.replica.advance(mark).await?;
            let task = &tasks[place];
            match (deed, task.basis.viewer) {
                (Deed::Load, Some(loaded)) => run.replica.load(task.head.viewer, loaded).await?,
                (Deed::Load, None) => {}
                (Deed::Resume, _) => run.resume(task, &self.ports).await?,
                (Deed::Page, loaded) => run.page(task, loaded).await?,
            }
        }
        let done = run.done;
        replica.forget_viewers();
        let is_large = {
            let index = replica.index().read();
            index.len() > REPLICA_CLIPS_KEPT_MAX
                || index.learned().bytes() > REPLICA_LEARNED_KEPT_MAX
        };
        if is_large {
            *kept = None;
        }
        Ok(done)
    }

    /// The pages to be made: those that are asked for, and those before them in their sessions.
    async fn tasks(&self, slates: &[SlateId]) -> Result<(u128, Vec<Task>), ReplayError> {
        let mut lane = None;
        let mut tasks = Vec::new();
        let mut wanted: FxHashMap<FeedSessionId, FxHashSet<u32>> = FxHashMap::default();
        for &slate in slates {
            let (head, page) =
                self.ports.sessions.find(slate).await?.ok_or(ReplayError::NotFound)?;
            let basis = sound(&page)?;
            if *lane.get_or_insert(basis.lane) != basis.lane {
                return Err(ReplayError::Unavailable("the slates are of more than one process"));
            }
            wanted.entry(head.id).or_default().insert(page.number);
        }
        let mut sessions: Vec<_> = wanted.into_iter().collect();
        sessions.sort_unstable_by_key(|(id, _)| *id);
        for (id, numbers) in sessions {
            let stored = self.ports.sessions.load(id).await?;
            let (head, pages) = stored.ok_or(ReplayError::NotFound)?;
            let last = numbers.iter().max().copied().unwrap_or_default();
            let firsts = pages.iter().filter(|page| numbers.contains(&page.number));
            let firsts = firsts.filter_map(|page| Some(page.basis.as_ref()?.since));
            let first = firsts.min().unwrap_or_default();
            let mut next = first;
            for page in pages {
                if !(first..=last).contains(&page.number) {
                    continue;
                }
                if page.number != next {
                    let gap = "an earlier page of the session was not kept";
                    return Err(ReplayError::Unavailable(gap));
                }
                next += 1;
                let (basis, wanted) = (sound(&page)?.clone(), numbers.contains(&page.number));
                tasks.push(Task { head, page, basis, wanted });
            }
        }
        Ok((lane.unwrap_or_default(), tasks))
    }
}

/// What a page was made with, if that is enough to make it again.
fn sound(page: &ServedPage) -> Result<&Basis, ReplayError> {
    let basis = page.basis.as_ref();
    let basis = basis.ok_or(ReplayError::Unavailable("it was made by a release that kept less"))?;
    if basis.model.is_empty() {
        return Err(ReplayError::Unavailable("its scorer had failed, which nobody can repeat"));
    }
    if basis.lane == 0 || basis.viewer.is_none() {
        let moved = "its stores did not answer, or the state moved all the while it was made";
        return Err(ReplayError::Unavailable(moved));
    }
    Ok(basis)
}

/// One pass over the history.
struct Run<'a> {
    replica: &'a mut Replica,
    progress: FxHashMap<FeedSessionId, Progress>,
    done: Vec<Replay>,
}

impl Run<'_> {
    /// Takes a session up again from its stored pages, as the process did.
    async fn resume(&mut self, task: &Task, ports: &ReplayPorts) -> Result<(), ReplayError> {
        if task.page.number != task.basis.since {
            return Ok(());
        }
        let stored = ports.sessions.load(task.head.id).await?;
        let pages = stored.into_iter().flat_map(|(_, pages)| pages);
        let before = pages.filter(|page| page.number < task.basis.since);
        let progress = Progress::of(before, &self.replica.index().read());
        self.progress.insert(task.head.id, progress);
        Ok(())
    }

    async fn page(&mut self, task: &Task, loaded: Option<Loaded>) -> Result<(), ReplayError> {
        let Task { head, page, basis, wanted } = task;
        let user = loaded.and_then(|loaded| self.replica.viewer(head.viewer, loaded));
        let user = user.ok_or(ReplayError::Unavailable("the viewer's state is not known"))?;
        let mut query = FeedQuery::new(head.viewer, user, page.served_at, basis.limit as usize);
        query.surface = if head.following { Surface::Following } else { Surface::ForYou };
        query.market = head.market;
        query.personalised = basis.personalised;
        query.budget = Budget::new(basis.shoppable_share);
        let model = ValueModel::from_numbers(&basis.model);
        query.values = Arc::new(Values { model, rules: SlateRules::default() });
        query.seed = mix(head.seed ^ u64::from(page.number));
        let progress = self.progress.entry(head.id).or_default();
        query.served = Arc::clone(&progress.served);
        query.shown.clone_from(&progress.shown);
        query.not_after = progress.not_after;
        let start = (progress.walk.clone(), head.seed);
        let index = Arc::clone(self.replica.index());
        let made = make(self.replica.pipeline(query.surface), &index, &mut query, start).await;
        let config = query.values.digest();
        drop(query);
        if let Some(progress) = self.progress.get_mut(&head.id) {
            progress.take(&Arc::new(page.clone()), made.faces);
            progress.walk = Some(made.slate.walk);
        }
        if *wanted {
            let (recomputed, exhausted) = (made.items, made.slate.exhausted);
            let differences = differences(page, (&recomputed, exhausted, config));
            let recorded = page.clone();
            self.done.push(Replay { recorded, recomputed, exhausted, config, differences });
        }
        Ok(())
    }
}

/// Where a recorded page and what it comes out as now differ, bit by bit.
fn differences(page: &ServedPage, now: (&[ServedItem], bool, u64)) -> Vec<String> {
    let (items, exhausted, config) = now;
    let mut found = Vec::new();
    if page.config != config {
        found.push("/config".to_owned());
    }
    if page.exhausted != exhausted {
        found.push("/exhausted".to_owned());
    }
    for place in 0..page.items.len().max(items.len()) {
        let (Some(then), Some(now)) = (page.items.get(place), items.get(place)) else {
            found.push(format!("/items/{place}"));
            continue;
        };
        let bits = |item: &ServedItem| item.inputs.map(f32::to_bits);
        for (same, name) in [
            (then.clip == now.clip, "clip_id"),
            (then.source == now.source, "source"),
            (then.sources == now.sources, "sources"),
            (then.propensity.to_bits() == now.propensity.to_bits(), "propensity"),
            (then.score.to_bits() == now.score.to_bits(), "score"),
            (bits(then) == bits(now), "inputs"),
        ] {
            if !same {
                found.push(format!("/items/{place}/{name}"));
            }
        }
    }
    found
}
