//! The feed's heads: what a viewer will do with a clip, learned from finished views.

use super::borders::Borders;
use super::factors::DIMENSIONS;
use super::model::{Example, Learner, Scratch};
use super::numbers::{mix, pair};
use super::plan::{Plan, Side, Slot};
use super::snapshot::{Reader, SnapshotError, Writer};
use super::trace::{ViewerTrace, duration_bucket};
use crate::domain::engagement::{is_finish, is_skip};

/// Lanes: the heads and the watched fraction, which is only counted.
pub const LANES: usize = 16;
/// A value per lane.
pub type Lanes = [f32; LANES];
/// A viewer's short memory.
pub type Trace = ViewerTrace<LANES>;

/// What is predicted. Its number is its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Head {
    /// Left within two seconds.
    Skip,
    /// Watched to the end.
    Finish,
    /// Watched longer than the first quartile of clips of this length.
    Watch25,
    /// … than the median.
    Watch50,
    /// … than the third quartile.
    Watch75,
    /// Liked or saved.
    Like,
    /// Passed on.
    Share,
    /// Creator followed.
    Follow,
    /// A product's tag tapped.
    TagTap,
    /// Put into the cart, given a tap.
    AddToCart,
    /// Bought, given a tap.
    Buy,
    /// Not interested, hidden, reported.
    NotInterested,
}

/// How many heads there are.
pub const HEADS: usize = 12;

impl Head {
    /// All, by lane.
    pub const ALL: [Self; HEADS] = [
        Self::Skip,
        Self::Finish,
        Self::Watch25,
        Self::Watch50,
        Self::Watch75,
        Self::Like,
        Self::Share,
        Self::Follow,
        Self::TagTap,
        Self::AddToCart,
        Self::Buy,
        Self::NotInterested,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Finish => "finish",
            Self::Watch25 => "watch_25",
            Self::Watch50 => "watch_50",
            Self::Watch75 => "watch_75",
            Self::Like => "like",
            Self::Share => "share",
            Self::Follow => "follow",
            Self::TagTap => "tag_tap",
            Self::AddToCart => "add_to_cart",
            Self::Buy => "buy",
            Self::NotInterested => "not_interested",
        }
    }
}

/// Kinds of entities that a clip stands for, each with weights of its own.
pub const KINDS: usize = 5;

/// What a clip is known by. Words are ids or hashes, zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClipKeys {
    /// The clip.
    pub clip: u64,
    /// By kind: creator, category, merchant, product, topic.
    pub entities: [u64; KINDS],
    /// How long it runs.
    pub duration_ms: u32,
}

/// What a page is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerKeys {
    /// The viewer; zero for one whose history must not count.
    pub viewer: u64,
    /// Where.
    pub market: u16,
    /// Which surface shows the clip; zero is the feed.
    pub surface: u8,
}

/// What came of a view. `None`: not known, or not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// How long it was watched, loops included.
    pub watch_ms: Option<u32>,
    /// By head; those of the watch are made of `watch_ms` where they are `None`.
    pub labels: [Option<bool>; HEADS],
}

/// Half-life of what happened lately.
const RECENT_MS: i64 = 24 * 3_600 * 1_000;
const KIND: u64 = 0x7669_7472_6664_0001;

pub(super) const VIEWER: usize = 0;
pub(super) const CLIP: usize = 1;
pub(super) const ENTITIES: usize = 2;
pub(super) const DURATION: usize = ENTITIES + KINDS;
pub(super) const RECENT_CLIP: usize = DURATION + 1;
pub(super) const MARKET: usize = RECENT_CLIP + 1;
pub(super) const SURFACE: usize = MARKET + 1;
pub(super) const RECENT_VIEWER: usize = SURFACE + 1;
pub(super) const SURFACE_DURATION: usize = RECENT_VIEWER + 1;
pub(super) const VIEWER_DURATION: usize = SURFACE_DURATION + 1;
pub(super) const CROSSES: usize = VIEWER_DURATION + 1;
pub(super) const SLOTS: usize = CROSSES + KINDS;

/// See the module's head.
#[derive(Clone, Debug)]
pub struct FeedHeads {
    pub(super) learner: Learner<LANES>,
    pub(super) borders: Borders,
    scratch: Scratch<LANES>,
    numbers: Vec<f32>,
}

/// Bounds of what the heads remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedBounds {
    /// Counted keys: about four a clip and, for an active viewer, some forty.
    pub cells_max: usize,
    /// Viewers with a vector.
    pub viewers_max: usize,
    /// Clips with a vector.
    pub clips_max: usize,
}

impl Default for FeedBounds {
    /// About 300 MB when full.
    fn default() -> Self {
        Self { cells_max: 1 << 20, viewers_max: 1 << 17, clips_max: 1 << 17 }
    }
}

/// Whether the heads may be published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// Predicted over come per head, over the last some thousand views; `None`: too few to tell.
    pub calibration: [Option<f32>; HEADS],
    /// Examples that were refused because they or their prediction made no sense.
    pub refused: u64,
}

impl Health {
    /// Whether every head that can be judged is off by less than a factor of two.
    pub fn is_sound(&self) -> bool {
        let sound = |ratio: &f32| ratio.is_finite() && (0.5..=2.0).contains(ratio);
        self.calibration.iter().flatten().all(sound)
    }
}

fn plan(bounds: FeedBounds) -> Plan {
    let mut slots = vec![Slot::main(Side::Viewer), Slot::main(Side::Clip)];
    slots.extend([Slot::main(Side::Clip); KINDS]);
    slots.push(Slot::main(Side::Clip));
    slots.push(Slot::recent(Side::Clip, CLIP, RECENT_MS));
    slots.extend([Slot::main(Side::Viewer), Slot::cross(Side::Viewer, Some(VIEWER))]);
    slots.push(Slot::recent(Side::Viewer, VIEWER, RECENT_MS));
    slots.push(Slot::cross(Side::Cross, None));
    slots.push(Slot::cross(Side::Cross, Some(VIEWER)));
    slots.extend([Slot::cross(Side::Cross, Some(VIEWER)); KINDS]);
    let mut plan = Plan::new(slots, Trace::OF_PAGE + Trace::OF_DURATION, HEADS, 0);
    plan.cells_max = bounds.cells_max;
    plan.vectors_max = [bounds.viewers_max, bounds.clips_max];
    plan
}

/// One key: its kind and up to two words; a word that is missing makes no key.
#[inline]
pub(super) fn key(slot: usize, left: u64, right: u64) -> u64 {
    if left == 0 || right == 0 { 0 } else { mix(slot as u64 ^ pair(left, right)) | 1 }
}

/// The keys of an example, in the order of the plan's slots.
pub(super) fn keys(viewer: &ViewerKeys, clip: &ClipKeys) -> [u64; SLOTS] {
    let bucket = duration_bucket(clip.duration_ms as f32) as u64;
    let surface = u64::from(viewer.surface) + 1;
    let mut keys = [0; SLOTS];
    keys[VIEWER] = key(VIEWER, viewer.viewer, 1);
    keys[CLIP] = key(CLIP, clip.clip, 1);
    for (kind, &entity) in clip.entities.iter().enumerate() {
        keys[ENTITIES + kind] = key(ENTITIES + kind, entity, 1);
        keys[CROSSES + kind] = key(CROSSES + kind, viewer.viewer, entity);
    }
    keys[DURATION] = key(DURATION, bucket, 1);
    keys[RECENT_CLIP] = key(RECENT_CLIP, clip.clip, 1);
    keys[MARKET] = key(MARKET, u64::from(viewer.market) + 1, 1);
    keys[SURFACE] = key(SURFACE, viewer.viewer, surface);
    keys[RECENT_VIEWER] = key(RECENT_VIEWER, viewer.viewer, 1);
    keys[SURFACE_DURATION] = key(SURFACE_DURATION, surface, bucket);
    keys[VIEWER_DURATION] = key(VIEWER_DURATION, viewer.viewer, bucket);
    keys
}

/// Keys of a viewer's vector.
pub(super) fn viewer_vector(viewer: &ViewerKeys) -> [u64; 2] {
    [key(90, viewer.viewer, 1), key(91, u64::from(viewer.market) + 1, 1)]
}

/// Keys of a clip's vector.
pub(super) fn clip_vector(clip: &ClipKeys) -> [u64; 1 + KINDS] {
    let mut keys = [key(92, clip.clip, 1); 1 + KINDS];
    for (kind, &entity) in clip.entities.iter().enumerate() {
        keys[1 + kind] = key(93 + kind, entity, 1);
    }
    keys
}

impl FeedHeads {
    /// Heads that know nothing but what the first examples will teach.
    pub fn new(bounds: FeedBounds) -> Self {
        Self {
            learner: Learner::new(plan(bounds)),
            borders: Borders::default(),
            scratch: Scratch::new(),
            numbers: Vec::new(),
        }
    }

    /// The labels of an outcome by lane, NaN where unknown.
    fn labels(&self, clip: &ClipKeys, outcome: &Outcome) -> Lanes {
        let mut labels = [f32::NAN; LANES];
        if let Some(watch_ms) = outcome.watch_ms {
            let (watch, duration) = (watch_ms as f32, clip.duration_ms as f32);
            labels[Head::Skip as usize] = f32::from(u8::from(is_skip(watch_ms, clip.duration_ms)));
            if clip.duration_ms > 0 {
                let finished = is_finish(watch_ms, clip.duration_ms, 0);
                labels[Head::Finish as usize] = f32::from(u8::from(finished));
                labels[HEADS] = (watch / duration).min(1.0);
                let beyond = self.borders.labels(watch, duration);
                labels[Head::Watch25 as usize..=Head::Watch75 as usize].copy_from_slice(&beyond);
            }
        }
        for (label, told) in labels.iter_mut().zip(outcome.labels) {
            if let Some(told) = told {
                *label = f32::from(u8::from(told));
            }
        }
        let tapped = outcome.labels[Head::TagTap as usize] == Some(true);
        if !tapped {
            // What comes after a tap says nothing about views without one.
            for head in [Head::AddToCart, Head::Buy] {
                if outcome.labels[head as usize] == Some(false) {
                    labels[head as usize] = f32::NAN;
                }
            }
        }
        labels
    }

    /// Folds a view in and takes it into the viewer's short memory. Call it in log order, `at_ms` being
    /// the event's own time.
    pub fn learn(
        &mut self,
        viewer: &ViewerKeys,
        clip: &ClipKeys,
        trace: &mut Trace,
        outcome: &Outcome,
        at_ms: i64,
    ) {
        let labels = self.labels(clip, outcome);
        self.fold(viewer, clip, trace, &labels, at_ms);
        let watch_ms = outcome.watch_ms.map_or(f32::NAN, |watch_ms| watch_ms as f32);
        if outcome.watch_ms.is_some() && clip.duration_ms > 0 {
            self.borders.learn(watch_ms, clip.duration_ms as f32);
        }
        trace.observe(&labels, watch_ms, at_ms);
    }

    /// Folds in what was done after its view had been learned: one head, everything else unknown. What may
    /// follow a tap is asked from then on: it has not come yet.
    pub fn learn_late(
        &mut self,
        viewer: &ViewerKeys,
        clip: &ClipKeys,
        trace: &Trace,
        done: Head,
        at_ms: i64,
    ) {
        let mut labels = [f32::NAN; LANES];
        labels[done as usize] = 1.0;
        if done == Head::TagTap {
            labels[Head::AddToCart as usize] = 0.0;
            labels[Head::Buy as usize] = 0.0;
        }
        self.fold(viewer, clip, trace, &labels, at_ms);
    }

    fn fold(
        &mut self,
        viewer: &ViewerKeys,
        clip: &ClipKeys,
        trace: &Trace,
        labels: &Lanes,
        at_ms: i64,
    ) {
        self.numbers.clear();
        trace.of_page(at_ms, &self.learner.base_rate().hit, &mut self.numbers);
        trace.of_duration(duration_bucket(clip.duration_ms as f32), &mut self.numbers);
        let (keys, viewer, clip) = (keys(viewer, clip), viewer_vector(viewer), clip_vector(clip));
        let example = Example {
            keys: &keys,
            numbers: &self.numbers,
            viewer: &viewer,
            clip: &clip,
            context: 0,
            at_ms,
        };
        self.learner.predict(&example, &mut self.scratch);
        self.learner.learn(&example, labels, &self.scratch);
    }

    /// The probability of each head by the long way: what [`super::parts`] computes by parts.
    pub fn predict(
        &self,
        viewer: &ViewerKeys,
        clip: &ClipKeys,
        trace: &Trace,
        at_ms: i64,
    ) -> Lanes {
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::new());
        trace.of_page(at_ms, &self.learner.base_rate().hit, &mut numbers);
        trace.of_duration(duration_bucket(clip.duration_ms as f32), &mut numbers);
        let (keys, viewer, clip) = (keys(viewer, clip), viewer_vector(viewer), clip_vector(clip));
        let example = Example {
            keys: &keys,
            numbers: &numbers,
            viewer: &viewer,
            clip: &clip,
            context: 0,
            at_ms,
        };
        self.learner.predict(&example, &mut scratch)
    }

    /// The expected watch time in seconds, of a candidate's probabilities.
    pub fn watch_s(&self, p: &Lanes, duration_ms: u32) -> f32 {
        let beyond = [Head::Watch25, Head::Watch50, Head::Watch75].map(|head| p[head as usize]);
        self.borders.expected_s(beyond, duration_ms as f32)
    }

    /// How many labels of each head were seen lately; at most a bound that is the same for all.
    pub fn trials(&self) -> [f32; HEADS] {
        let trials = self.learner.base_trials();
        std::array::from_fn(|head| trials[head])
    }

    /// How often each head comes, over all that was seen.
    pub fn usual(&self) -> [f32; HEADS] {
        let rate = self.learner.base_rate();
        std::array::from_fn(|head| rate.hit[head])
    }

    /// How many views were folded in: the version of what the heads know.
    pub fn version(&self) -> u64 {
        self.learner.learnt()
    }

    /// How the heads fare.
    pub fn health(&self) -> Health {
        let calibration = std::array::from_fn(|head| self.learner.calibration(head));
        Health { calibration, refused: self.learner.refused() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.learner.bytes()
    }

    /// The whole state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        self.borders.write(&mut writer);
        let learner = self.learner.to_bytes();
        writer.word(learner.len() as u64);
        let mut bytes = writer.finish();
        bytes.extend_from_slice(&learner);
        bytes
    }

    /// Heads of a state that [`Self::to_bytes`] wrote under the same bounds.
    pub fn from_bytes(bounds: FeedBounds, bytes: &[u8]) -> Result<Self, SnapshotError> {
        // Kind, borders, length of the rest, checksum.
        let head = 8 + 4 * 4 * super::trace::DURATION_BUCKETS + 16;
        let (front, rest) = bytes.split_at_checked(head).ok_or(SnapshotError::Damaged)?;
        let mut reader = Reader::new(front, KIND)?;
        let borders = Borders::read(&mut reader)?;
        if reader.word()? != rest.len() as u64 {
            return Err(SnapshotError::Damaged);
        }
        reader.finish()?;
        let learner = Learner::from_bytes(plan(bounds), rest)?;
        Ok(Self { learner, borders, ..Self::new(bounds) })
    }
}

const _: () = assert!(HEADS < LANES && DIMENSIONS <= LANES);
