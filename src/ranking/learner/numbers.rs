//! The functions that probabilities need, from additions and multiplications alone.
//!
//! The standard library's exponential asks the C library, whose last bits differ between systems: a
//! state folded from one log would then differ from node to node.

use crate::ranking::maths::ln;

/// Log-odds beyond this are held: further out a head's probability no longer matters.
pub const LOGIT_MAX: f32 = 12.0;

/// Numbers of this size have no digits behind the point.
const ROUND: f32 = 12_582_912.0;

/// `e^x` for −80..80 (held outside), right to about one part in a million.
#[inline]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-80.0, 80.0);
    // x = k·ln 2 + r with |r| ≤ ½ ln 2; adding and taking 1.5·2²³ rounds to a whole k, whose last bits then
    // stand in the sum's. Taken from there, no conversion keeps loops over lanes from wide registers.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * 0.693_359_4 + k * 2.121_944_4e-4;
    let series = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * series)));
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    f32::from_bits(power) * series
}

/// The probability of log-odds.
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-LOGIT_MAX, LOGIT_MAX)))
}

/// The log-odds of `hits` against `misses`, both positive, within [`LOGIT_MAX`].
#[inline]
pub fn log_odds(hits: f32, misses: f32) -> f32 {
    ln((hits / misses).clamp(6.2e-6, 1.6e5))
}

/// `ln(1 + x)` for `x ≥ 0`, held at 1e30.
#[inline]
pub fn ln_1p(x: f32) -> f32 {
    ln(1.0 + x.clamp(0.0, 1e30))
}

/// What is left after `age_ms` of something that halves every `half_life_ms`.
#[inline]
pub fn decay(age_ms: i64, half_life_ms: i64) -> f32 {
    let halvings = age_ms.max(0) as f32 / half_life_ms.max(1) as f32;
    exp(-halvings.min(60.0) * std::f32::consts::LN_2)
}

/// A well mixed 64-bit word: keys of neighbouring numbers must not share sets.
#[inline]
pub fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    word ^ (word >> 32)
}

/// One key of two: order matters.
#[inline]
pub fn pair(left: u64, right: u64) -> u64 {
    mix(left ^ mix(right).rotate_left(17))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right() {
        for step in -8_000..8_000_i16 {
            let x = f32::from(step) / 100.0;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp(x)) / exact - 1.0).abs();
            assert!(off < 2e-6, "exp {x}: {} for {exact}", exp(x));
        }
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
        assert!(exp(f32::INFINITY).is_finite() && exp(f32::NEG_INFINITY) > 0.0);
    }

    #[test]
    fn odds_and_probabilities_undo_each_other() {
        for step in 1..999_i16 {
            let p = f32::from(step) / 1_000.0;
            assert!((sigmoid(log_odds(p, 1.0 - p)) - p).abs() < 1e-5, "{p}");
        }
        assert!(log_odds(1.0, 0.0) < LOGIT_MAX && log_odds(0.0, 1.0) > -LOGIT_MAX);
    }

    #[test]
    fn half_lives_halve() {
        assert!((decay(1_000, 1_000) - 0.5).abs() < 1e-6);
        assert_eq!(decay(-5, 1_000).to_bits(), 1.0_f32.to_bits());
        assert!(decay(i64::MAX, 1) >= 0.0);
    }
}
