//! Probabilities that mean what they say: a scale and a shift per head, learned behind the heads.
//!
//! Platt's form, online and slow. Beside it stands the watch over a head: faded sums of what was
//! predicted and what came, from which a head that lost its way is told.

use super::numbers::{LOGIT_MAX, sigmoid};
use super::snapshot::{Reader, SnapshotError, Writer};

/// Labelled examples that the watch remembers, faded.
const MEMORY: f32 = 5_000.0;
const SCALE: std::ops::RangeInclusive<f32> = 0.5..=2.0;
const SHIFT_MAX: f32 = 2.0;

/// See the module's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration<const L: usize> {
    scale: [f32; L],
    shift: [f32; L],
    squares: [[f32; L]; 2],
    predicted: [f32; L],
    came: [f32; L],
    weight: [f32; L],
}

impl<const L: usize> Default for Calibration<L> {
    fn default() -> Self {
        let zero = [0.0; L];
        Self {
            scale: [1.0; L],
            shift: zero,
            squares: [[100.0; L]; 2],
            predicted: zero,
            came: zero,
            weight: zero,
        }
    }
}

impl<const L: usize> Calibration<L> {
    /// The calibrated probabilities of raw log-odds.
    #[expect(clippy::inline_always, reason = "to use the registers of the loop that calls it")]
    #[inline(always)]
    pub fn apply(&self, logits: &[f32; L]) -> [f32; L] {
        let mut p = [0.0; L];
        for lane in 0..L {
            let logit = logits[lane].clamp(-LOGIT_MAX, LOGIT_MAX);
            p[lane] = sigmoid(self.scale[lane] * logit + self.shift[lane]);
        }
        p
    }

    /// Learns from what came. Unknown labels are NaN.
    #[inline]
    pub fn learn(&mut self, logits: &[f32; L], p: &[f32; L], labels: &[f32; L], rate: f32) {
        for lane in 0..L {
            if labels[lane].is_nan() {
                continue;
            }
            let error = p[lane] - labels[lane];
            let logit = logits[lane].clamp(-LOGIT_MAX, LOGIT_MAX);
            let gradients = [error * logit, error];
            for (square, gradient) in self.squares.iter_mut().zip(gradients) {
                square[lane] += gradient * gradient;
            }
            let scale = self.scale[lane] - rate * gradients[0] / self.squares[0][lane].sqrt();
            let shift = self.shift[lane] - rate * gradients[1] / self.squares[1][lane].sqrt();
            self.scale[lane] = scale.clamp(*SCALE.start(), *SCALE.end());
            self.shift[lane] = shift.clamp(-SHIFT_MAX, SHIFT_MAX);
            let keep = 1.0 - 1.0 / MEMORY;
            self.predicted[lane] = self.predicted[lane] * keep + p[lane];
            self.came[lane] = self.came[lane] * keep + labels[lane];
            self.weight[lane] = self.weight[lane] * keep + 1.0;
        }
    }

    /// Predicted over come, over the last examples; `None` where too little came to tell.
    pub fn ratio(&self, lane: usize) -> Option<f32> {
        (self.came[lane] >= 200.0).then(|| self.predicted[lane] / self.came[lane])
    }

    /// Appends all of it.
    pub fn write(&self, into: &mut Writer) {
        for lanes in [&self.scale, &self.shift, &self.squares[0], &self.squares[1]] {
            into.floats(lanes);
        }
        for lanes in [&self.predicted, &self.came, &self.weight] {
            into.floats(lanes);
        }
    }

    /// Reads it back.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (scale, shift) = (from.floats::<L>()?, from.floats::<L>()?);
        let squares = [from.floats::<L>()?, from.floats::<L>()?];
        let (predicted, came, weight) = (from.floats()?, from.floats()?, from.floats()?);
        let sound = scale.iter().all(|scale| SCALE.contains(scale))
            && shift.iter().all(|shift| shift.abs() <= SHIFT_MAX)
            && squares.iter().flatten().all(|square| *square > 0.0);
        if !sound {
            return Err(SnapshotError::Unbounded);
        }
        Ok(Self { scale, shift, squares, predicted, came, weight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::learner::numbers::mix;

    #[test]
    fn a_head_that_exaggerates_is_corrected_and_told() {
        let mut calibration = Calibration::<1>::default();
        let mut told = None;
        for round in 0..100_000_u64 {
            let logit = if mix(round) & 1 == 0 { 2.0 } else { -0.5 };
            let truth = sigmoid(0.6 * logit - 0.5);
            let came = (mix(round ^ 1 << 50) >> 40) as f32 / 16_777_216.0 < truth;
            let p = calibration.apply(&[logit]);
            calibration.learn(&[logit], &p, &[f32::from(u8::from(came))], 0.05);
            if round == 2_000 {
                told = calibration.ratio(0);
            }
        }
        assert!(told.is_some_and(|ratio| ratio > 1.05), "{told:?}");
        let now = calibration.ratio(0).unwrap();
        assert!((now - 1.0).abs() < 0.05, "{now}");
        assert!((calibration.apply(&[2.0])[0] - sigmoid(0.7)).abs() < 0.04);
    }
}
