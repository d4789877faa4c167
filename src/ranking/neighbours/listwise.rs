//! Learning a blend from what viewers then went for: the true items shall take the largest share
//! of a softmax over the candidates.

use super::blend::{AGES, Blend, Place, RANKS};
use super::exposure::OUTCOMES;
use super::popularity::COLUMNS;
use crate::ranking::maths::ln;

/// A moment at which a viewer went for some of the candidates.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The viewer's history.
    pub places: Vec<Place>,
    /// A row per exposure of the history, a column per candidate: the weights between them.
    pub weights: Vec<f32>,
    /// Per candidate the votes of neighbours.
    pub votes: Vec<f32>,
    /// Per candidate its columns of popularity.
    pub columns: Vec<[f32; COLUMNS]>,
    /// Which candidates the viewer went for, at least one.
    pub hits: Vec<u32>,
}

/// Passes over the examples.
const PASSES: usize = 150;
/// The step, and how fast its two averages forget (Adam).
const STEP: f32 = 0.06;
const FORGET: (f32, f32) = (0.9, 0.99);
/// Pull of the columns' factors towards zero and of the history's logarithms towards each other.
const PULL: f32 = 3e-4;

const PARAMETERS: usize = OUTCOMES + RANKS + AGES + 4 + COLUMNS;
const RANK: usize = OUTCOMES;
const AGE: usize = RANK + RANKS;
const FLOOR: usize = AGE + AGES;
const SLOPE: usize = FLOOR + 1;
const VOTES_FLOOR: usize = SLOPE + 1;
const VOTES_SLOPE: usize = VOTES_FLOOR + 1;
const COLUMN: usize = VOTES_SLOPE + 1;

/// The blend that explains the examples best, starting at `start`, and the mean loss before and
/// after. Without examples it is `start` itself.
pub fn learn(start: &Blend, examples: &[Example]) -> (Blend, f32, f32) {
    if examples.is_empty() {
        return (start.clone(), 0.0, 0.0);
    }
    let scales = column_scales(examples);
    let mut parameters = pack(start, &scales);
    let origin = parameters;
    let (mut mean, mut square) = ([0.0_f32; PARAMETERS], [0.0_f32; PARAMETERS]);
    let (mut first, mut last) = (0.0, 0.0);
    let mut scratch = Scratch::default();
    for pass in 1..=PASSES {
        let blend = unpack(&parameters, &scales);
        let mut slope = [0.0_f64; PARAMETERS];
        let mut loss = 0.0_f64;
        for example in examples {
            loss += f64::from(gradient(&blend, example, &scales, &mut slope, &mut scratch));
        }
        last = (loss / examples.len() as f64) as f32;
        if pass == 1 {
            first = last;
        }
        let step = STEP * if pass * 3 > PASSES * 2 { 0.3 } else { 1.0 };
        for at in 0..PARAMETERS {
            let pull = if at >= COLUMN { parameters[at] } else { parameters[at] - origin[at] };
            let pull = if (FLOOR..COLUMN).contains(&at) { 0.0 } else { PULL * pull };
            let slope = (slope[at] / examples.len() as f64) as f32 + pull;
            mean[at] = FORGET.0 * mean[at] + (1.0 - FORGET.0) * slope;
            square[at] = FORGET.1 * square[at] + (1.0 - FORGET.1) * slope * slope;
            let mean = mean[at] / (1.0 - FORGET.0.powi(pass as i32));
            let square = square[at] / (1.0 - FORGET.1.powi(pass as i32));
            parameters[at] -= step * mean / (square.sqrt() + 1e-8);
        }
    }
    (unpack(&parameters, &scales), first, last)
}

/// How far each column spreads, so that all learn at the same pace. A column that does not vary
/// says nothing and gets no factor.
fn column_scales(examples: &[Example]) -> [f32; COLUMNS] {
    let (mut count, mut sum, mut square) = (0.0_f64, [0.0_f64; COLUMNS], [0.0_f64; COLUMNS]);
    for columns in examples.iter().flat_map(|example| &example.columns) {
        count += 1.0;
        for (at, column) in columns.iter().enumerate() {
            sum[at] += f64::from(*column);
            square[at] += f64::from(*column) * f64::from(*column);
        }
    }
    std::array::from_fn(|at| {
        let mean = sum[at] / count;
        let spread = (square[at] / count - mean * mean).max(0.0).sqrt() as f32;
        if spread > 1e-3 { spread } else { 0.0 }
    })
}

fn pack(blend: &Blend, scales: &[f32; COLUMNS]) -> [f32; PARAMETERS] {
    let mut parameters = [0.0; PARAMETERS];
    let factors = blend.outcomes.iter().chain(&blend.ranks).chain(&blend.ages);
    for (at, factor) in factors.chain([&blend.floor]).enumerate() {
        parameters[at] = factor.ln();
    }
    parameters[SLOPE] = blend.slope;
    parameters[VOTES_FLOOR] = blend.votes_floor.ln();
    parameters[VOTES_SLOPE] = blend.votes_slope;
    for (at, (column, scale)) in blend.columns.iter().zip(scales).enumerate() {
        parameters[COLUMN + at] = column * scale;
    }
    parameters
}

fn unpack(parameters: &[f32; PARAMETERS], scales: &[f32; COLUMNS]) -> Blend {
    let factor = |at: usize| parameters[at].clamp(-12.0, 12.0).exp();
    Blend {
        outcomes: std::array::from_fn(factor),
        ranks: std::array::from_fn(|at| factor(RANK + at)),
        ages: std::array::from_fn(|at| factor(AGE + at)),
        floor: factor(FLOOR),
        slope: parameters[SLOPE],
        votes_floor: factor(VOTES_FLOOR),
        votes_slope: parameters[VOTES_SLOPE],
        columns: std::array::from_fn(|at| {
            if scales[at] > 0.0 { parameters[COLUMN + at] / scales[at] } else { 0.0 }
        }),
    }
}

#[derive(Default)]
struct Scratch {
    sums: Vec<f32>,
    logarithms: Vec<f32>,
    votes: Vec<f32>,
    shares: Vec<f32>,
}

/// Adds the slope of one example's loss and answers the loss.
fn gradient(
    blend: &Blend,
    example: &Example,
    scales: &[f32; COLUMNS],
    slope: &mut [f64; PARAMETERS],
    scratch: &mut Scratch,
) -> f32 {
    let candidates = example.columns.len();
    let Scratch { sums, logarithms, votes, shares } = scratch;
    sums.clear();
    sums.resize(candidates, 0.0);
    for (row, place) in example.places.iter().enumerate() {
        let factor = blend.factor(*place);
        let weights = &example.weights[row * candidates..][..candidates];
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += factor * weight;
        }
    }
    logarithms.clear();
    logarithms.extend(sums.iter().map(|sum| ln(sum.max(0.0) + blend.floor)));
    votes.clear();
    votes.extend(example.votes.iter().map(|vote| ln(vote + blend.votes_floor)));
    shares.clear();
    let scores = logarithms.iter().zip(votes.iter()).zip(&example.columns);
    shares.extend(scores.map(|((own, votes), columns)| {
        blend.slope * own + blend.votes_slope * votes + blend.standing(columns)
    }));
    let top = shares.iter().copied().fold(f32::MIN, f32::max);
    let hit_score: f32 = example.hits.iter().map(|&hit| shares[hit as usize]).sum();
    let hit_share = 1.0 / example.hits.len() as f32;
    for share in shares.iter_mut() {
        *share = (*share - top).exp();
    }
    let total: f32 = shares.iter().sum();
    for share in shares.iter_mut() {
        *share /= total;
    }
    for &hit in &example.hits {
        shares[hit as usize] -= hit_share;
    }
    for (candidate, &share) in shares.iter().enumerate() {
        slope[SLOPE] += f64::from(share * logarithms[candidate]);
        for (at, column) in example.columns[candidate].iter().enumerate() {
            if scales[at] > 0.0 {
                slope[COLUMN + at] += f64::from(share * column / scales[at]);
            }
        }
        slope[VOTES_SLOPE] += f64::from(share * votes[candidate]);
        let by_votes = share * blend.votes_slope / (example.votes[candidate] + blend.votes_floor);
        slope[VOTES_FLOOR] += f64::from(by_votes * blend.votes_floor);
        // From here on the slope by the sum within the logarithm.
        let inner = share * blend.slope / (sums[candidate].max(0.0) + blend.floor);
        slope[FLOOR] += f64::from(inner * blend.floor);
        sums[candidate] = if sums[candidate] > 0.0 { inner } else { 0.0 };
    }
    for (row, place) in example.places.iter().enumerate() {
        let weights = &example.weights[row * candidates..][..candidates];
        let by_factor: f32 = sums.iter().zip(weights).map(|(inner, weight)| inner * weight).sum();
        let by_logarithm = f64::from(by_factor * blend.factor(*place));
        slope[place.outcome] += by_logarithm;
        slope[RANK + place.rank] += by_logarithm;
        slope[AGE + place.age] += by_logarithm;
    }
    total.ln() + top - hit_score * hit_share
}
