//! What is counted about one key: smoothed rates, and an effect that allows for everything else.
//!
//! A cell holds two views of the same events, lane by lane (a lane is a head, or a signal that is only
//! counted). The *rate* is hits over trials, smoothed towards the rate of the key's parent. The *effect*
//! is the key's share in the log-odds of an additive model over all keys of an example: it tells a key
//! that is good from one that only met easy examples.

use super::numbers::{decay, log_odds};
use super::snapshot::{Reader, SnapshotError, Writer};
use super::table::Entry;

/// Trials beyond this count no further: all four counts halve.
const TRIALS_MAX: f32 = 1_048_576.0;
/// No single key moves the odds by more than this.
const EFFECT_MAX: f32 = 6.0;
/// Hits over trials, rounding allowed for.
const HITS_MAX: f32 = 1.001;

/// See the module's head.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Cell<const L: usize> {
    /// Examples whose label was known.
    pub trials: [f32; L],
    /// Sum of their labels, each 0..1.
    pub hits: [f32; L],
    /// Share in the additive model's log-odds.
    pub effect: [f32; L],
    /// Sum of `p(1 − p)`: how sure the effect is.
    pub information: [f32; L],
}

/// A smoothed rate as hits and misses that sum to one, lane by lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate<const L: usize> {
    /// P(1).
    pub hit: [f32; L],
    /// Its log-odds.
    pub odds: [f32; L],
}

impl<const L: usize> Cell<L> {
    /// A key nobody met.
    pub const EMPTY: Self =
        Self { trials: [0.0; L], hits: [0.0; L], effect: [0.0; L], information: [0.0; L] };

    /// The rate, where `parent` weighs as much as `strength` trials; counts faded to `left`.
    #[inline]
    pub fn rate(&self, parent: &Rate<L>, strength: f32, left: f32) -> Rate<L> {
        let (mut hit, mut odds) = ([0.0; L], [0.0; L]);
        for lane in 0..L {
            let hits = self.hits[lane] * left + strength * parent.hit[lane];
            let trials = self.trials[lane] * left + strength;
            hit[lane] = hits / trials;
            odds[lane] = log_odds(hits, trials - hits);
        }
        Rate { hit, odds }
    }

    /// Counts one example. Unknown labels are NaN and count nothing.
    #[inline]
    pub fn count(&mut self, labels: &[f32; L], left: f32) {
        let mut most = 0.0_f32;
        for (lane, &label) in labels.iter().enumerate() {
            let known = f32::from(u8::from(!label.is_nan()));
            self.trials[lane] = self.trials[lane] * left + known;
            self.hits[lane] = self.hits[lane] * left + if label.is_nan() { 0.0 } else { label };
            most = most.max(self.trials[lane]);
        }
        if most > TRIALS_MAX {
            for lane in 0..L {
                self.trials[lane] *= 0.5;
                self.hits[lane] *= 0.5;
                self.information[lane] *= 0.5;
            }
        }
    }

    /// Moves the effects by a Newton step on the additive model's errors; `caution` is the prior's
    /// information, that is, how reluctantly a new key departs from nothing.
    #[inline]
    pub fn adjust(&mut self, errors: &[f32; L], information: &[f32; L], caution: f32) {
        for lane in 0..L {
            self.information[lane] += information[lane];
            let step = errors[lane] / (caution + self.information[lane]);
            self.effect[lane] = (self.effect[lane] - step).clamp(-EFFECT_MAX, EFFECT_MAX);
        }
    }

    /// Whether it may have come from counting: what follows from it is then finite.
    pub fn is_sound(&self) -> bool {
        let counts = self.trials.iter().zip(&self.hits);
        let mut counts =
            counts.map(|(trials, hits)| 0.0 <= *hits && *hits <= trials * HITS_MAX + 1e-6);
        counts.all(|sound| sound)
            && self.effect.iter().all(|effect| effect.abs() <= EFFECT_MAX)
            && self.information.iter().all(|information| *information >= 0.0)
    }

    /// The most trials of any lane.
    #[inline]
    pub fn seen(&self) -> f32 {
        self.trials.iter().fold(0.0, |most, &trials| most.max(trials))
    }
}

impl<const L: usize> Rate<L> {
    /// A rate whose hits are given, each within 0.0001..0.9999.
    pub fn of(hit: [f32; L]) -> Self {
        let hit = hit.map(|hit| hit.clamp(1e-4, 1.0 - 1e-4));
        Self { hit, odds: hit.map(|hit| log_odds(hit, 1.0 - hit)) }
    }
}

/// A cell with the second of its last event, for those that fade.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Kept<const L: usize> {
    /// The counts.
    pub cell: Cell<L>,
    /// When they were last faded, in milliseconds.
    pub at_ms: i64,
}

impl<const L: usize> Kept<L> {
    /// What is left of the counts at `now_ms`; everything, without a half-life or without time.
    #[inline]
    pub fn left(&self, now_ms: i64, half_life_ms: i64) -> f32 {
        if half_life_ms == 0 || now_ms <= self.at_ms || self.at_ms == 0 {
            1.0
        } else {
            decay(now_ms - self.at_ms, half_life_ms)
        }
    }
}

impl<const L: usize> Entry for Kept<L> {
    fn strength(&self) -> f32 {
        self.cell.seen()
    }

    fn fresh(_: u64) -> Self {
        Self { cell: Cell::EMPTY, at_ms: 0 }
    }

    fn write(&self, into: &mut Writer) {
        into.word(self.at_ms as u64);
        for lanes in [&self.cell.trials, &self.cell.hits, &self.cell.effect, &self.cell.information]
        {
            into.floats(lanes);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let at_ms = from.word()? as i64;
        let (trials, hits) = (from.floats()?, from.floats()?);
        let (effect, information) = (from.floats()?, from.floats()?);
        let cell = Cell { trials, hits, effect, information };
        if cell.is_sound() { Ok(Self { cell, at_ms }) } else { Err(SnapshotError::Unbounded) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_moves_from_its_parent_to_what_was_counted() {
        let parent = Rate::of([0.2, 0.5]);
        let mut cell = Cell::<2>::EMPTY;
        assert!((cell.rate(&parent, 10.0, 1.0).hit[0] - 0.2).abs() < 1e-6);
        let mut before = 0.2;
        for _ in 0..1_000 {
            cell.count(&[1.0, f32::NAN], 1.0);
            let rate = cell.rate(&parent, 10.0, 1.0);
            assert!(rate.hit[0] > before && rate.hit[0] < 1.0);
            before = rate.hit[0];
        }
        assert!(before > 0.99);
        assert!(
            (cell.rate(&parent, 10.0, 1.0).hit[1] - 0.5).abs() < 1e-6,
            "unknown labels count nothing"
        );
        let faded = cell.rate(&parent, 10.0, 0.001).hit[0];
        assert!(faded < 0.3, "what faded says less: {faded}");
    }

    #[test]
    fn an_effect_goes_against_the_error_and_stays_bounded() {
        let mut cell = Cell::<1>::EMPTY;
        cell.adjust(&[-0.7], &[0.21], 3.0);
        assert!(cell.effect[0] > 0.0, "the model said too little: {}", cell.effect[0]);
        for _ in 0..100_000 {
            cell.adjust(&[-1.0], &[0.0], 0.001);
        }
        assert!(cell.effect[0] <= EFFECT_MAX);
    }

    #[test]
    fn counts_stay_within_their_bound() {
        let mut cell = Cell::<1>::EMPTY;
        cell.trials = [TRIALS_MAX];
        cell.hits = [TRIALS_MAX / 4.0];
        cell.count(&[0.0], 1.0);
        assert!(cell.trials[0] < TRIALS_MAX);
        assert!((cell.hits[0] / cell.trials[0] - 0.25).abs() < 1e-3);
    }
}
