//! Chance of a world: every draw follows from the seed and from what it is drawn for.

use crate::ranking::explore::Dice;
use crate::ranking::order::mix;

/// A stream of random numbers.
pub(super) struct Draw(Dice);

impl Draw {
    /// The stream that belongs to `parts`, in this order.
    pub(super) fn of(parts: &[u64]) -> Self {
        Self(Dice::new(digest(parts)))
    }

    /// 128 bits for an id.
    pub(super) fn id_bits(&mut self) -> u128 {
        (u128::from(self.0.bits()) << 64) | u128::from(self.0.bits())
    }

    /// Uniform in the open interval 0..1.
    pub(super) fn uniform(&mut self) -> f64 {
        open(self.0.bits())
    }

    /// Uniform in `0..bound`; 0 for an empty range.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// True with that probability.
    pub(super) fn happens(&mut self, chance: f64) -> bool {
        self.uniform() < chance
    }

    /// A standard normal (Box and Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A lognormal by its median and the deviation of its logarithm.
    pub(super) fn lognormal(&mut self, median: f64, deviation: f64) -> f64 {
        median * (deviation * self.normal()).exp()
    }

    /// One of `weights` by its weight; 0 if there are none.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.uniform() * weights.iter().sum::<f64>();
        for (place, weight) in weights.iter().enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return place;
            }
        }
        weights.len().saturating_sub(1)
    }
}

/// The number that belongs to `parts`, in this order.
pub(super) fn digest(parts: &[u64]) -> u64 {
    parts.iter().fold(0x776f_726c_6400, |sum, part| mix(sum ^ part))
}

/// One uniform number for `parts`.
pub(super) fn uniform(parts: &[u64]) -> f64 {
    open(digest(parts))
}

fn open(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// The logistic function.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_right_moments_and_follow_their_parts() {
        let mut draw = Draw::of(&[1, 2]);
        let normals: Vec<f64> = (0..20_000).map(|_| draw.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let count = (0..10_000).filter(|_| draw.weighted(&[1.0, 0.0, 3.0]) == 2).count();
        assert!((7_200..7_800).contains(&count), "{count}");
        assert_eq!(digest(&[1, 2]), digest(&[1, 2]));
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
    }
}
