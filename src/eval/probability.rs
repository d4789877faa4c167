//! What predicted probabilities are worth: order, sharpness, honesty.
//!
//! The same measures as the protocol's own scorer: area under the curve with ties counted half, that area
//! within each user weighted by rows, log loss over the entropy of the mean label, and predicted over come.

use std::collections::BTreeMap;

use crate::ranking::order::mix;

/// Probabilities are held to this before a logarithm.
const P_MIN: f64 = 1e-6;
/// Resamples behind a confidence bound.
const RESAMPLES: u64 = 100;
/// Rows of a reliability table.
pub const BINS: usize = 10;

/// One prediction whose label is known.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// Whose row it was.
    pub user: u32,
    /// What was predicted.
    pub p: f32,
    /// What came.
    pub label: bool,
}

/// Rows whose predictions are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many.
    pub rows: usize,
    /// Their mean prediction.
    pub predicted: f64,
    /// Their mean label.
    pub came: f64,
}

/// See the module's head. What a window cannot tell (one label only) is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Rows with a known label.
    pub rows: usize,
    /// Share of ones.
    pub mean: f64,
    /// Area under the receiver's curve.
    pub auc: Option<f64>,
    /// Bounds within which 95 of 100 resamples of users have it.
    pub auc_bounds: Option<(f64, f64)>,
    /// Mean area within a user, weighted by rows, over users with both labels.
    pub gauc: Option<f64>,
    /// Mean negative log likelihood.
    pub log_loss: f64,
    /// Log loss over the entropy of the mean label.
    pub ne: Option<f64>,
    /// Sum of predictions over sum of labels.
    pub calibration: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Ten ranges of predictions with as many rows each.
    pub reliability: Vec<Bin>,
}

/// Judges predictions; `seed` chooses the resamples.
pub fn judge(rows: &[Judged], seed: u64) -> Quality {
    let count = rows.len().max(1) as f64;
    let ones = rows.iter().filter(|row| row.label).count() as f64;
    let mean = ones / count;
    let (mut loss, mut brier, mut predicted) = (0.0, 0.0, 0.0);
    for row in rows {
        let p = f64::from(row.p).clamp(P_MIN, 1.0 - P_MIN);
        loss -= if row.label { p.ln() } else { (1.0 - p).ln() };
        brier += (p - f64::from(u8::from(row.label))).powi(2);
        predicted += p;
    }
    let entropy = -(mean * mean.ln() + (1.0 - mean) * (1.0 - mean).ln());
    let log_loss = loss / count;
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.p.total_cmp(&b.p));
    Quality {
        rows: rows.len(),
        mean,
        auc: area(&sorted, |_| 1.0),
        auc_bounds: bounds(&sorted, seed),
        gauc: within_users(&sorted),
        log_loss,
        ne: (entropy > 0.0).then(|| log_loss / entropy),
        calibration: predicted / ones.max(1.0),
        brier: brier / count,
        reliability: reliability(&sorted),
    }
}

/// The area of rows sorted by prediction, each user weighted.
fn area(sorted: &[Judged], weight: impl Fn(u32) -> f64) -> Option<f64> {
    let (mut ones, mut zeros, mut won) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.p.total_cmp(&b.p).is_eq()) {
        let (mut tied_ones, mut tied_zeros) = (0.0, 0.0);
        for row in tied {
            let side = if row.label { &mut tied_ones } else { &mut tied_zeros };
            *side += weight(row.user);
        }
        won += tied_ones * (zeros + 0.5 * tied_zeros);
        ones += tied_ones;
        zeros += tied_zeros;
    }
    (ones > 0.0 && zeros > 0.0).then(|| won / (ones * zeros))
}

/// Users are drawn with replacement (in the limit: each a Poisson number of times), rows are not: rows of
/// one user are no independent evidence.
fn bounds(sorted: &[Judged], seed: u64) -> Option<(f64, f64)> {
    let drawn = |user: u32, resample: u64| {
        let bits = mix(seed ^ mix(u64::from(user) << 20 | resample));
        let mut left = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        let mut chance = (-1.0_f64).exp();
        let mut times = 0.0;
        while left >= chance && times < 8.0 {
            left -= chance;
            times += 1.0;
            chance /= times;
        }
        times
    };
    let one = |resample| area(sorted, |user| drawn(user, resample));
    let mut areas: Vec<f64> = (0..RESAMPLES).map(one).collect::<Option<_>>()?;
    areas.sort_by(f64::total_cmp);
    let at = |share: f64| areas[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some((at(0.025), at(0.975)))
}

fn within_users(sorted: &[Judged]) -> Option<f64> {
    let mut users: BTreeMap<u32, Vec<Judged>> = BTreeMap::new();
    for row in sorted {
        users.entry(row.user).or_default().push(*row);
    }
    let (mut sum, mut weight) = (0.0, 0.0);
    for rows in users.values() {
        if let Some(area) = area(rows, |_| 1.0) {
            sum += area * rows.len() as f64;
            weight += rows.len() as f64;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

fn reliability(sorted: &[Judged]) -> Vec<Bin> {
    let bin = |at: usize| {
        let (from, to) = (sorted.len() * at / BINS, sorted.len() * (at + 1) / BINS);
        let rows = &sorted[from..to];
        let count = rows.len().max(1) as f64;
        let predicted = rows.iter().map(|row| f64::from(row.p)).sum::<f64>() / count;
        let came = rows.iter().filter(|row| row.label).count() as f64 / count;
        Bin { rows: rows.len(), predicted, came }
    };
    (0..BINS).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[(u32, f32, bool)]) -> Vec<Judged> {
        of.iter().map(|&(user, p, label)| Judged { user, p, label }).collect()
    }

    #[test]
    fn measures_of_a_small_case_are_those_by_hand() {
        let rows = rows(&[(1, 0.9, true), (1, 0.4, false), (2, 0.4, true), (2, 0.6, false)]);
        let quality = judge(&rows, 1);
        // Pairs of a one and a zero: 0.9 wins both, 0.4 ties one and loses one.
        assert_eq!(quality.auc, Some(2.5 / 4.0));
        assert_eq!(quality.gauc, Some(0.5), "user 1 is right, user 2 wrong");
        let loss = -(0.9_f64.ln() + 0.6_f64.ln() + 0.4_f64.ln() + 0.4_f64.ln()) / 4.0;
        assert!((quality.log_loss - loss).abs() < 1e-6);
        assert!((quality.ne.unwrap() - loss / 2.0_f64.ln()).abs() < 1e-6);
        assert!((quality.calibration - 2.3 / 2.0).abs() < 1e-6);
        assert_eq!(quality.reliability.iter().map(|bin| bin.rows).sum::<usize>(), 4);
    }

    #[test]
    fn one_label_alone_tells_no_order() {
        let quality = judge(&rows(&[(1, 0.2, false), (2, 0.1, false)]), 1);
        assert_eq!((quality.auc, quality.gauc, quality.ne), (None, None, None));
        let nothing = judge(&[], 1);
        assert_eq!((nothing.rows, nothing.auc), (0, None));
    }

    #[test]
    fn bounds_hold_the_area_and_follow_the_seed() {
        let all: Vec<Judged> = (0..2_000_u32)
            .map(|at| {
                let p = (mix(u64::from(at)) % 1_000) as f32 / 1_000.0;
                let label = (mix(u64::from(at) + 1_000_000) % 1_000) as f32 / 1_000.0 < p;
                Judged { user: at % 200, p, label }
            })
            .collect();
        let quality = judge(&all, 5);
        let (low, high) = quality.auc_bounds.unwrap();
        let auc = quality.auc.unwrap();
        assert!(low < auc && auc < high && high - low < 0.1, "{low} {auc} {high}");
        assert_eq!(judge(&all, 5), quality);
        assert_ne!(judge(&all, 6).auc_bounds, quality.auc_bounds);
    }
}
