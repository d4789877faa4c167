//! The value model: what each predicted action is worth, in one explicit sum.
//!
//! `net = Σ weight · input` over the heads; on a positive net alone factors work, one after the other:
//! a multiplier on a negative sum would reward what viewers dislike. Weights multiply probabilities, so
//! a large weight stands before a small base rate. What a merchant earns or pays is not an input.
//!
//! A score can be shown term by term: every amount is a whole multiple of [`QUANTUM`], small enough that
//! sums of them are exact in double precision, so the terms add up to the score in any order.

#![expect(clippy::inline_always, reason = "what is called in the loop is to use its registers")]

use multiversion::multiversion;

use crate::ranking::order::mix;

/// What a score is made of. The numbers are those of stored receipts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Head {
    /// P(skip).
    Skip,
    /// P(watched to the end).
    Finish,
    /// E(watched fraction), more than 1 with loops.
    Watched,
    /// P(like or save).
    Like,
    /// P(share).
    Share,
    /// P(follow the creator).
    Follow,
    /// P(not interested, hide, report).
    NotInterested,
    /// P(tap on a product); 0 without products.
    Tap,
    /// P(cart and tap).
    Cart,
    /// P(buy and tap).
    Buy,
    /// The viewer's taste for what the clip stands for, −1..1.
    Affinity,
    /// Whether the viewer follows the creator, 0 or 1.
    Followed,
}

/// How many heads there are.
pub const HEADS: usize = 12;

impl Head {
    /// All, in the order of their numbers.
    pub const ALL: [Self; HEADS] = [
        Self::Skip,
        Self::Finish,
        Self::Watched,
        Self::Like,
        Self::Share,
        Self::Follow,
        Self::NotInterested,
        Self::Tap,
        Self::Cart,
        Self::Buy,
        Self::Affinity,
        Self::Followed,
    ];

    /// The word of the API and, after `weight_`, of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Finish => "finish",
            Self::Watched => "watched",
            Self::Like => "like",
            Self::Share => "share",
            Self::Follow => "follow",
            Self::NotInterested => "not_interested",
            Self::Tap => "tap",
            Self::Cart => "cart",
            Self::Buy => "buy",
            Self::Affinity => "affinity",
            Self::Followed => "followed",
        }
    }
}

/// How many factors there are.
pub const FACTORS: usize = 2;

/// The words for the factors, in the order in which they work.
pub const FACTOR_NAMES: [&str; FACTORS] = ["freshness", "sold_out"];

/// One candidate as the value model sees it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Inputs {
    /// What was predicted, by head.
    pub heads: [f32; HEADS],
    /// How strongly each factor works, 0 to 1: freshness falls from 1 to 0, sold out is 0 or 1.
    pub factors: [f32; FACTORS],
}

/// Largest absolute weight: beyond it scores leave the range in which sums are exact.
pub const WEIGHT_MAX: f32 = 1_000.0;
/// Largest absolute input: a clip watched so many times over counts no further.
const INPUT_MAX: f32 = 16.0;
/// The grain of amounts: 2⁻³². `HEADS · WEIGHT_MAX · INPUT_MAX` and a doubling by factors stay below 2¹⁹,
/// so a sum has at most 51 bits.
pub const QUANTUM: f64 = 1.0 / 4_294_967_296.0;

const _: () = assert!(HEADS as f32 * WEIGHT_MAX * INPUT_MAX * 2.0 < (1_u32 << 19) as f32);

/// Sums that are added up side by side: in any order they come to the same.
const SUMS: usize = 4;

const _: () = assert!(HEADS.is_multiple_of(SUMS));

/// The nearest multiple of [`QUANTUM`], for values below 2¹⁹: adding the shift leaves no room for bits
/// that stand further behind.
#[inline(always)]
fn on_grid(value: f64) -> f64 {
    const SHIFT: f64 = 1.5 * (1_u64 << 20) as f64;
    (value + SHIFT) - SHIFT
}

/// What each action is worth, in units of one full watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueModel {
    /// By head; negative for what viewers dislike. At most [`WEIGHT_MAX`] either way.
    pub weights: [f32; HEADS],
    /// By factor, 0 to 1: the share by which a new clip is lifted; the share that a sold-out clip loses.
    pub factors: [f32; FACTORS],
}

impl Default for ValueModel {
    /// Of the size of published weightings: a share is worth several likes, a dislike dozens.
    fn default() -> Self {
        Self {
            weights: [-0.8, 0.5, 1.0, 4.0, 12.0, 12.0, -40.0, 3.0, 8.0, 20.0, 1.2, 0.4],
            factors: [0.3, 0.4],
        }
    }
}

/// A score taken apart. [`Terms::score`] is the sum of all amounts, exactly and in any order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Terms {
    /// What each head adds.
    pub heads: [f64; HEADS],
    /// What each factor multiplied with; 1 where it did nothing.
    pub multipliers: [f64; FACTORS],
    /// What each factor added by that.
    pub factors: [f64; FACTORS],
    /// The sum.
    pub score: f64,
}

impl ValueModel {
    #[inline(always)]
    fn amount(&self, inputs: &Inputs, head: usize) -> f64 {
        let input = inputs.heads[head].clamp(-INPUT_MAX, INPUT_MAX);
        on_grid(f64::from(self.weights[head]) * f64::from(input))
    }

    #[inline(always)]
    fn multiplier(&self, inputs: &Inputs, factor: usize) -> f64 {
        let share = f64::from(self.factors[factor]) * f64::from(inputs.factors[factor]);
        if factor == 0 { 1.0 + share } else { 1.0 - share }
    }

    /// The score of one candidate. It depends on its inputs alone, so it may be cached and replayed.
    #[inline(always)]
    pub fn score(&self, inputs: &Inputs) -> f64 {
        let mut sums = [0.0; SUMS];
        for first in (0..HEADS).step_by(SUMS) {
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum += self.amount(inputs, first + place);
            }
        }
        let mut score = sums.iter().sum();
        if score > 0.0 {
            for factor in 0..FACTORS {
                score = on_grid(score * self.multiplier(inputs, factor));
            }
        }
        score
    }

    /// The scores of many, each as [`Self::score`] alone.
    pub fn score_all(&self, inputs: &[Inputs], into: &mut [f32]) {
        score_all(self, inputs, into);
    }

    /// The same score, taken apart.
    pub fn terms(&self, inputs: &Inputs) -> Terms {
        let heads = std::array::from_fn(|head| self.amount(inputs, head));
        let mut score: f64 = heads.iter().sum();
        let mut multipliers = [1.0; FACTORS];
        let mut factors = [0.0; FACTORS];
        if score > 0.0 {
            for factor in 0..FACTORS {
                multipliers[factor] = self.multiplier(inputs, factor);
                let multiplied = on_grid(score * multipliers[factor]);
                factors[factor] = multiplied - score;
                score = multiplied;
            }
        }
        Terms { heads, multipliers, factors, score }
    }

    /// Why the values cannot be used; `None` if they can.
    pub fn fault(&self) -> Option<String> {
        let bad = |weight: &f32| !weight.is_finite() || weight.abs() > WEIGHT_MAX;
        if let Some(head) = self.weights.iter().position(bad) {
            let name = Head::ALL[head].as_str();
            return Some(format!("weight_{name}: a number from -{WEIGHT_MAX} to {WEIGHT_MAX}"));
        }
        let bad = |share: &f32| !(0.0..=1.0).contains(share);
        let factor = self.factors.iter().position(bad)?;
        Some(format!("factor_{}: a number from 0 to 1", FACTOR_NAMES[factor]))
    }

    /// All its numbers, as they are stored with a page.
    pub fn to_numbers(&self) -> Vec<f32> {
        self.weights.iter().chain(&self.factors).copied().collect()
    }

    /// The model of stored numbers; those that are missing weigh nothing.
    pub fn from_numbers(numbers: &[f32]) -> Self {
        let at = |place: usize| numbers.get(place).copied().unwrap_or(0.0);
        Self {
            weights: std::array::from_fn(at),
            factors: std::array::from_fn(|factor| at(HEADS + factor)),
        }
    }

    /// A digest of the numbers: the same on all machines and in all releases.
    pub fn digest(&self) -> u64 {
        self.to_numbers().iter().fold(0x7661_6c75, |sum, number| {
            mix(sum ^ u64::from((number + 0.0).to_bits())) // Adding zero turns −0 into 0.
        })
    }
}

// Compiled for wide registers too; sums are exact, so the scores are the same.
#[multiversion(targets("x86_64+avx2"))]
fn score_all(model: &ValueModel, inputs: &[Inputs], into: &mut [f32]) {
    for (inputs, score) in inputs.iter().zip(into) {
        *score = model.score(inputs) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usual() -> Inputs {
        Inputs {
            heads: [0.35, 0.35, 0.55, 0.04, 0.005, 0.003, 0.005, 0.03, 0.0024, 0.0006, 0.0, 0.0],
            factors: [0.0, 0.0],
        }
    }

    #[test]
    fn every_good_sign_lifts_and_every_bad_one_lowers() {
        let model = ValueModel::default();
        let base = model.score(&usual());
        assert!(base > 0.0);
        for head in Head::ALL {
            let mut inputs = usual();
            inputs.heads[head as usize] += 0.1;
            let lifts = !matches!(head, Head::Skip | Head::NotInterested);
            assert_eq!(model.score(&inputs) > base, lifts, "{head:?}");
        }
        let fresh = Inputs { factors: [1.0, 0.0], ..usual() };
        let sold_out = Inputs { factors: [0.0, 1.0], ..usual() };
        assert!(model.score(&fresh) > base && model.score(&sold_out) < base);
    }

    #[test]
    fn a_multiplier_never_helps_what_is_disliked() {
        let model = ValueModel::default();
        let mut disliked = usual();
        disliked.heads[Head::NotInterested as usize] = 0.5;
        let score = model.score(&disliked);
        assert!(score < 0.0);
        for factors in [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]] {
            let inputs = Inputs { factors, ..disliked };
            assert_eq!(model.score(&inputs).to_bits(), score.to_bits());
            assert_eq!(model.terms(&inputs).multipliers.map(f64::to_bits), [1.0_f64.to_bits(); 2]);
        }
    }

    #[test]
    fn the_digest_follows_every_number_and_nothing_else() {
        let model = ValueModel::default();
        assert_eq!(model.digest(), ValueModel::from_numbers(&model.to_numbers()).digest());
        for place in 0..HEADS + FACTORS {
            let mut numbers = model.to_numbers();
            numbers[place] += 0.01;
            assert_ne!(ValueModel::from_numbers(&numbers).digest(), model.digest(), "{place}");
        }
        assert_eq!(
            model.digest(),
            15_409_684_879_908_516_343,
            "slates of earlier releases name it"
        );
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert_eq!(ValueModel::default().fault(), None);
        let with = |place: usize, value: f32| {
            let mut numbers = ValueModel::default().to_numbers();
            numbers[place] = value;
            ValueModel::from_numbers(&numbers).fault()
        };
        assert!(with(3, f32::NAN).unwrap().starts_with("weight_like"));
        assert!(with(0, -1_001.0).unwrap().starts_with("weight_skip"));
        assert!(with(HEADS, 1.1).unwrap().starts_with("factor_freshness"));
        assert!(with(HEADS + 1, -0.1).unwrap().starts_with("factor_sold_out"));
    }

    proptest! {
        /// In whatever order the terms are added, the sum is the score to the last bit.
        #[test]
        fn terms_add_up_exactly_in_any_order(
            weights in proptest::array::uniform12(-WEIGHT_MAX..WEIGHT_MAX),
            heads in proptest::array::uniform12(-20_f32..20.0),
            shares in proptest::array::uniform2(0_f32..=1.0),
            factors in proptest::array::uniform2(0_f32..=1.0),
            turn in 0_usize..14,
        ) {
            let model = ValueModel { weights, factors: shares };
            let inputs = Inputs { heads, factors };
            let terms = model.terms(&inputs);
            prop_assert_eq!(terms.score.to_bits(), model.score(&inputs).to_bits());
            let mut amounts: Vec<f64> = terms.heads.iter().chain(&terms.factors).copied().collect();
            amounts.rotate_left(turn);
            let forward: f64 = amounts.iter().sum();
            let backward: f64 = amounts.iter().rev().sum();
            prop_assert_eq!(forward.to_bits(), (terms.score + 0.0).to_bits());
            prop_assert_eq!(backward.to_bits(), (terms.score + 0.0).to_bits());
        }
    }
}
