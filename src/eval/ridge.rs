//! The ridge of the item–item weights, chosen on the head of the catalogue, where a fit takes a
//! fraction of a second.

use super::metrics::ndcg;
use super::replay::{Met, best};
use crate::ranking::neighbours::dense::NotPositive;
use crate::ranking::neighbours::ease::ItemWeights;
use crate::ranking::neighbours::{Neighbours, Room};

/// The most met items, on which ridges are tried.
const HEAD: usize = 1_500;
/// Users whose lists judge a ridge.
const USERS_MAX: usize = 3_000;
/// The ridges tried first, each three times the one before, and then around the best of them.
const LADDER: [f32; 6] = [30.0, 100.0, 300.0, 900.0, 2_700.0, 8_100.0];
const AROUND: [f32; 2] = [0.6, 1.6];
/// Where nothing can be tried: what suits logs of this kind.
const DEFAULT: f32 = 600.0;

/// The head of the catalogue, by ascending number.
pub fn head(ranker: &Neighbours) -> Vec<u32> {
    let popularity = ranker.popularity();
    let mut head: Vec<u32> = (0..ranker.counts().items() as u32)
        .filter(|&item| ranker.counts().total(item) > 0.0)
        .collect();
    head.sort_by(|&a, &b| {
        popularity.met_ever(b).total_cmp(&popularity.met_ever(a)).then(a.cmp(&b))
    });
    head.truncate(HEAD);
    head.sort_unstable();
    head
}

/// Weights within the head by a ridge that suits logs of this kind, to have a blend to begin with.
pub fn first_weights(ranker: &Neighbours) -> Result<ItemWeights, NotPositive> {
    ItemWeights::exact_among(ranker.counts(), head(ranker), DEFAULT, &mut |_| ())
}

/// The ridge whose lists find most of what users then went for, given as pairs of user and items. The
/// ranker's blend should be a good one already: a poor one likes weights that make up for it.
pub fn choose(
    ranker: &Neighbours,
    met: &Met,
    hits: &[(u32, Vec<u32>)],
    now_ms: i64,
    progress: &mut dyn FnMut(f32),
) -> f32 {
    let head = head(ranker);
    let within = |items: &[u32]| -> Vec<u32> {
        items.iter().copied().filter(|item| head.binary_search(item).is_ok()).collect()
    };
    let mut judged: Vec<(u32, Vec<u32>)> = hits
        .iter()
        .map(|(user, items)| (*user, within(items)))
        .filter(|(_, items)| !items.is_empty())
        .collect();
    let stride = judged.len().div_ceil(USERS_MAX).max(1);
    judged = judged.into_iter().step_by(stride).collect();
    if judged.is_empty() {
        return DEFAULT;
    }
    let mut found = (f64::MIN, DEFAULT);
    let mut tried = 0;
    let mut attempt = |ridge: f32, found: &mut (f64, f32)| {
        tried += 1;
        progress(tried as f32 / (LADDER.len() + AROUND.len()) as f32);
        let fitted = ItemWeights::exact_among(ranker.counts(), head.clone(), ridge, &mut |_| ());
        let Ok(weights) = fitted else { return };
        let quality = judge(ranker, &weights, met, &judged, now_ms);
        if quality > found.0 {
            *found = (quality, ridge);
        }
    };
    for ridge in LADDER {
        attempt(ridge, &mut found);
    }
    let middle = found.1;
    for factor in AROUND {
        attempt(middle * factor, &mut found);
    }
    found.1
}

fn judge(
    ranker: &Neighbours,
    weights: &ItemWeights,
    met: &Met,
    judged: &[(u32, Vec<u32>)],
    now_ms: i64,
) -> f64 {
    const K: usize = 20;
    let mut room = Room::default();
    let mut sum = 0.0;
    for (user, items) in judged {
        ranker.score_by(weights, *user, now_ms, &mut room);
        for &item in met.of(*user) {
            room.scores[item as usize] = f32::NEG_INFINITY;
        }
        let list = best(&room.scores, K);
        let hits: Vec<bool> = list.iter().map(|item| items.contains(item)).collect();
        sum += ndcg(&hits, items.len());
    }
    sum / judged.len() as f64
}
