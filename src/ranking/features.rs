//! From counters and tastes to a row of named columns.

use crate::domain::engagement::{ClipCounters, Counter};
use crate::ranking::value::Inputs;

/// What the whole corpus does on average: where a clip without events starts.
///
/// The rates are those that the field publishes for short video feeds, rounded; they only have to be of
/// the right size, since a clip's own events take over after [`Priors::views`] of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priors {
    /// How many views the prior weighs as much as.
    pub views: f32,
    /// Watches that are skips.
    pub skip: f32,
    /// Watches to the end.
    pub finish: f32,
    /// Mean watched fraction.
    pub watched: f32,
    /// Likes or saves per view.
    pub like: f32,
    /// Shares per view.
    pub share: f32,
    /// Follows per view.
    pub follow: f32,
    /// Not interested, hidden or reported per view.
    pub negative: f32,
    /// Taps per view of a clip with products.
    pub tap: f32,
    /// Carts and checkouts per tap.
    pub cart: f32,
    /// Purchases per tap.
    pub buy: f32,
}

impl Default for Priors {
    fn default() -> Self {
        Self {
            views: 20.0,
            skip: 0.35,
            finish: 0.35,
            watched: 0.55,
            like: 0.04,
            share: 0.005,
            follow: 0.003,
            negative: 0.005,
            tap: 0.03,
            cart: 0.08,
            buy: 0.02,
        }
    }
}

/// One candidate's columns. Rates are probabilities after smoothing; `watched` is a fraction that may
/// pass 1 by loops.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Features {
    /// P(skip).
    pub skip: f32,
    /// P(finish).
    pub finish: f32,
    /// E[watched fraction].
    pub watched: f32,
    /// P(like or save).
    pub like: f32,
    /// P(share).
    pub share: f32,
    /// P(follow).
    pub follow: f32,
    /// P(not interested, hide, report).
    pub negative: f32,
    /// P(tap); zero without products.
    pub tap: f32,
    /// P(cart | tap).
    pub cart: f32,
    /// P(buy | tap).
    pub buy: f32,
    /// The viewer's taste for what the clip stands for, −1..1.
    pub affinity: f32,
    /// Whether the viewer follows the creator, 0 or 1.
    pub followed: f32,
    /// 1 for a clip published now, falling to 0.
    pub freshness: f32,
    /// Whether all its products are sold out, 0 or 1.
    pub sold_out: f32,
}

/// A rate smoothed towards what is usual: `(count + prior·strength) / (trials + strength)`, the mean of
/// the Beta posterior with that prior.
pub fn smoothed(count: f32, trials: f32, prior: f32, strength: f32) -> f32 {
    (count + prior * strength) / (trials + strength)
}

impl Features {
    /// What the value model reads of them.
    #[inline]
    pub fn inputs(&self) -> Inputs {
        Inputs {
            heads: [
                self.skip,
                self.finish,
                self.watched,
                self.like,
                self.share,
                self.follow,
                self.negative,
                self.tap,
                self.cart * self.tap,
                self.buy * self.tap,
                self.affinity,
                self.followed,
            ],
            factors: [self.freshness, self.sold_out],
        }
    }

    /// The columns that follow from a clip's counters, faded by `left` (0..1) since their last event.
    #[inline]
    pub fn from_counters(
        counters: &ClipCounters,
        left: f32,
        has_products: bool,
        priors: &Priors,
    ) -> Self {
        let count = |counter| counters.get(counter) * left;
        // `smoothed` with its division shared: all rates of one kind have the same trials.
        let strength = priors.views;
        let views = 1.0 / (count(Counter::Views) + strength);
        let taps = 1.0 / (count(Counter::Taps) + strength);
        let per_view = |counter, prior: f32| (count(counter) + prior * strength) * views;
        let per_tap = |counter, prior: f32| (count(counter) + prior * strength) * taps;
        Self {
            skip: per_view(Counter::Skips, priors.skip),
            finish: per_view(Counter::Finishes, priors.finish),
            watched: per_view(Counter::Watched, priors.watched),
            like: per_view(Counter::Likes, priors.like),
            share: per_view(Counter::Shares, priors.share),
            follow: per_view(Counter::Follows, priors.follow),
            negative: per_view(Counter::Negatives, priors.negative),
            tap: if has_products { per_view(Counter::Taps, priors.tap) } else { 0.0 },
            cart: per_tap(Counter::Carts, priors.cart),
            buy: per_tap(Counter::Purchases, priors.buy),
            ..Self::default()
        }
    }
}

/// A sum of tastes brought to −1..1: the first signals move it most.
#[inline]
pub fn squashed(sum: f32) -> f32 {
    sum / (4.0 + sum.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rates_are_smoothed(
            decayed in proptest::array::uniform12(0_f32..1e4), left in 0_f32..1.0
        ) {
            let counters = ClipCounters { decayed, ..ClipCounters::default() };
            let priors = Priors::default();
            let features = Features::from_counters(&counters, left, true, &priors);
            let count = |counter| counters.get(counter) * left;
            let rate = |counter, of, prior| smoothed(count(counter), count(of), prior, priors.views);
            let near = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
            prop_assert!(near(features.like, rate(Counter::Likes, Counter::Views, priors.like)));
            prop_assert!(near(features.tap, rate(Counter::Taps, Counter::Views, priors.tap)));
            prop_assert!(near(features.buy, rate(Counter::Purchases, Counter::Taps, priors.buy)));
        }

        #[test]
        fn a_smoothed_rate_lies_between_prior_and_observation(
            count in 0_f32..1e4, extra in 0_f32..1e4, prior in 0_f32..1.0, strength in 1_f32..100.0
        ) {
            let trials = count + extra + 1e-3;
            let rate = smoothed(count, trials, prior, strength);
            let observed = count / trials;
            prop_assert!(rate >= prior.min(observed) - 1e-4 && rate <= prior.max(observed) + 1e-4);
        }

        #[test]
        fn affinity_is_bounded_and_keeps_its_sign(sum in -1e6_f32..1e6) {
            let value = squashed(sum);
            prop_assert!(value.abs() <= 1.0 && value * sum >= 0.0);
        }
    }
}
