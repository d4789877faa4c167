//! Seeded exploration: new clips get places by Thompson sampling, with a logged propensity.
//!
//! Each clip's unknown rate of being liked has a Beta posterior; a draw from each decides who is shown
//! (Thompson, Biometrika 1933; Chapelle and Li, NIPS 2011). The chance that a clip was drawn is
//! estimated from further draws and logged, so that what was learned can be weighed later.

use crate::ranking::order::mix;

/// Draws that estimate the propensity besides the one that decides.
const ESTIMATING_DRAWS: u32 = 15;

/// A stream of random numbers from a seed (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream of that seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits
    }

    /// Uniform in the open interval 0..1.
    pub fn uniform(&mut self) -> f32 {
        ((self.bits() >> 40) as f32 + 0.5) / (1_u32 << 24) as f32
    }

    /// Uniform in `0..bound`; 0 for an empty range. The bias is below 2⁻³² for the small bounds here.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller, 1958).
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f32::consts::TAU * self.uniform()).cos()
    }

    /// Gamma with shape `a` ≥ 0 and scale 1 (Marsaglia and Tsang, ACM TOMS 2000).
    #[expect(clippy::many_single_char_names, reason = "the paper's names")]
    fn gamma(&mut self, a: f32) -> f32 {
        if a < 1.0 {
            let boost = self.uniform().powf(1.0 / a.max(1e-3));
            return self.gamma(a + 1.0) * boost;
        }
        let d = a - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        // Each round accepts with a chance above 95 %; the bound keeps a broken input from hanging.
        for _ in 0..64 {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
        d
    }

    /// Beta with both shapes positive.
    pub fn beta(&mut self, a: f32, b: f32) -> f32 {
        let x = self.gamma(a);
        let y = self.gamma(b);
        if x + y > 0.0 { x / (x + y) } else { 0.5 }
    }
}

/// What is known of a clip that is being tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Good outcomes so far: finishes, likes, shares, taps.
    pub good: f32,
    /// The other outcomes.
    pub bad: f32,
}

/// The prior of a clip nobody saw: one good outcome in four.
const PRIOR: Arm = Arm { good: 1.0, bad: 3.0 };

/// A clip that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Index of the arm.
    pub arm: usize,
    /// Estimated chance that it was among the drawn, above 0 and at most 1.
    pub propensity: f32,
}

/// Draws `count` of `arms` without repetition, the best draw first.
pub fn thompson(arms: &[Arm], count: usize, dice: &mut Dice) -> Vec<Drawn> {
    let count = count.min(arms.len());
    if count == 0 {
        return Vec::new();
    }
    let chosen = top_draw(arms, count, dice);
    let mut wins = vec![0_u32; arms.len()];
    for _ in 0..ESTIMATING_DRAWS {
        for arm in top_draw(arms, count, dice) {
            wins[arm] += 1;
        }
    }
    // The deciding draw is one of the draws: an arm that was shown had a chance.
    let chance = |arm: usize| (wins[arm] + 1) as f32 / (ESTIMATING_DRAWS + 1) as f32;
    chosen.into_iter().map(|arm| Drawn { arm, propensity: chance(arm) }).collect()
}

fn top_draw(arms: &[Arm], count: usize, dice: &mut Dice) -> Vec<usize> {
    let mut draws: Vec<(f32, usize)> = arms
        .iter()
        .enumerate()
        .map(|(index, arm)| {
            let good = arm.good.max(0.0) + PRIOR.good;
            (dice.beta(good, arm.bad.max(0.0) + PRIOR.bad), index)
        })
        .collect();
    draws.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    draws.into_iter().take(count).map(|(_, index)| index).collect()
}

/// The places of a page of `len` that are kept for exploration, as (`every`-th, from the third on): the
/// first two places decide whether a viewer stays, so they are earned.
pub fn slots(len: usize, every: usize) -> impl Iterator<Item = usize> {
    (2..len).step_by(every.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn beta_draws_have_the_right_mean_and_spread() {
        let mut dice = Dice::new(3);
        for (a, b) in [(1.0, 3.0), (0.5, 0.5), (20.0, 60.0)] {
            let draws: Vec<f32> = (0..20_000).map(|_| dice.beta(a, b)).collect();
            let mean = draws.iter().sum::<f32>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 20_000.0;
            let expected = a * b / ((a + b) * (a + b) * (a + b + 1.0));
            assert!((mean - a / (a + b)).abs() < 0.01, "{a} {b}: mean {mean}");
            assert!((variance - expected).abs() < 0.1 * expected, "{a} {b}: {variance}");
        }
    }

    #[test]
    fn the_logged_propensity_is_the_frequency() {
        let arms = [
            Arm { good: 8.0, bad: 10.0 },
            Arm { good: 5.0, bad: 14.0 },
            Arm { good: 0.0, bad: 0.0 },
        ];
        let mut shown = [0.0_f32; 3];
        let mut logged = [0.0_f32; 3];
        for seed in 0..4_000 {
            for drawn in thompson(&arms, 1, &mut Dice::new(mix(seed))) {
                shown[drawn.arm] += 1.0;
                logged[drawn.arm] += 1.0 / drawn.propensity;
            }
        }
        // Weighed by 1/propensity, every arm stands for about the whole.
        for arm in 0..3 {
            assert!(shown[arm] > 50.0, "{shown:?}");
            let ratio = logged[arm] / 4_000.0;
            assert!((0.5..=1.5).contains(&ratio), "arm {arm}: {ratio} of {shown:?}");
        }
        assert!(shown[0] > shown[1], "{shown:?}");
    }

    #[test]
    fn slots_leave_the_first_places_and_small_pages_alone() {
        assert_eq!(slots(10, 10).collect::<Vec<_>>(), [2]);
        assert_eq!(slots(30, 10).collect::<Vec<_>>(), [2, 12, 22]);
        assert_eq!(slots(2, 10).count(), 0);
    }

    proptest! {
        #[test]
        fn draws_are_distinct_repeatable_and_possible(
            goods in proptest::collection::vec((0_f32..50.0, 0_f32..50.0), 0..12), count in 0_usize..6, seed: u64
        ) {
            let arms: Vec<Arm> = goods.into_iter().map(|(good, bad)| Arm { good, bad }).collect();
            let first = thompson(&arms, count, &mut Dice::new(seed));
            prop_assert_eq!(&first, &thompson(&arms, count, &mut Dice::new(seed)));
            prop_assert_eq!(first.len(), count.min(arms.len()));
            let mut seen: Vec<usize> = first.iter().map(|drawn| drawn.arm).collect();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), first.len());
            prop_assert!(first.iter().all(|drawn| drawn.propensity > 0.0 && drawn.propensity <= 1.0));
        }
    }
}
