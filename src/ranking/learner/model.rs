//! The learner: progressive rates and effects of an example's keys, linear heads on their log-odds.
//!
//! [`Learner::predict`] reads, [`Learner::learn`] folds one example in; nothing else changes the state, so
//! equal logs give equal states bit by bit. An example's features are, per slot: the rates as log-odds
//! beyond those of the parent, the key's effects, and how often it was met. To them come plain numbers,
//! the sum of all effects, and the dot product of the viewer's and the clip's vectors.

#![expect(
    clippy::needless_range_loop,
    reason = "lanes and axes of several arrays go together by number; so they are also vectorised"
)]

use multiversion::multiversion;

use super::calibration::Calibration;
use super::factors::{DIMENSIONS, Factors};
use super::numbers::{LOGIT_MAX, ln_1p, sigmoid};
use super::plan::Plan;
use super::rates::{Cell, Kept, Rate};
use super::snapshot::{Reader, SnapshotError, Writer};
use super::table::Table;
use super::weights::Weights;

/// Trials of everything beyond this fade: the base rate follows the last so many examples.
const BASE_TRIALS_MAX: f32 = 20_000.0;
/// Features are held to this.
pub(super) const FEATURE_MAX: f32 = 4.0;
/// Weights that a head's own features start with: effects, rates of whole viewers and clips, and rates of
/// all other keys. A new learner says sensible things before it has learned which keys matter.
const STARTS: [f32; 3] = [0.1, 0.2, 0.06];
const KIND: u64 = 0x7669_7472_6c72_0001;

/// One example, or a candidate: what is known of it before the labels.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// A key per slot of the plan; zero where the example has none.
    pub keys: &'a [u64],
    /// The plan's plain numbers.
    pub numbers: &'a [f32],
    /// Keys of the viewer's vector: its own first, then those it shares.
    pub viewer: &'a [u64],
    /// Keys of the clip's vector: its own first.
    pub clip: &'a [u64],
    /// The context whose departures apply; zero is none.
    pub context: usize,
    /// When, in milliseconds; zero where nobody knows.
    pub at_ms: i64,
}

/// What a prediction leaves for the learning that follows. Reused, it allocates nothing.
#[derive(Clone, Debug)]
pub struct Scratch<const L: usize> {
    pub(super) features: Vec<f32>,
    rates: Vec<Rate<L>>,
    places: Vec<usize>,
    additive: [f32; L],
    joined: [f32; L],
    viewer: [f32; DIMENSIONS],
    clip: [f32; DIMENSIONS],
    logits: [f32; L],
    p: [f32; L],
}

impl<const L: usize> Scratch<L> {
    /// Room for one example.
    pub fn new() -> Self {
        Self {
            features: Vec::new(),
            rates: Vec::new(),
            places: Vec::new(),
            additive: [0.0; L],
            joined: [0.0; L],
            viewer: [0.0; DIMENSIONS],
            clip: [0.0; DIMENSIONS],
            logits: [0.0; L],
            p: [0.5; L],
        }
    }
}

impl<const L: usize> Default for Scratch<L> {
    fn default() -> Self {
        Self::new()
    }
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Learner<const L: usize> {
    pub(super) plan: Plan,
    pub(super) cells: Table<Kept<L>>,
    base: Cell<L>,
    bias: [f32; L],
    pub(super) weights: Weights<L>,
    pub(super) factors: Factors<L>,
    pub(super) calibration: Calibration<L>,
    learnt: u64,
    refused: u64,
}

impl<const L: usize> Learner<L> {
    /// Features of one slot: rates, effects, and how often it was met.
    pub const PER_SLOT: usize = 2 * L + 1;

    /// A learner that knows nothing.
    pub fn new(plan: Plan) -> Self {
        assert!(plan.heads <= L, "{} heads in {L} lanes", plan.heads);
        let features = 1 + plan.slots.len() * Self::PER_SLOT + plan.numbers + 2 * L;
        let mut weights = Weights::new(features, plan.contexts);
        for (at, slot) in plan.slots.iter().enumerate() {
            for lane in (0..plan.heads).filter(|_| slot.caution > 0.0) {
                let rate = if slot.parent.is_none() && at < 2 { STARTS[1] } else { STARTS[2] };
                weights.start(Self::slot_at(at) + lane, lane, rate);
                weights.start(Self::slot_at(at) + L + lane, lane, STARTS[0]);
            }
        }
        let [viewers, clips] = plan.vectors_max;
        Self {
            cells: Table::new(plan.cells_max),
            base: Cell::EMPTY,
            bias: [0.0; L],
            weights,
            factors: Factors::new(viewers, clips, plan.rates[2]),
            calibration: Calibration::default(),
            learnt: 0,
            refused: 0,
            plan,
        }
    }

    /// Where the features of a slot begin.
    pub(super) const fn slot_at(slot: usize) -> usize {
        1 + slot * Self::PER_SLOT
    }

    pub(super) fn numbers_at(&self) -> usize {
        Self::slot_at(self.plan.slots.len())
    }

    /// Where the sums of effects begin; the vectors' logits follow them.
    pub(super) fn sums_at(&self) -> usize {
        self.numbers_at() + self.plan.numbers
    }

    /// The rate of everything, from which all others depart.
    pub fn base_rate(&self) -> Rate<L> {
        let mut hit = [0.0; L];
        for lane in 0..L {
            hit[lane] = (self.base.hits[lane] + 0.05) / (self.base.trials[lane] + 1.0);
        }
        Rate::of(hit)
    }

    /// How many labels of each lane the base rate rests on; at most [`BASE_TRIALS_MAX`].
    pub fn base_trials(&self) -> &[f32; L] {
        &self.base.trials
    }

    /// Writes a slot's features for a key and returns its rate. `parent` is what it departs from.
    #[inline]
    pub(super) fn slot_features(
        &self,
        slot: usize,
        kept: &Kept<L>,
        parent: &Rate<L>,
        now_ms: i64,
        features: &mut [f32],
    ) -> Rate<L> {
        let slot = &self.plan.slots[slot];
        let left = kept.left(now_ms, slot.half_life_ms);
        let rate = kept.cell.rate(parent, slot.strength, left);
        for lane in 0..L {
            let beyond = rate.odds[lane] - parent.odds[lane];
            features[lane] = beyond.clamp(-FEATURE_MAX, FEATURE_MAX);
            features[L + lane] = kept.cell.effect[lane];
        }
        features[2 * L] = 0.2 * ln_1p(kept.cell.seen());
        rate
    }

    /// Where the example's keys live; all at once, so that their cache misses overlap.
    fn look_up(&self, example: &Example<'_>, places: &mut Vec<usize>) {
        self.cells.touch(example.keys);
        self.factors.touch(example.viewer, example.clip);
        places.clear();
        places.extend(example.keys.iter().map(|&key| self.cells.find(key).unwrap_or(usize::MAX)));
        self.cells.touch_entries(places);
    }

    /// The probability of each head, before the example's labels are known.
    pub fn predict(&self, example: &Example<'_>, scratch: &mut Scratch<L>) -> [f32; L] {
        predict(self, example, scratch)
    }

    #[expect(clippy::inline_always, reason = "to be compiled for the registers of its caller")]
    #[inline(always)]
    fn predict_here(&self, example: &Example<'_>, scratch: &mut Scratch<L>) -> [f32; L] {
        let slots = self.plan.slots.len();
        debug_assert_eq!(example.keys.len(), slots);
        let base = self.base_rate();
        scratch.features.clear();
        scratch.features.resize(self.sums_at() + 2 * L, 0.0);
        scratch.rates.clear();
        scratch.features[0] = 1.0;
        self.look_up(example, &mut scratch.places);
        let empty = Kept { cell: Cell::EMPTY, at_ms: 0 };
        let mut additive = self.bias;
        for (slot, &key) in example.keys.iter().enumerate() {
            let parent = self.plan.slots[slot].parent.map_or(base, |parent| scratch.rates[parent]);
            if key == 0 {
                scratch.rates.push(parent);
                continue;
            }
            let kept = self.cells.at(scratch.places[slot], key).unwrap_or(&empty);
            let at = Self::slot_at(slot);
            let features = &mut scratch.features[at..at + Self::PER_SLOT];
            let rate = self.slot_features(slot, kept, &parent, example.at_ms, features);
            scratch.rates.push(rate);
            for lane in 0..L {
                additive[lane] += kept.cell.effect[lane];
            }
        }
        let numbers = self.numbers_at();
        for (at, &number) in example.numbers.iter().enumerate() {
            let number = if number.is_finite() { number } else { 0.0 };
            scratch.features[numbers + at] = number.clamp(-FEATURE_MAX, FEATURE_MAX);
        }
        scratch.viewer = self.factors.viewer(example.viewer);
        scratch.clip = self.factors.clip(example.clip);
        let dots = self.factors.logits(&scratch.viewer, &scratch.clip);
        let sums = self.sums_at();
        for lane in 0..self.plan.heads {
            scratch.features[sums + lane] = additive[lane] - self.bias[lane];
            scratch.features[sums + L + lane] = dots[lane];
            scratch.joined[lane] = sigmoid(additive[lane] + dots[lane]);
        }
        for lane in 0..L {
            scratch.additive[lane] = sigmoid(additive[lane]);
        }
        scratch.logits = base.odds;
        self.weights.add(&mut scratch.logits, 0, &scratch.features, example.context);
        scratch.p = self.calibration.apply(&scratch.logits);
        scratch.p
    }

    /// As much of a prediction as [`Self::learn_counts`] needs.
    pub fn predict_counts(&self, example: &Example<'_>, scratch: &mut Scratch<L>) {
        let mut additive = self.bias;
        self.look_up(example, &mut scratch.places);
        for (&key, &place) in example.keys.iter().zip(&scratch.places) {
            if let Some(kept) = self.cells.at(place, key) {
                for lane in 0..L {
                    additive[lane] += kept.cell.effect[lane];
                }
            }
        }
        scratch.viewer = self.factors.viewer(example.viewer);
        scratch.clip = self.factors.clip(example.clip);
        let dots = self.factors.logits(&scratch.viewer, &scratch.clip);
        for lane in 0..L {
            scratch.additive[lane] = sigmoid(additive[lane]);
            scratch.joined[lane] = sigmoid(additive[lane] + dots[lane]);
        }
    }

    /// Folds the example in that `scratch` has just predicted. A label is 0..1, or NaN where unknown.
    ///
    /// An example whose prediction is not finite, or whose labels are out of range, is refused and counted.
    pub fn learn(&mut self, example: &Example<'_>, labels: &[f32; L], scratch: &Scratch<L>) {
        learn(self, example, labels, scratch);
    }

    #[expect(clippy::inline_always, reason = "to be compiled for the registers of its caller")]
    #[inline(always)]
    fn learn_here(&mut self, example: &Example<'_>, labels: &[f32; L], scratch: &Scratch<L>) {
        let sound = scratch.logits.iter().all(|logit| logit.is_finite())
            && labels.iter().all(|label| label.is_nan() || (0.0..=1.0).contains(label));
        if !sound {
            self.refused += 1;
            return;
        }
        let heads = self.plan.heads;
        let error = |p: f32, label: f32| if label.is_nan() { 0.0 } else { p - label };
        let (mut errors, mut additive) = ([0.0; L], [0.0; L]);
        let (mut joined, mut information) = ([0.0; L], [0.0; L]);
        for lane in 0..heads {
            let raw = sigmoid(scratch.logits[lane].clamp(-LOGIT_MAX, LOGIT_MAX));
            errors[lane] = error(raw, labels[lane]);
            additive[lane] = error(scratch.additive[lane], labels[lane]);
            joined[lane] = error(scratch.joined[lane], labels[lane]);
            let p = scratch.additive[lane];
            information[lane] = if labels[lane].is_nan() { 0.0 } else { p * (1.0 - p) };
            self.bias[lane] =
                (self.bias[lane] - 0.002 * additive[lane]).clamp(-LOGIT_MAX, LOGIT_MAX);
        }
        let [common, own, _, calibration] = self.plan.rates;
        self.weights.learn(&scratch.features, &errors, example.context, [common, own]);
        self.calibration.learn(&scratch.logits, &scratch.p, labels, calibration);
        self.factors.learn(
            (example.viewer, &scratch.viewer),
            (example.clip, &scratch.clip),
            &joined,
        );
        self.count((example, &scratch.places), labels, &additive, &information);
        self.learnt += 1;
    }

    /// Folds an example into the counts alone, not into the heads: for history without its context.
    pub fn learn_counts(&mut self, example: &Example<'_>, labels: &[f32; L], scratch: &Scratch<L>) {
        let (mut additive, mut joined) = ([0.0; L], [0.0; L]);
        let mut information = [0.0; L];
        for lane in (0..self.plan.heads).filter(|&lane| !labels[lane].is_nan()) {
            let p = scratch.additive[lane];
            additive[lane] = p - labels[lane];
            joined[lane] = scratch.joined[lane] - labels[lane];
            information[lane] = p * (1.0 - p);
            self.bias[lane] =
                (self.bias[lane] - 0.002 * additive[lane]).clamp(-LOGIT_MAX, LOGIT_MAX);
        }
        self.factors.learn(
            (example.viewer, &scratch.viewer),
            (example.clip, &scratch.clip),
            &joined,
        );
        self.count((example, &scratch.places), labels, &additive, &information);
        self.learnt += 1;
    }

    #[inline]
    fn count(
        &mut self,
        (example, places): (&Example<'_>, &[usize]),
        labels: &[f32; L],
        errors: &[f32; L],
        information: &[f32; L],
    ) {
        for (slot, (&key, &place)) in self.plan.slots.iter().zip(example.keys.iter().zip(places)) {
            if key == 0 {
                continue;
            }
            let kept = self.cells.claim_at(place, key);
            let left = kept.left(example.at_ms, slot.half_life_ms);
            kept.cell.count(labels, left);
            kept.at_ms = kept.at_ms.max(example.at_ms);
            if slot.caution > 0.0 {
                kept.cell.adjust(errors, information, slot.caution);
            }
        }
        let most = self.base.seen();
        self.base.count(labels, (BASE_TRIALS_MAX / (most + 1.0)).min(1.0));
    }

    /// How many examples were folded in.
    pub fn learnt(&self) -> u64 {
        self.learnt
    }

    /// How many were refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Bytes held, free places included.
    pub fn bytes(&self) -> usize {
        self.cells.bytes() + self.weights.bytes() + self.factors.bytes()
    }

    /// How many keys are counted.
    pub fn keys(&self) -> usize {
        self.cells.len()
    }

    /// Predicted over come, per head; `None` where too little came to tell.
    pub fn calibration(&self, head: usize) -> Option<f32> {
        self.calibration.ratio(head)
    }

    /// The whole state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        writer.word(self.plan.digest(L));
        writer.word(self.learnt);
        writer.word(self.refused);
        writer.floats(&self.base.trials);
        writer.floats(&self.base.hits);
        writer.floats(&self.bias);
        self.weights.write(&mut writer);
        self.calibration.write(&mut writer);
        self.factors.write(&mut writer);
        self.cells.write(&mut writer);
        writer.finish()
    }

    /// A learner of this plan with a state that [`Self::to_bytes`] wrote.
    pub fn from_bytes(plan: Plan, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut learner = Self::new(plan);
        let mut reader = Reader::new(bytes, KIND)?;
        if reader.word()? != learner.plan.digest(L) {
            return Err(SnapshotError::Shape);
        }
        learner.learnt = reader.word()?;
        learner.refused = reader.word()?;
        reader.fill(&mut learner.base.trials)?;
        reader.fill(&mut learner.base.hits)?;
        reader.fill(&mut learner.bias)?;
        if !learner.base.is_sound() || learner.bias.iter().any(|bias| bias.abs() > LOGIT_MAX) {
            return Err(SnapshotError::Unbounded);
        }
        learner.weights.read(&mut reader)?;
        learner.calibration = Calibration::read(&mut reader)?;
        learner.factors.read(&mut reader)?;
        learner.cells.read(&mut reader)?;
        reader.finish()?;
        Ok(learner)
    }
}

// Compiled for processors with wide registers too; both do the same operations in the same order.

#[multiversion(targets("x86_64+avx2"))]
fn predict<const L: usize>(
    learner: &Learner<L>,
    example: &Example<'_>,
    scratch: &mut Scratch<L>,
) -> [f32; L] {
    learner.predict_here(example, scratch)
}

#[multiversion(targets("x86_64+avx2"))]
fn learn<const L: usize>(
    learner: &mut Learner<L>,
    example: &Example<'_>,
    labels: &[f32; L],
    scratch: &Scratch<L>,
) {
    learner.learn_here(example, labels, scratch);
}
