//! What events mean: lasting relations, a clip's counters, and what they say about taste.

use crate::domain::event::EventKind;
use crate::domain::time::{DAY_MS, SECOND_MS, Timestamp};

/// Half-life of a clip's counters: what happened three days ago counts half.
pub const COUNTER_HALF_LIFE_MS: i64 = 3 * DAY_MS;
/// Half-life of a viewer's tastes: they last longer than a clip's moment.
pub const TASTE_HALF_LIFE_MS: i64 = 14 * DAY_MS;
/// A watch shorter than this is a skip (the field's usual border).
pub const SKIP_MS: u32 = 2_000;

/// Something between a viewer and a clip or creator that lasts until it is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The viewer likes the clip.
    Like,
    /// The viewer keeps the clip.
    Save,
    /// The viewer follows the account.
    Follow,
    /// The viewer wants nothing of the account.
    Block,
}

impl Relation {
    /// All, in the order of their stored numbers.
    pub const ALL: [Self; 4] = [Self::Like, Self::Save, Self::Follow, Self::Block];
}

/// What is counted about a clip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counter {
    /// Times it came into view.
    Impressions,
    /// Times it was watched.
    Views,
    /// … shorter than [`SKIP_MS`].
    Skips,
    /// … to the end, or in loops.
    Finishes,
    /// Sum of watched fractions, each at most 3.
    Watched,
    /// Likes and saves.
    Likes,
    /// Passed on.
    Shares,
    /// Its creator was followed from it.
    Follows,
    /// Not interested, hidden, reported.
    Negatives,
    /// A card was tapped or its sheet opened.
    Taps,
    /// Put into a cart or taken to a checkout.
    Carts,
    /// Lines sold.
    Purchases,
}

/// How many counters there are.
pub const COUNTERS: usize = 12;

/// One clip's counters: decayed ones for ranking, whole ones for display. All decayed counters share
/// one instant, so that reading them costs one power.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClipCounters {
    /// Decayed to `at_s`.
    pub decayed: [f32; COUNTERS],
    /// The instant of the last event in Unix seconds: with whole seconds all fits one cache line.
    pub at_s: u32,
    /// Watches ever.
    pub plays: u32,
    /// Present likes.
    pub likes: u32,
    /// Shares ever.
    pub shares: u32,
}

impl Default for ClipCounters {
    fn default() -> Self {
        Self { decayed: [0.0; COUNTERS], at_s: 0, plays: 0, likes: 0, shares: 0 }
    }
}

/// What is left after `age_ms` of something with that half-life: `2^(−age / half_life)`. A negative age
/// counts as zero: nodes may disagree by a few milliseconds.
#[inline]
pub fn decay(age_ms: i64, half_life_ms: i64) -> f32 {
    power_of_two(fade(age_ms, half_life_ms))
}

/// The power of two that [`decay`] is; for many at once, see [`powers_of_two`].
#[inline]
pub fn fade(age_ms: i64, half_life_ms: i64) -> f32 {
    -(age_ms.max(0) as f32) / half_life_ms as f32
}

/// Replaces each `x` ≤ 0 by `2^x`. The processor computes several at once, each as if it were alone.
pub fn powers_of_two(values: &mut [f32]) {
    for value in values {
        *value = power_of_two(*value);
    }
}

/// `2^x` for `x` ≤ 0, right to the last bit or two; 0 below the smallest normal number.
///
/// `f32::exp2` asks the C library, whose last bits differ between systems and releases, while a slate
/// must be recomputable anywhere; and it cannot be inlined into loops over candidates.
#[inline]
fn power_of_two(x: f32) -> f32 {
    /// Numbers of this size have no digits behind the point: adding it rounds, and leaves the whole
    /// number in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x.max(-126.0) + ROUND;
    // What is left of the nearest whole number lies in −½..½, where the Taylor series of 2^r is short.
    let r = x.max(-126.0) - (shifted - ROUND);
    let series = 0.001_333_356 + r * 0.000_154_035_3;
    let series = 0.055_504_11 + r * (0.009_618_129 + r * series);
    let series = 1.0 + r * (std::f32::consts::LN_2 + r * (0.240_226_5 + r * series));
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    let power = series * f32::from_bits(exponent << 23);
    if x < -126.0 { 0.0 } else { power }
}

/// Whole Unix seconds, 0 before 1970 and the last second of 2105 after it.
#[inline]
pub fn unix_s(at: Timestamp) -> u32 {
    u32::try_from((at.unix_ms() / SECOND_MS).max(0)).unwrap_or(u32::MAX)
}

impl ClipCounters {
    /// The decayed value of one counter at the instant of the last event.
    #[inline]
    pub fn get(&self, counter: Counter) -> f32 {
        self.decayed[counter as usize]
    }

    /// What is left of the decayed counters at `now`.
    #[inline]
    pub fn left(&self, now: Timestamp) -> f32 {
        power_of_two(self.fade(unix_s(now)))
    }

    /// The power of two that [`Self::left`] is.
    #[inline]
    pub fn fade(&self, now_s: u32) -> f32 {
        fade(i64::from(now_s.saturating_sub(self.at_s)) * SECOND_MS, COUNTER_HALF_LIFE_MS)
    }

    /// Takes in one event on a clip of that length.
    pub fn apply(&mut self, kind: EventKind, duration_ms: u32, at: Timestamp) {
        let left = self.left(at);
        self.decayed.iter_mut().for_each(|value| *value *= left);
        self.at_s = self.at_s.max(unix_s(at));
        let mut add = |counter: Counter, amount: f32| self.decayed[counter as usize] += amount;
        match kind {
            EventKind::Impression => add(Counter::Impressions, 1.0),
            EventKind::Watch { watch_ms, loops } => {
                let fraction = watched_fraction(watch_ms, duration_ms);
                add(Counter::Views, 1.0);
                add(Counter::Watched, fraction);
                if is_skip(watch_ms, duration_ms) {
                    add(Counter::Skips, 1.0);
                }
                if is_finish(watch_ms, duration_ms, loops) {
                    add(Counter::Finishes, 1.0);
                }
                self.plays = self.plays.saturating_add(1);
            }
            EventKind::Like => {
                add(Counter::Likes, 1.0);
                self.likes = self.likes.saturating_add(1);
            }
            EventKind::Unlike => {
                add(Counter::Likes, -1.0);
                self.likes = self.likes.saturating_sub(1);
            }
            EventKind::Save => add(Counter::Likes, 1.0),
            EventKind::Unsave => add(Counter::Likes, -1.0),
            EventKind::Share => {
                add(Counter::Shares, 1.0);
                self.shares = self.shares.saturating_add(1);
            }
            EventKind::Follow => add(Counter::Follows, 1.0),
            EventKind::NotInterested | EventKind::HideCreator | EventKind::Report => {
                add(Counter::Negatives, 1.0);
            }
            EventKind::TagTap | EventKind::PreviewOpen => add(Counter::Taps, 1.0),
            EventKind::AddToCart | EventKind::CheckoutStart => add(Counter::Carts, 1.0),
            EventKind::Purchase => add(Counter::Purchases, 1.0),
            EventKind::Return => add(Counter::Purchases, -1.0),
            EventKind::Unfollow
            | EventKind::UnhideCreator
            | EventKind::TagImpression
            | EventKind::VariantSelect => {}
        }
        // A thing taken back may have decayed less than the thing itself.
        self.decayed.iter_mut().for_each(|value| *value = value.max(0.0));
    }
}

/// From this fraction on a clip counts as watched to the end: players stop a frame or two early.
const FINISHED: f32 = 0.9;

/// Whether a watch was a skip.
pub fn is_skip(watch_ms: u32, duration_ms: u32) -> bool {
    watch_ms < SKIP_MS && watched_fraction(watch_ms, duration_ms) < FINISHED
}

/// Whether a watch went to the end.
pub fn is_finish(watch_ms: u32, duration_ms: u32, loops: u32) -> bool {
    loops > 0 || watched_fraction(watch_ms, duration_ms) >= FINISHED
}

/// How much of a clip was watched; three loops say all there is to say.
pub fn watched_fraction(watch_ms: u32, duration_ms: u32) -> f32 {
    (watch_ms as f32 / duration_ms.max(1) as f32).min(3.0)
}

/// How much an event says about its viewer's taste for what the clip stands for (creator, hashtags,
/// category, product). Negative for dislike, zero for nothing.
pub fn taste(kind: EventKind, duration_ms: u32) -> f32 {
    match kind {
        EventKind::Watch { watch_ms, .. } => {
            let fraction = watched_fraction(watch_ms, duration_ms);
            if is_skip(watch_ms, duration_ms) { -0.3 } else { fraction.min(1.5) }
        }
        EventKind::Like | EventKind::Save => 2.0,
        EventKind::Unlike | EventKind::Unsave => -2.0,
        EventKind::Unfollow | EventKind::NotInterested => -4.0,
        EventKind::HideCreator | EventKind::Report => -8.0,
        EventKind::TagTap | EventKind::PreviewOpen => 1.5,
        EventKind::VariantSelect => 0.5,
        EventKind::Share | EventKind::AddToCart | EventKind::CheckoutStart => 3.0,
        EventKind::Follow | EventKind::Purchase => 4.0,
        EventKind::Return => -1.0,
        EventKind::Impression | EventKind::UnhideCreator | EventKind::TagImpression => 0.0,
    }
}

/// How much an event adds to a clip's standing among what is popular now; never negative, so that a
/// clip only falls by time.
pub fn heat(kind: EventKind, duration_ms: u32) -> f32 {
    match kind {
        EventKind::Watch { watch_ms, .. } if watch_ms >= SKIP_MS => {
            watched_fraction(watch_ms, duration_ms)
        }
        EventKind::Like | EventKind::Save | EventKind::TagTap | EventKind::PreviewOpen => 2.0,
        EventKind::Share | EventKind::Follow | EventKind::AddToCart => 4.0,
        EventKind::CheckoutStart => 5.0,
        EventKind::Purchase => 10.0,
        EventKind::Watch { .. }
        | EventKind::Impression
        | EventKind::Unlike
        | EventKind::Unsave
        | EventKind::Unfollow
        | EventKind::NotInterested
        | EventKind::HideCreator
        | EventKind::UnhideCreator
        | EventKind::Report
        | EventKind::TagImpression
        | EventKind::VariantSelect
        | EventKind::Return => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_are_right() {
        for step in 0..=12_600_u16 {
            let x = -f32::from(step) / 100.0;
            let (ours, exact) = (f64::from(power_of_two(x)), f64::from(x).exp2());
            assert!((ours / exact - 1.0).abs() < 3e-7, "2^{x}: {ours} for {exact}");
        }
        let mut many: Vec<f32> = (0..999_u16).map(|step| -f32::from(step) / 7.0).collect();
        let one_by_one: Vec<f32> = many.iter().map(|x| power_of_two(*x)).collect();
        powers_of_two(&mut many);
        assert_eq!(many, one_by_one);
        assert_eq!(power_of_two(0.0).to_bits(), 1.0_f32.to_bits());
        assert_eq!(power_of_two(-3.0).to_bits(), 0.125_f32.to_bits());
        assert_eq!(power_of_two(-200.0).to_bits(), 0);
        assert_eq!(power_of_two(f32::NEG_INFINITY).to_bits(), 0);
    }

    #[test]
    fn a_counter_halves_in_its_half_life_and_like_and_unlike_cancel() {
        let mut counters = ClipCounters::default();
        let at = Timestamp::from_unix_ms(DAY_MS);
        counters.apply(EventKind::Share, 10_000, at);
        counters.apply(EventKind::Impression, 10_000, at.plus_ms(COUNTER_HALF_LIFE_MS));
        assert!((counters.get(Counter::Shares) - 0.5).abs() < 1e-6);
        counters.apply(EventKind::Like, 10_000, at);
        counters.apply(EventKind::Unlike, 10_000, at.plus_ms(COUNTER_HALF_LIFE_MS * 9));
        assert!(counters.likes == 0 && counters.get(Counter::Likes) < 1e-6);
    }

    #[test]
    fn a_short_clip_watched_to_its_end_is_no_skip() {
        let mut counters = ClipCounters::default();
        let watch = |watch_ms| EventKind::Watch { watch_ms, loops: 0 };
        counters.apply(watch(1_500), 1_500, Timestamp::EPOCH);
        let near = |counter, value: f32| (counters.get(counter) - value).abs() < 1e-6;
        assert!(near(Counter::Skips, 0.0) && near(Counter::Finishes, 1.0));
        counters.apply(watch(1_500), 30_000, Timestamp::EPOCH);
        assert!((counters.get(Counter::Skips) - 1.0).abs() < 1e-6);
        assert!(taste(watch(1_500), 30_000) < 0.0 && taste(watch(1_500), 1_500) > 0.0);
    }

    proptest! {
        #[test]
        fn counters_stay_finite_and_never_negative(
            steps in proptest::collection::vec((0_usize..20, 0_i64..10 * DAY_MS, 0_u32..100_000), 0..100)
        ) {
            const KINDS: [EventKind; 6] = [
                EventKind::Like, EventKind::Unlike, EventKind::Share, EventKind::Purchase,
                EventKind::Return, EventKind::Watch { watch_ms: 9_000, loops: 1 },
            ];
            let mut counters = ClipCounters::default();
            for (kind, at, duration) in steps {
                counters.apply(KINDS[kind % KINDS.len()], duration, Timestamp::from_unix_ms(at));
                prop_assert!(counters.decayed.iter().all(|v| v.is_finite() && *v >= 0.0));
            }
        }
    }
}
