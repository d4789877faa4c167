//! What was learned from watching: a fold over the event log beside the index's counters.
//!
//! The heads that predict what a viewer does with a clip, what goes with what, and each viewer's short
//! memory. Views are put together from events as they come in: what a viewer did between an impression and
//! the end of the watch is one example. All of it follows from the log alone, so every node that reads the
//! log learns the same, and a state that was stored may be gone on from.

mod memory;
mod snapshot;
mod view;

use crate::domain::account::Market;
use crate::domain::engagement::is_finish;
use crate::domain::event::EventKind;
use crate::domain::id::AccountId;
use crate::domain::limits::{LEARNED_CLIPS_MAX, LEARNED_VIEWERS_MAX};
use crate::feed::learned::memory::{Clips, Ended, Viewers};
use crate::feed::learned::view::{Deed, deed, exposure_of, outcome_of};
use crate::ports::events::LoggedEvent;
use crate::ranking::learner::feed::{
    ClipKeys, FeedBounds, FeedHeads, HEADS, Head, Health, Trace, ViewerKeys,
};
use crate::ranking::neighbours::companions::Companions;
use crate::ranking::neighbours::exposure::{Exposure, Outcome as Meeting};
use crate::ranking::order::mix;

pub use crate::feed::learned::snapshot::SnapshotError;

/// Examples between two looks at whether the heads still make sense.
const CHECK_EVERY: u64 = 256;
/// Labels of a head from which on it is believed entirely; before, its explicit estimate counts for the
/// rest: a rate of one in a hundred is known to a quarter then.
const TRUSTED_TRIALS: f32 = 2_000.0;

/// Counted keys: about four a clip and forty for an active viewer. At 280 bytes each, 300 MB when full.
const CELLS_MAX: usize = 1 << 20;

/// The clip of an event as the learner sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Who it is and what it stands for.
    pub keys: ClipKeys,
    /// Whether there is something to tap.
    pub shoppable: bool,
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Learned {
    heads: FeedHeads,
    companions: Companions,
    viewers: Viewers,
    clips: Clips,
    applied: u64,
    at_ms: i64,
    is_sound: bool,
    /// Examples that were refused up to the last look at the heads.
    refused_before: u64,
}

fn bounds() -> FeedBounds {
    FeedBounds {
        cells_max: CELLS_MAX,
        viewers_max: LEARNED_VIEWERS_MAX,
        clips_max: LEARNED_CLIPS_MAX,
    }
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            heads: FeedHeads::new(bounds()),
            companions: Companions::default(),
            viewers: Viewers::default(),
            clips: Clips::default(),
            applied: 0,
            at_ms: 0,
            is_sound: true,
            refused_before: 0,
        }
    }
}

/// What tells a viewer from others; never 0, which stands for nobody.
pub fn viewer_key(viewer: AccountId) -> u64 {
    mix((viewer.bits() >> 64) as u64 ^ mix(viewer.bits() as u64)).max(1)
}

/// How long a clip was watched in all, going by a report: once around is its length at least.
fn told_ms((watch_ms, loops): (u32, u32), subject: &Subject) -> u32 {
    if loops == 0 { watch_ms } else { watch_ms.max(subject.keys.duration_ms) }
}

fn viewer_keys(logged: &LoggedEvent) -> ViewerKeys {
    let (viewer, market) = (viewer_key(logged.viewer), market_word(logged.market));
    ViewerKeys { viewer, market, surface: 0 }
}

/// A market as a number.
fn market_word(market: Market) -> u16 {
    market.code().bytes().fold(0, |word, byte| (word << 8) | u16::from(byte))
}

impl Learned {
    /// The heads.
    pub fn heads(&self) -> &FeedHeads {
        &self.heads
    }

    /// What goes with what.
    pub fn companions(&self) -> &Companions {
        &self.companions
    }

    /// The offset of the newest event that was learned from or passed over.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The time of the newest event.
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// Examples that were learned from: views, and what was done after the end of one.
    pub fn views(&self) -> u64 {
        self.heads.version()
    }

    /// How the heads fare.
    pub fn health(&self) -> Health {
        self.heads.health()
    }

    /// Whether the heads may be ranked by. It is looked at every so many views.
    pub fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// How far each head is to be believed, 0 to 1.
    pub fn trust(&self) -> [f32; HEADS] {
        if !self.is_sound {
            return [0.0; HEADS];
        }
        self.heads.trials().map(|trials| (trials / TRUSTED_TRIALS).min(1.0))
    }

    /// The keys and the short memory that a viewer is ranked by; those of nobody if history must not count.
    pub fn viewer(
        &self,
        viewer: AccountId,
        market: Market,
        personalised: bool,
    ) -> (ViewerKeys, Trace) {
        let key = if personalised { viewer_key(viewer) } else { 0 };
        let known = self.viewers.find(key).map(|number| self.viewers.trace(number));
        let keys = ViewerKeys { viewer: key, market: market_word(market), surface: 0 };
        (keys, known.unwrap_or_default())
    }

    /// The keys of clips that go with what a viewer held lately, best first.
    pub fn companions_of(&self, viewer: AccountId, now_ms: i64, limit: usize) -> Vec<u64> {
        let Some(number) = self.viewers.find(viewer_key(viewer)) else { return Vec::new() };
        let found = self.companions.of_viewer(number, now_ms, limit);
        found.into_iter().map(|(item, _)| self.clips.key(item)).collect()
    }

    /// The keys of clips that go with one, best first.
    pub fn companions_of_clip(&self, clip: u64, limit: usize) -> Vec<u64> {
        let Some(item) = self.clips.find(clip) else { return Vec::new() };
        let found = self.companions.of_item(item, limit);
        found.into_iter().map(|item| self.clips.key(item)).collect()
    }

    /// Takes in the next event; answers whether its clip was learned about. `subject` is its clip, if that is
    /// known.
    pub fn apply(&mut self, logged: &LoggedEvent, subject: Option<&Subject>) -> bool {
        if logged.offset <= self.applied {
            return false;
        }
        self.applied = logged.offset;
        self.at_ms = self.at_ms.max(logged.at.unix_ms());
        let (Some(subject), Some(deed)) = (subject, deed(logged.event.kind)) else { return false };
        let (number, gone) = self.viewers.claim(viewer_key(logged.viewer));
        if gone {
            self.companions.forget_viewer(number);
        }
        match deed {
            Deed::Begins => {
                self.viewers.begin(number, subject.keys.clip);
                false
            }
            Deed::Ends => self.learn_view(number, logged, subject),
            Deed::Does(head) => self.learn_deed(number, logged, subject, head),
        }
    }

    fn learn_view(&mut self, number: u32, logged: &LoggedEvent, subject: &Subject) -> bool {
        let EventKind::Watch { watch_ms, loops } = logged.event.kind else { return false };
        let told_ms = told_ms((watch_ms, loops), subject);
        let deeds = match self.viewers.end(number, subject.keys.clip, told_ms) {
            Some(Ended::First(deeds)) => deeds,
            Some(Ended::Again { deeds, before_ms }) => {
                let all_ms = before_ms.saturating_add(told_ms);
                return self.learn_rest(number, logged, subject, (deeds, before_ms, all_ms));
            }
            None => return false,
        };
        let keys = viewer_keys(logged);
        let outcome = outcome_of((watch_ms, loops), deeds, subject);
        let trace = self.viewers.trace_mut(number);
        self.heads.learn(&keys, &subject.keys, trace, &outcome, logged.at.unix_ms());
        self.check();
        self.meet(number, logged, subject, exposure_of((watch_ms, loops), deeds, subject));
        true
    }

    /// What was watched of a view after an end of it was learned: only what is better now is told.
    fn learn_rest(
        &mut self,
        number: u32,
        logged: &LoggedEvent,
        subject: &Subject,
        (deeds, before_ms, all_ms): (u16, u32, u32),
    ) -> bool {
        let duration_ms = subject.keys.duration_ms;
        let meeting = |watch_ms: u32| exposure_of((watch_ms, 0), deeds, subject);
        let is_more = meeting(all_ms) > meeting(before_ms);
        if is_more {
            self.meet(number, logged, subject, meeting(all_ms));
        }
        let is_finish = |watch_ms: u32| is_finish(watch_ms, duration_ms, 0);
        let is_finished = is_finish(all_ms) && !is_finish(before_ms);
        if is_finished {
            self.learn_late(number, logged, subject, Head::Finish);
        }
        is_more || is_finished
    }

    /// Lets the heads learn what was done after the end of its view.
    fn learn_late(&mut self, number: u32, logged: &LoggedEvent, subject: &Subject, head: Head) {
        let trace = self.viewers.trace(number);
        let (keys, at_ms) = (viewer_keys(logged), logged.at.unix_ms());
        self.heads.learn_late(&keys, &subject.keys, &trace, head, at_ms);
        self.check();
    }

    /// What a viewer does with a clip is part of the view while it lasts, and told alone after its end.
    fn learn_deed(
        &mut self,
        number: u32,
        logged: &LoggedEvent,
        subject: &Subject,
        head: Head,
    ) -> bool {
        let is_new_after_the_end = self.viewers.does(number, subject.keys.clip, head);
        if !is_new_after_the_end {
            return false;
        }
        self.learn_late(number, logged, subject, head);
        if head != Head::NotInterested {
            self.meet(number, logged, subject, Meeting::Loved);
        }
        true
    }

    /// Looks at the heads every so many examples, taken in or refused.
    fn check(&mut self) {
        let health = self.heads.health();
        if (self.heads.version() + health.refused).is_multiple_of(CHECK_EVERY) {
            let refused =
                health.refused - std::mem::replace(&mut self.refused_before, health.refused);
            // Heads that refuse most examples no longer judge themselves by what comes.
            self.is_sound = health.is_sound() && refused <= CHECK_EVERY / 2;
        }
    }

    fn meet(&mut self, viewer: u32, logged: &LoggedEvent, subject: &Subject, outcome: Meeting) {
        let (item, gone) = self.clips.claim(subject.keys.clip, logged.offset);
        if !gone.is_empty() {
            self.companions.forget(&gone);
        }
        self.companions.grow(self.viewers.len(), self.clips.len());
        let exposure = Exposure { item, at_ms: logged.at.unix_ms(), outcome };
        self.companions.learn(viewer, exposure);
    }

    /// Passes over the events up to `offset`.
    pub fn skip_to(&mut self, offset: u64) {
        self.applied = self.applied.max(offset);
    }

    /// As if the heads made no sense any more.
    #[cfg(test)]
    pub fn lose_its_way(&mut self) {
        self.is_sound = false;
    }

    /// Bytes held by the heads; what is remembered of clips and viewers comes on top.
    pub fn bytes(&self) -> usize {
        self.heads.bytes()
    }
}

#[cfg(test)]
mod tests;
