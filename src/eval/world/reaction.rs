//! What a viewer makes of a clip: odds that only the world knows, what comes of them, and what it is
//! worth.
//!
//! A reaction is drawn from the seed, the viewer, the clip and the day, so two policies that show one
//! viewer one clip on one day see the same reaction.

use super::World;
use super::chance::{Draw, logistic, uniform};
use super::people::Taste;
use crate::domain::engagement::SKIP_MS;

const BOND: u64 = 5;
const REACTION: u64 = 6;

/// What things are worth to the world. It is fixed, and no input of the ranking.
#[derive(Clone, Copy, Debug)]
pub struct Utility {
    /// A watched second.
    pub watch_s: f64,
    /// A clip that was skipped.
    pub skip: f64,
    /// A like.
    pub like: f64,
    /// A share.
    pub share: f64,
    /// A creator followed.
    pub follow: f64,
    /// Not interested, or the creator hidden.
    pub dislike: f64,
    /// A tap on a product.
    pub tap: f64,
    /// Put into the cart.
    pub cart: f64,
    /// A purchase.
    pub buy: f64,
}

/// The utility of every world.
pub const UTILITY: Utility = Utility {
    watch_s: 0.1,
    skip: -0.5,
    like: 1.0,
    share: 3.0,
    follow: 3.0,
    dislike: -5.0,
    tap: 0.5,
    cart: 2.0,
    buy: 10.0,
};

/// Deviation of the logarithm of the watched part.
const SPREAD: f64 = 0.6;
/// Most loops of one showing, as a part of the clip.
const PART_MAX: f64 = 3.0;
/// How long a skipped clip was on the screen, in seconds: uniform between these.
const SKIPPED_S: (f64, f64) = (0.3, 1.9);

/// The chances of one viewer before one clip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    duration_s: f64,
    skip: f64,
    /// Mean of the logarithm of the watched part, unless it is skipped.
    part_ln: f64,
    /// What follows, given that it is not skipped.
    like: f64,
    share: f64,
    follow: f64,
    tap: f64,
    /// Given a tap.
    cart: f64,
    buy: f64,
    /// Whatever came before.
    dislike: f64,
}

/// What a viewer did.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an event that may come with any other")]
pub(super) struct Reaction {
    pub(super) watch_ms: u32,
    pub(super) is_skip: bool,
    pub(super) likes: bool,
    pub(super) shares: bool,
    pub(super) follows: bool,
    pub(super) taps: bool,
    pub(super) carts: bool,
    pub(super) buys: bool,
    pub(super) dislikes: bool,
    /// Whether a dislike goes against the creator.
    pub(super) hides: bool,
}

/// What a clip offers to this viewer at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    /// The product that would be tapped, and whether it is there.
    pub(super) good: Option<(u32, bool)>,
    /// Whether the viewer follows the creator already.
    pub(super) follows: bool,
}

impl Odds {
    /// Of a viewer with that taste before a clip, both by their numbers.
    pub(super) fn of(
        world: &World,
        (viewer, taste): (u32, &Taste),
        film: u32,
        now: Moment,
    ) -> Self {
        let person = &world.viewers[viewer as usize];
        let film = &world.films[film as usize];
        let liking: f32 =
            film.topics.iter().map(|&(topic, part)| part * taste[usize::from(topic)]).sum();
        // Some creators suit a viewer for no reason that can be seen.
        let bond = uniform(&[world.seed, BOND, u64::from(viewer), u64::from(film.creator)]) - 0.5;
        let appeal = 2.2 * f64::from(liking) + 0.6 * film.quality + 1.2 * bond - 0.4;
        let duration_s = f64::from(film.duration_ms) / 1_000.0;
        let (tap, cart, buy) = now.good.map_or((0.0, 0.0, 0.0), |(good, is_there)| {
            let good = &world.goods[good as usize];
            let want = f64::from(taste[usize::from(good.topic)]) * 1.5 + good.appeal;
            let tap = logistic(-3.4 + 0.6 * appeal + 0.6 * want + person.tap);
            if !is_there {
                return (0.4 * tap, 0.0, 0.0);
            }
            let price = person.thrift * good.dearness;
            (tap, logistic(-1.6 + want - price), logistic(-4.2 + want - price + person.buy))
        });
        Self {
            duration_s,
            skip: logistic(-0.2 - 1.3 * appeal),
            part_ln: -0.6 + 0.45 * appeal - 0.6 * (duration_s / 15.0).ln(),
            like: logistic(-3.6 + appeal + person.like),
            share: logistic(-5.4 + appeal + person.share),
            follow: if now.follows { 0.0 } else { logistic(-5.4 + 1.2 * appeal + person.follow) },
            tap,
            cart,
            buy,
            dislike: logistic(-5.2 - 1.3 * appeal),
        }
    }

    /// The true value of showing the clip.
    pub(super) fn value(&self) -> f64 {
        let worth = UTILITY;
        let shop = self.tap * (worth.tap + self.cart * worth.cart + self.buy * worth.buy);
        let kept = worth.watch_s * self.duration_s * mean_part(self.part_ln)
            + worth.like * self.like
            + worth.share * self.share
            + worth.follow * self.follow
            + shop;
        let skipped = worth.watch_s * f64::midpoint(SKIPPED_S.0, SKIPPED_S.1) + worth.skip;
        self.skip * skipped + (1.0 - self.skip) * kept + self.dislike * worth.dislike
    }

    /// What this viewer does on that day. All numbers are drawn in any case: what is sold out changes
    /// nothing but itself.
    pub(super) fn draw(&self, seed: u64, (viewer, film, day): (u32, u32, u32)) -> Reaction {
        let parts = [seed, REACTION, u64::from(viewer), u64::from(film), u64::from(day)];
        let mut draw = Draw::of(&parts);
        let is_skip = draw.happens(self.skip);
        let skipped_s = SKIPPED_S.0 + draw.uniform() * (SKIPPED_S.1 - SKIPPED_S.0);
        let part = (self.part_ln + SPREAD * draw.normal()).exp().min(PART_MAX);
        let [likes, shares, follows, taps, carts, buys] =
            [self.like, self.share, self.follow, self.tap, self.cart, self.buy]
                .map(|chance| draw.happens(chance) && !is_skip);
        let watch_s = if is_skip { skipped_s } else { self.duration_s * part };
        let dislikes = draw.happens(self.dislike);
        let hides = draw.happens(0.15) && dislikes;
        Reaction {
            watch_ms: (watch_s * 1_000.0).round() as u32,
            is_skip,
            likes,
            shares,
            follows,
            taps,
            carts: taps && carts,
            buys: taps && buys,
            dislikes,
            hides,
        }
    }
}

impl Reaction {
    /// What it was worth.
    pub(super) fn value(&self) -> f64 {
        let worth = UTILITY;
        let of = |happened: bool, worth: f64| if happened { worth } else { 0.0 };
        worth.watch_s * f64::from(self.watch_ms) / 1_000.0
            + of(self.is_skip, worth.skip)
            + of(self.likes, worth.like)
            + of(self.shares, worth.share)
            + of(self.follows, worth.follow)
            + of(self.dislikes, worth.dislike)
            + of(self.taps, worth.tap)
            + of(self.carts, worth.cart)
            + of(self.buys, worth.buy)
    }
}

const _: () = assert!(SKIPPED_S.1 * 1_000.0 < SKIP_MS as f64, "the engine calls it a skip too");

/// The mean of a lognormal part that ends at [`PART_MAX`].
fn mean_part(ln: f64) -> f64 {
    let cap = PART_MAX.ln();
    let below = (ln + SPREAD * SPREAD / 2.0).exp() * normal_below((cap - ln) / SPREAD - SPREAD);
    below + PART_MAX * (1.0 - normal_below((cap - ln) / SPREAD))
}

/// The distribution function of the standard normal (Abramowitz and Stegun 26.2.17, right to 7.5e-8).
fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = 0.319_381_530
        + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429)));
    let above = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt() * t * series;
    if x >= 0.0 { 1.0 - above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_mean_of_what_is_drawn() {
        let odds = Odds {
            duration_s: 20.0,
            skip: 0.3,
            part_ln: 0.4,
            like: 0.1,
            share: 0.03,
            follow: 0.02,
            tap: 0.3,
            cart: 0.3,
            buy: 0.2,
            dislike: 0.01,
        };
        let count = 200_000;
        let drawn: f64 = (0..count).map(|film| odds.draw(1, (2, film, 3)).value()).sum();
        let mean = drawn / f64::from(count);
        assert!((mean / odds.value() - 1.0).abs() < 0.02, "{mean} for {}", odds.value());
    }

    #[test]
    fn chances_are_common_but_for_what_a_policy_changes() {
        let odds = Odds {
            duration_s: 20.0,
            skip: 0.3,
            part_ln: 0.0,
            like: 0.3,
            share: 0.2,
            follow: 0.2,
            tap: 0.9,
            cart: 0.9,
            buy: 0.9,
            dislike: 0.1,
        };
        let sold_out = Odds { cart: 0.0, buy: 0.0, ..odds };
        let mut lost = 0;
        for film in 0..500 {
            let (here, there) = (odds.draw(7, (1, film, 2)), sold_out.draw(7, (1, film, 2)));
            lost += u32::from(here.buys);
            assert_eq!(Reaction { carts: false, buys: false, ..here }, there);
            assert_eq!(here, odds.draw(7, (1, film, 2)), "the same again");
        }
        assert!(lost > 100, "{lost}");
        let others =
            (0..500).filter(|&film| odds.draw(7, (1, film, 3)) == odds.draw(7, (1, film, 2)));
        assert!(others.count() < 5, "another day is another draw");
    }
}
