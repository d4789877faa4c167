//! What is popular now, per market, kept in order as events come in.
//!
//! A clip's heat is `Σ weight · 2^((t − now) / half_life)` over its events. All heats fade alike, so
//! their order does not change between events: it is enough to keep the logarithm of
//! `Σ weight · 2^(t / half_life)` ("Forward Decay", Cormode et al., ICDE 2009), which only grows. The
//! best are in a sorted list of bounded length; an event moves one entry.

use rustc_hash::FxHashMap;

use crate::domain::time::{DAY_MS, Timestamp};

/// What is popular now fades within days.
const HALF_LIFE_MS: f64 = 2.0 * DAY_MS as f64;
/// Entries kept in order per market: several times what a page asks for.
pub(super) const BOARD_LEN: usize = 512;

/// The heat of one weighted event at `at`.
pub(super) fn of_event(weight: f32, at: Timestamp) -> f64 {
    f64::from(weight).log2() + at.unix_ms() as f64 / HALF_LIFE_MS
}

/// The heat of both together.
fn plus(a: f64, b: f64) -> f64 {
    let (high, low) = if a >= b { (a, b) } else { (b, a) };
    high + (low - high).exp2().ln_1p() * std::f64::consts::LOG2_E
}

/// The heats of one market.
#[derive(Debug, Default)]
pub(super) struct Board {
    heats: FxHashMap<u32, f64>,
    /// The hottest, hottest first; of equals the lower ordinal first.
    top: Vec<(f64, u32)>,
}

fn hotter(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

impl Board {
    /// Adds heat to a clip.
    pub(super) fn add(&mut self, ordinal: u32, heat: f64) {
        let old = self.heats.get(&ordinal).copied();
        let new = old.map_or(heat, |old| plus(old, heat));
        self.heats.insert(ordinal, new);
        if let Some(old) = old
            && let Ok(place) = self.top.binary_search_by(|entry| hotter(entry, &(old, ordinal)))
        {
            self.top.remove(place);
        }
        let entry = (new, ordinal);
        let place = self.top.partition_point(|other| hotter(other, &entry).is_lt());
        if place < BOARD_LEN {
            self.top.insert(place, entry);
            self.top.truncate(BOARD_LEN);
        }
    }

    /// Forgets a clip. When half of the list is gone it is made anew, which costs one pass per that
    /// many removals.
    pub(super) fn remove(&mut self, ordinal: u32) {
        let Some(old) = self.heats.remove(&ordinal) else { return };
        if let Ok(place) = self.top.binary_search_by(|entry| hotter(entry, &(old, ordinal))) {
            self.top.remove(place);
        }
        if self.top.len() < BOARD_LEN / 2 && self.heats.len() > self.top.len() {
            self.top = self.heats.iter().map(|(&ordinal, &heat)| (heat, ordinal)).collect();
            self.top.sort_unstable_by(hotter);
            self.top.truncate(BOARD_LEN);
        }
    }

    /// The hottest clips, hottest first.
    pub(super) fn top(&self) -> impl Iterator<Item = u32> {
        self.top.iter().map(|&(_, ordinal)| ordinal)
    }

    /// The heat of a clip, if it has any.
    pub(super) fn heat(&self, ordinal: u32) -> Option<f64> {
        self.heats.get(&ordinal).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The incremental list is the sorted list, whatever was added and removed.
        #[test]
        fn the_board_is_sorted_and_complete(
            steps in proptest::collection::vec((0_u32..700, 0_i64..20, prop::bool::weighted(0.2)), 0..1500)
        ) {
            let mut board = Board::default();
            for (ordinal, day, removed) in steps {
                if removed {
                    board.remove(ordinal);
                } else {
                    board.add(ordinal, of_event(1.0, Timestamp::from_unix_ms(day * DAY_MS)));
                }
            }
            let mut all: Vec<(f64, u32)> = board.heats.iter().map(|(&o, &h)| (h, o)).collect();
            all.sort_unstable_by(hotter);
            let top: Vec<u32> = board.top().collect();
            let expected: Vec<u32> = all.iter().map(|&(_, ordinal)| ordinal).collect();
            prop_assert!(top.len() >= expected.len().min(BOARD_LEN / 2));
            prop_assert_eq!(&top[..], &expected[..top.len()]);
        }
    }

    #[test]
    fn newer_heat_weighs_more_and_heats_add_up() {
        let at = |day: i64| Timestamp::from_unix_ms(day * DAY_MS);
        assert!(of_event(1.0, at(2)) > of_event(1.9, at(0)));
        let twice = plus(of_event(1.0, at(20_000)), of_event(1.0, at(20_000)));
        assert!((twice - of_event(2.0, at(20_000))).abs() < 1e-9);
    }
}
