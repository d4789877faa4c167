//! What a list of recommendations is worth, by the usual measures of a full ranking.

/// Draws of a bootstrap; bounds of 95 % are settled to a few thousandths of their width by then.
const DRAWS: usize = 1_000;

/// The value of hits at ranks 0.., where the ideal list has `relevant` hits first: discounted gain
/// over the ideal one.
pub fn ndcg(hits: &[bool], relevant: usize) -> f64 {
    let ideal: f64 = (0..relevant.min(hits.len())).map(discount).sum();
    let gained: f64 =
        hits.iter().enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| discount(rank)).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

/// The worth of a hit at a rank, counted from 0.
pub fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// A mean with the bounds that hold 95 % of the means of as many values drawn from the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// The mean itself.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Mean {
    /// Of these values; the seed decides the draws.
    pub fn of(values: &[f64], seed: u64) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len();
        let mut chance = Chance(seed);
        let mut means: Vec<f64> = (0..DRAWS)
            .map(|_| (0..count).map(|_| values[chance.below(count)]).sum::<f64>() / count as f64)
            .collect();
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[(share * (DRAWS - 1) as f64).round() as usize];
        let value = values.iter().sum::<f64>() / count as f64;
        Self { value, low: at(0.025), high: at(0.975) }
    }
}

/// SplitMix64: good enough for draws, and the same everywhere.
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// The share of the catalogue that some list has, and how unevenly listings fall on it (Gini): 0 if
/// all items are listed equally often, near 1 if few take all.
pub fn coverage(lists: &[Vec<u32>], catalogue: usize) -> (f64, f64) {
    let mut counts = vec![0_u32; catalogue];
    for &item in lists.iter().flatten() {
        counts[item as usize] += 1;
    }
    spread(counts)
}

/// The share of `counts` that are above zero, and how uneven they are (Gini).
pub fn spread(mut counts: Vec<u32>) -> (f64, f64) {
    let catalogue = counts.len();
    let listed = counts.iter().filter(|&&count| count > 0).count();
    counts.sort_unstable();
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    if total == 0.0 {
        return (0.0, 0.0);
    }
    let n = catalogue as f64;
    let weighted: f64 = counts
        .iter()
        .enumerate()
        .map(|(rank, &count)| (2.0 * (rank as f64 + 1.0) - n - 1.0) * f64::from(count))
        .sum();
    (listed as f64 / n, weighted / (n * total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_those_of_the_textbook() {
        let hits = [true, false, true];
        let exact = (1.0 + 1.0 / 4.0_f64.log2()) / (1.0 + 1.0 / 3.0_f64.log2());
        assert!((ndcg(&hits, 2) - exact).abs() < 1e-12);
        assert!((ndcg(&[true; 3], 9) - 1.0).abs() < 1e-12);
        assert!(ndcg(&[false; 3], 2).abs() < 1e-12 && ndcg(&[], 0).abs() < 1e-12);
    }

    #[test]
    fn bounds_enclose_the_mean_and_follow_the_seed() {
        let values: Vec<f64> = (0..400).map(|n| f64::from(n % 7)).collect();
        let mean = Mean::of(&values, 7);
        assert!(mean.low < mean.value && mean.value < mean.high);
        // The standard error is 2.0 / 20: the bounds are two of them away.
        assert!((mean.high - mean.low - 0.39).abs() < 0.05, "{mean:?}");
        assert_eq!(mean, Mean::of(&values, 7));
        assert_ne!(mean, Mean::of(&values, 8));
    }

    #[test]
    fn coverage_counts_items_once_and_gini_tells_even_from_uneven() {
        let (share, gini) = coverage(&[vec![0, 1], vec![1, 0]], 4);
        assert!((share - 0.5).abs() < 1e-12 && (gini - 0.5).abs() < 1e-12, "{share} {gini}");
        let (share, gini) = coverage(&[vec![0, 1], vec![2, 3]], 4);
        assert!((share - 1.0).abs() < 1e-12 && gini.abs() < 1e-12, "{share} {gini}");
    }
}
