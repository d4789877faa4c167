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

/// The indices of `scores` in order, best first. `ids` tell candidates apart and must be as many.
pub fn ranked(scores: impl Iterator<Item = (f32, u64)>, seed: u64) -> Vec<u32> {
    let mut keys: Vec<((u32, u64), u32)> = scores
        .enumerate()
        .map(|(index, (score, candidate))| (key(score, candidate, seed), index as u32))
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_finite_sinks() {
        let scores = [f32::NAN, 1.0, f32::INFINITY, -5.0, f32::NEG_INFINITY, 0.0, -0.0, 2.0];
        let order = ranked(scores.iter().copied().zip(0..), 7);
        assert_eq!(&order[..2], &[7, 1]);
        assert_eq!(order[4], 3);
        assert!(order[5..].iter().all(|&index| !scores[index as usize].is_finite()));
    }

    proptest! {
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
