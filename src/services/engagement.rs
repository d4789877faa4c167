//! Takes in what viewers do: checks it, makes it durable, and lets it act before it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::event::{Event, EventKind, EventRefusal};
use crate::domain::id::{AccountId, ClipId, EventId};
use crate::domain::limits::EVENT_IDS_TTL_MS;
use crate::feed::index::SharedIndex;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::events::{Appended, EventFate, EventLog, LoggedEvent, NewEvents};
use crate::services::freshness::{Effect, Freshness};
use crate::services::viewers::Viewers;

/// Events read at a time when the index catches up with the log.
const CATCH_UP_EVENTS: usize = 2_000;

/// Events that are taken in under one hold of the index's lock: about two milliseconds.
const EVENTS_PER_LOCK: usize = 64;

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// New events.
    pub accepted: usize,
    /// Events that were there already.
    pub duplicates: usize,
    /// Events that were not taken, by their place in the batch.
    pub rejected: Vec<(usize, EventRefusal)>,
    /// A feed asked for after this offset reflects the batch.
    pub watermark: u64,
}

/// Takes in events.
pub struct Engagement {
    log: Arc<dyn EventLog>,
    clips: Arc<dyn ClipStore>,
    viewers: Arc<Viewers>,
    index: SharedIndex,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    catching_up: Mutex<()>,
    lag: Lag,
    /// Whether the log was read to its end once: what comes from then on is news.
    is_following: AtomicBool,
    /// How long events take to have their effects.
    pub freshness: Freshness,
}

/// Whether the index is known to be behind the stores.
#[derive(Default)]
struct Lag {
    events: AtomicBool,
    changes: AtomicBool,
}

impl Engagement {
    /// Takes only what it needs.
    pub fn new(
        log: Arc<dyn EventLog>,
        clips: Arc<dyn ClipStore>,
        viewers: Arc<Viewers>,
        index: SharedIndex,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Self {
        let (catching_up, lag, freshness) = (Mutex::new(()), Lag::default(), Freshness::default());
        Self {
            log,
            clips,
            viewers,
            index,
            clock,
            entropy,
            catching_up,
            lag,
            is_following: AtomicBool::new(false),
            freshness,
        }
    }

    /// Whether the last look into the logs failed, so that the feed may lack what others did since.
    pub fn is_behind(&self) -> bool {
        self.lag.events.load(Ordering::Relaxed) || self.lag.changes.load(Ordering::Relaxed)
    }

    /// Takes note of whether the change log could be read to its end.
    pub fn note_changes(&self, reached: bool) {
        self.lag.changes.store(!reached, Ordering::Relaxed);
    }

    /// Takes in a client's events. Each is judged for itself.
    pub async fn take(&self, viewer: AccountId, events: Vec<Event>) -> Result<Taken, StoreError> {
        let now = self.clock.now();
        let mut taken = Taken::default();
        let mut good = Vec::with_capacity(events.len());
        for (place, mut event) in events.into_iter().enumerate() {
            let verdict = match event.check(now) {
                Ok(()) => self.complete(&mut event).await?,
                Err(refusal) => Err(refusal),
            };
            match verdict {
                Ok(()) => good.push(event),
                Err(refusal) => taken.rejected.push((place, refusal)),
            }
        }
        let appended = self.record(viewer, good).await?;
        for fate in &appended.fates {
            match fate {
                EventFate::Logged(_) | EventFate::Unchanged => taken.accepted += 1,
                EventFate::Duplicate => taken.duplicates += 1,
            }
        }
        taken.watermark = appended.head;
        Ok(taken)
    }

    /// Looks up what an event leaves out: that the clip exists, and whose it is where that matters.
    async fn complete(&self, event: &mut Event) -> Result<Result<(), EventRefusal>, StoreError> {
        let Some(clip) = event.clip else { return Ok(Ok(())) };
        let known = self.index.read().ordinal(clip);
        let creator = known.and_then(|ordinal| Some(self.index.read().credit(ordinal)?.0));
        let creator = match creator {
            Some(creator) => creator,
            None => match self.clips.get(clip).await? {
                Some(clip) if clip.published().is_some() => clip.creator,
                Some(_) | None => return Ok(Err(EventRefusal::UnknownClip)),
            },
        };
        if matches!(event.kind, EventKind::Follow | EventKind::HideCreator) {
            event.creator = Some(creator);
        }
        Ok(Ok(()))
    }

    /// Makes events durable and lets them act on the index and the viewer's state before it answers.
    pub async fn record(
        &self,
        viewer: AccountId,
        events: Vec<Event>,
    ) -> Result<Appended, StoreError> {
        let accepted = Instant::now();
        let market = self.viewers.state(viewer).await?.read().market;
        let batch = NewEvents { viewer, market, at: self.clock.now(), events };
        if batch.events.is_empty() {
            return Ok(Appended { fates: Vec::new(), head: self.log.head().await? });
        }
        let appended = self.log.append(batch.clone()).await?;
        if !self.apply_next(&batch, &appended) {
            self.catch_up().await?;
        }
        // All took it in under one lock: a page that is made from here on reflects it.
        for effect in Effect::ALL {
            self.freshness.note(effect, accepted.elapsed());
        }
        Ok(appended)
    }

    /// Applies a batch whose events are the next of the log; `false` if others come first.
    fn apply_next(&self, batch: &NewEvents, appended: &Appended) -> bool {
        let logged = batch.events.iter().zip(&appended.fates).filter_map(|(event, fate)| {
            let EventFate::Logged(offset) = *fate else { return None };
            let NewEvents { viewer, market, at, .. } = *batch;
            Some(LoggedEvent { offset, viewer, market, at, event: *event })
        });
        let logged: Vec<LoggedEvent> = logged.collect();
        for some in logged.chunks(EVENTS_PER_LOCK) {
            let mut index = self.index.write();
            for event in some {
                if event.offset > index.applied() + 1 {
                    return false;
                }
                self.viewers.apply(event, &mut index);
                index.apply(event);
            }
        }
        true
    }

    /// Applies what is in the log and not in the index yet; answers the offset reached.
    pub async fn catch_up(&self) -> Result<u64, StoreError> {
        let _one_at_a_time = self.catching_up.lock().await;
        let outcome = self.read_to_the_end().await;
        self.lag.events.store(outcome.is_err(), Ordering::Relaxed);
        self.is_following.fetch_or(outcome.is_ok(), Ordering::Relaxed);
        outcome
    }

    async fn read_to_the_end(&self) -> Result<u64, StoreError> {
        loop {
            let after = self.index.read().applied();
            let events = self.log.read(after, CATCH_UP_EVENTS).await?;
            if events.is_empty() {
                return Ok(after);
            }
            self.note_others(&events);
            // Pages come in between: learning from an event takes tens of microseconds.
            for some in events.chunks(EVENTS_PER_LOCK) {
                let mut index = self.index.write();
                for event in some {
                    self.viewers.apply(event, &mut index);
                    index.apply(event);
                }
            }
        }
    }

    /// Notes how old the newest of events is that other nodes may have accepted, by both nodes' clocks. What
    /// was in the log before this process began tells nothing.
    fn note_others(&self, events: &[LoggedEvent]) {
        if !self.is_following.load(Ordering::Relaxed) {
            return;
        }
        if let Some(last) = events.last() {
            let age_ms = self.clock.now().since_ms(last.at).max(0);
            let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
            self.freshness.note(Effect::Index, age);
            self.freshness.note(Effect::Model, age);
        }
    }

    /// Waits until there may be events that other nodes took in.
    pub async fn wait(&self) {
        let applied = self.index.read().applied();
        self.log.wait(applied).await;
    }

    /// Forgets about `limit` ids of events that nobody may send again; answers how many.
    pub async fn forget_ids(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.clock.now().plus_ms(-EVENT_IDS_TTL_MS);
        self.log.forget_ids(before, limit).await
    }

    /// Takes in one action of a viewer that comes by its own route.
    pub async fn act(
        &self,
        viewer: AccountId,
        kind: EventKind,
        (clip, creator): (Option<ClipId>, Option<AccountId>),
    ) -> Result<(), StoreError> {
        let event = Event {
            id: EventId(self.entropy.bits()),
            kind,
            clip,
            creator,
            product: None,
            slate: None,
            position: None,
            occurred_at: self.clock.now(),
        };
        self.record(viewer, vec![event]).await.map(drop)
    }
}
