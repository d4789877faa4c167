//! Seeded exploration: new clips get places by Thompson sampling, with a logged propensity.
//!
//! Each clip's unknown rate of being liked has a Beta posterior; a draw from each decides who is shown
//! (Thompson, Biometrika 1933; Chapelle and Li, NIPS 2011). The chance that a clip was drawn is
//! estimated from further draws and logged, so that what was learned can be weighed later.

use crate::ranking::maths::{ln, sin_cos};
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

    /// Fills `pairs` with independent standard normals (Box and Muller, 1958), several at once.
    fn normals(&mut self, pairs: &mut [[f32; 2]]) {
        for pair in &mut *pairs {
            *pair = [self.uniform(), self.uniform()];
        }
        for pair in pairs {
            let radius = (-2.0 * ln(pair[0])).sqrt();
            let (sin, cos) = sin_cos(pair[1]);
            *pair = [radius * sin, radius * cos];
        }
    }

    /// Beta with both shapes positive.
    pub fn beta(&mut self, a: f32, b: f32) -> f32 {
        let mut pair = [[0.0; 2]];
        self.normals(&mut pair);
        Beta::new(a, b).draw(pair[0], self)
    }
}

/// A gamma distribution with scale 1, made ready for many draws (Marsaglia and Tsang, ACM TOMS 2000).
#[derive(Clone, Copy, Debug)]
struct Gamma {
    d: f32,
    c: f32,
    /// For shapes below 1, which are drawn as one higher and brought down; 0 for others.
    root: f32,
}

impl Gamma {
    /// With shape `a` ≥ 0.
    fn new(a: f32) -> Self {
        let (a, root) = if a < 1.0 { (a + 1.0, 1.0 / a.max(1e-3)) } else { (a, 0.0) };
        let d = a - 1.0 / 3.0;
        Self { d, c: 1.0 / (9.0 * d).sqrt(), root }
    }

    /// A draw that begins with the standard normal `x`.
    fn draw(&self, mut x: f32, dice: &mut Dice) -> f32 {
        let d = self.d;
        let boost = if self.root > 0.0 { dice.uniform().powf(self.root) } else { 1.0 };
        // Each round accepts with a chance above 95 %; the bound keeps a broken input from hanging.
        for _ in 0..64 {
            let v = 1.0 + self.c * x;
            let v = v * v * v;
            let u = dice.uniform();
            let square = x * x;
            // The first test lets nearly all pass and spares the logarithms of the second.
            if v > 0.0
                && (u < 1.0 - 0.0331 * square * square
                    || ln(u) < 0.5 * square + d - d * v + d * ln(v))
            {
                return d * v * boost;
            }
            let mut pair = [[0.0; 2]];
            dice.normals(&mut pair);
            x = pair[0][0];
        }
        d
    }
}

/// A beta distribution, made ready for many draws.
#[derive(Clone, Copy, Debug)]
struct Beta {
    a: Gamma,
    b: Gamma,
}

impl Beta {
    fn new(a: f32, b: f32) -> Self {
        Self { a: Gamma::new(a), b: Gamma::new(b) }
    }

    /// A draw that begins with two standard normals.
    #[inline]
    fn draw(&self, [first, second]: [f32; 2], dice: &mut Dice) -> f32 {
        let x = self.a.draw(first, dice);
        let y = self.b.draw(second, dice);
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
    let posterior =
        |arm: &Arm| Beta::new(arm.good.max(0.0) + PRIOR.good, arm.bad.max(0.0) + PRIOR.bad);
    let arms: Vec<Beta> = arms.iter().map(posterior).collect();
    let mut chosen = Vec::with_capacity(arms.len());
    let mut normals = vec![[0.0; 2]; arms.len()];
    dice.normals(&mut normals);
    draw_top(&arms, count, (dice, &normals), &mut chosen);
    chosen.sort_unstable_by(best_first);
    let mut wins = vec![0_u32; arms.len()];
    let mut others = Vec::with_capacity(arms.len());
    for _ in 0..ESTIMATING_DRAWS {
        dice.normals(&mut normals);
        draw_top(&arms, count, (dice, &normals), &mut others);
        for &(_, arm) in &others {
            wins[arm] += 1;
        }
    }
    // The deciding draw is one of the draws: an arm that was shown had a chance.
    let chance = |arm: usize| (wins[arm] + 1) as f32 / (ESTIMATING_DRAWS + 1) as f32;
    chosen.into_iter().map(|(_, arm)| Drawn { arm, propensity: chance(arm) }).collect()
}

fn best_first(a: &(f32, usize), b: &(f32, usize)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Draws once for each arm, which has a pair of normals, and leaves the best `count` in `draws`, in no order; `count` is from 1 to the
/// number of arms.
fn draw_top(
    arms: &[Beta],
    count: usize,
    (dice, normals): (&mut Dice, &[[f32; 2]]),
    draws: &mut Vec<(f32, usize)>,
) {
    draws.clear();
    let draw = |(arm, (beta, pair)): (usize, (&Beta, &[f32; 2]))| (beta.draw(*pair, dice), arm);
    draws.extend(arms.iter().zip(normals).enumerate().map(draw));
    draws.select_nth_unstable_by(count - 1, best_first);
    draws.truncate(count);
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
