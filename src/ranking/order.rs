//! A total order on scored candidates: the same input always gives the same page.

/// A 64-bit mix (the finalizer of SplitMix64, Steele, Lea, Flood, OOPSLA 2014).
pub const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bits that sort like the score, best first. NaN and both infinities sink below every finite score: a
/// model that breaks must not reach the top.
fn descending(score: f32) -> u32 {
    if !score.is_finite() {
        return u32::MAX;
    }
    let bits = (score + 0.0).to_bits(); // Adding zero turns −0 into 0.
    let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    !ascending
}

/// The place of a candidate: ascending order of this key is best first. Equal scores are ordered by a
/// hash of seed and candidate, so that ties differ from session to session but not within one.
pub fn key(score: f32, candidate: u64, seed: u64) -> (u32, u64) {
    (descending(score), mix(candidate ^ seed))
}

/// How many more are put in order when more are asked for: a page with its rules looks at a few dozen.
const STEP: usize = 48;

/// Candidates by their indices, best first. The order is made as far as it is asked for: a page looks at
/// dozens of hundreds.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// The best that are left, in order.
    front: Vec<u32>,
    /// All that come after them, in no order.
    rest: Vec<((u32, u64), u32)>,
}

impl Ranking {
    /// Of candidates by their scores and the ids that tell them apart.
    pub fn new(scores: impl Iterator<Item = (f32, u64)>, seed: u64) -> Self {
        let place = |(index, (score, id))| (key(score, id, seed), index as u32);
        Self { front: Vec::new(), rest: scores.enumerate().map(place).collect() }
    }

    /// Candidates left.
    pub fn len(&self) -> usize {
        self.front.len() + self.rest.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The candidate at a place, from 0.
    pub fn get(&mut self, place: usize) -> Option<u32> {
        while self.front.len() <= place && !self.rest.is_empty() {
            let keep = self.rest.len().saturating_sub(STEP);
            // The best of the rest to its end, where they are cheap to take off.
            if keep > 0 {
                self.rest.select_nth_unstable_by(keep, |a, b| b.cmp(a));
            }
            let mut best = self.rest.split_off(keep);
            best.sort_unstable();
            self.front.extend(best.into_iter().map(|(_, index)| index));
        }
        self.front.get(place).copied()
    }

    /// Takes out the candidate at a place. The order of the others stays.
    pub fn remove(&mut self, place: usize) -> Option<u32> {
        self.get(place)?;
        Some(self.front.remove(place))
    }

    /// Takes out a candidate wherever it stands; `false` if it is not there.
    pub fn take_out(&mut self, index: u32) -> bool {
        if let Some(place) = self.front.iter().position(|&other| other == index) {
            self.front.remove(place);
            return true;
        }
        let place = self.rest.iter().position(|&(_, other)| other == index);
        place.map(|place| self.rest.swap_remove(place)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked(scores: impl Iterator<Item = (f32, u64)>, seed: u64) -> Vec<u32> {
        let mut ranking = Ranking::new(scores, seed);
        std::iter::from_fn(|| ranking.remove(0)).collect()
    }

    #[test]
    fn what_is_not_finite_sinks() {
        let scores = [f32::NAN, 1.0, f32::INFINITY, -5.0, f32::NEG_INFINITY, 0.0, -0.0, 2.0];
        let order = ranked(scores.iter().copied().zip(0..), 7);
        assert_eq!(&order[..2], &[7, 1]);
        assert_eq!(order[4], 3);
        assert!(order[5..].iter().all(|&index| !scores[index as usize].is_finite()));
    }

    proptest! {
        /// However it is asked, it answers as the whole sorted list would.
        #[test]
        fn the_order_is_that_of_the_whole(
            scores in proptest::collection::vec(-2_f32..2.0, 0..300), seed: u64,
            steps in proptest::collection::vec((0_usize..320, 0_u8..3), 0..60)
        ) {
            let ids = || scores.iter().map(|score| score.round()).zip(0..);
            let mut keys: Vec<_> = ids().map(|(score, id)| (key(score, id, seed), id as u32)).collect();
            keys.sort_unstable();
            let mut whole: Vec<u32> = keys.into_iter().map(|(_, index)| index).collect();
            let mut ranking = Ranking::new(ids(), seed);
            for (place, step) in steps {
                match step {
                    0 => prop_assert_eq!(ranking.get(place), whole.get(place).copied()),
                    1 => {
                        let there = (place < whole.len()).then(|| whole.remove(place));
                        prop_assert_eq!(ranking.remove(place), there);
                    }
                    _ => {
                        let there = whole.iter().position(|&index| index as usize == place);
                        prop_assert_eq!(ranking.take_out(place as u32), there.is_some());
                        there.map(|there| whole.remove(there));
                    }
                }
                prop_assert_eq!(ranking.len(), whole.len());
            }
        }

        #[test]
        fn the_order_is_total_and_independent_of_the_input_order(
            scores in proptest::collection::vec(prop::num::f32::ANY, 0..60), seed: u64
        ) {
            let items: Vec<(f32, u64)> = scores.iter().copied().zip(0..).collect();
            let forward: Vec<u64> = ranked(items.iter().copied(), seed)
                .into_iter().map(|index| items[index as usize].1).collect();
            let mut turned = items.clone();
            turned.reverse();
            let backward: Vec<u64> = ranked(turned.iter().copied(), seed)
                .into_iter().map(|index| turned[index as usize].1).collect();
            prop_assert_eq!(&forward, &backward);
            let finite: Vec<f32> = forward.iter()
                .map(|&id| scores[id as usize]).take_while(|score| score.is_finite()).collect();
            prop_assert!(finite.is_sorted_by(|a, b| a >= b));
        }
    }
}
