//! Parameters by a rule: learn on the first part of what lies before a window, choose what explains
//! the last part best, then learn from all of it.

use rustc_hash::FxHashMap;

use super::folder::Folder;
use super::replay::{Met, Replay, Row, best, last_of_warm};
use super::ridge;
use crate::ranking::neighbours::blend::Blend;
use crate::ranking::neighbours::dense::NotPositive;
use crate::ranking::neighbours::ease::Fit;
use crate::ranking::neighbours::listwise::{self, Example};
use crate::ranking::neighbours::{Neighbours, Room};

/// Share of the log before the window that is learned from first, in percent.
const FIRST_PART_PERCENT: usize = 60;
/// Rows of a log from which on its last part is a validation window.
const VALIDATION_ROWS_MIN: usize = 2_000;
/// Moments that a blend is learned from; their weights take up to 100 KB each.
const EXAMPLES_MAX: usize = 2_500;
/// Candidates of a moment.
const CANDIDATES: usize = 240;
/// Rounds of drawing candidates by the blend and learning it anew.
const ROUNDS: usize = 2;

/// How the window will be ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Once, at the window's beginning.
    Static,
    /// At every event, with all before it known.
    Live,
}

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The window's name.
    pub split: String,
    /// Items of a list.
    pub k: usize,
    /// Decides the draws behind confidence bounds.
    pub seed: u64,
    /// How the weights between items are worked out.
    pub fit: Fit,
}

/// What tuning chose and why.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The ridge of the item–item weights.
    pub ridge: f32,
    /// The blend.
    pub blend: Blend,
    /// Moments it was learned from.
    pub examples: usize,
    /// Mean loss before and after.
    pub loss: (f32, f32),
}

impl Tuned {
    /// As figures of a report.
    pub fn figures(&self) -> serde_json::Value {
        let blend = &self.blend;
        serde_json::json!({
            "ridge": self.ridge, "examples": self.examples,
            "loss_before": self.loss.0, "loss_after": self.loss.1,
            "outcomes": blend.outcomes, "ranks": blend.ranks, "ages": blend.ages,
            "floor": blend.floor, "slope": blend.slope, "votes_floor": blend.votes_floor,
            "votes_slope": blend.votes_slope, "columns": blend.columns,
        })
    }
}

/// The rows before a window, parted for validation.
pub struct Parted {
    /// What is learned first.
    pub first: Vec<Row>,
    /// What is then explained.
    pub last: Vec<Row>,
}

/// Parts the rows before row `before` of the log.
pub fn part(folder: &Folder, before: usize) -> Parted {
    let warm = folder.warm.len();
    let enough = before >= VALIDATION_ROWS_MIN.max((warm + before) / 20);
    if enough || warm == 0 {
        let cut = before * FIRST_PART_PERCENT / 100;
        let first = (0..warm).map(Row::Warm).chain((0..cut).map(Row::Log)).collect();
        return Parted { first, last: (cut..before).map(Row::Log).collect() };
    }
    let held = last_of_warm(&folder.warm, folder.users.len());
    let mut first = Vec::with_capacity(warm);
    let mut next = held.iter().copied().peekable();
    for row in 0..warm {
        if next.next_if_eq(&row).is_none() {
            first.push(Row::Warm(row));
        }
    }
    let last = held.into_iter().map(Row::Warm).chain((0..before).map(Row::Log)).collect();
    Parted { first, last }
}

/// Learns all rows before row `before` of the log; the last of them also choose the parameters.
/// The weights are fitted to all.
pub fn prepare(
    folder: &Folder,
    replay: &Replay<'_>,
    before: usize,
    manner: Manner,
    fit: Fit,
    progress: &mut dyn FnMut(&str, f32),
) -> Result<(Neighbours, Met, Tuned), NotPositive> {
    let parted = part(folder, before);
    let mut ranker = Neighbours::new(folder.users.len(), folder.items.len());
    let mut met = Met::new(folder.users.len());
    for &row in &parted.first {
        learn(&mut ranker, &mut met, replay, row);
    }
    let mut tuned = Tuned { ridge: 0.0, blend: Blend::default(), examples: 0, loss: (0.0, 0.0) };
    let start = parted.last.first().map_or(i64::MIN, |&row| replay.exposure(row).1.at_ms);
    ranker.stand(start);
    let hits = static_hits(&met, replay, &parted.last);
    ranker.set_weights(ridge::first_weights(&ranker)?);
    progress("choose the ridge", 0.0);
    let examples = static_examples(&ranker, &met, &hits, start);
    let (blend, _, _) = listwise::learn(&tuned.blend, &examples);
    if blend.is_sound() {
        tuned.blend = blend;
    }
    ranker.set_blend(tuned.blend.clone(), start);
    let ridge = ridge::choose(&ranker, &met, &hits, start, &mut |share| {
        progress("choose the ridge", share);
    });
    ranker.refit(fit, ridge, |share| progress("fit to the first part", share))?;
    for round in 0..ROUNDS {
        progress("choose the blend", round as f32 / ROUNDS as f32);
        let examples = match manner {
            Manner::Static => {
                ranker.set_blend(tuned.blend.clone(), start);
                static_examples(&ranker, &met, &hits, start)
            }
            Manner::Live => live_examples(&ranker, &met, replay, &parted.last, &tuned.blend),
        };
        let (blend, first, last) = listwise::learn(&tuned.blend, &examples);
        if blend.is_sound() {
            tuned = Tuned { ridge, blend, examples: examples.len(), loss: (first, last) };
        }
    }
    tuned.ridge = ridge;
    for &row in &parted.last {
        learn(&mut ranker, &mut met, replay, row);
    }
    ranker.refit(fit, ridge, |share| progress("fit to all", share))?;
    Ok((ranker, met, tuned))
}

/// Learns one row.
pub fn learn(ranker: &mut Neighbours, met: &mut Met, replay: &Replay<'_>, row: Row) {
    let (user, exposure) = replay.exposure(row);
    ranker.learn(user, exposure);
    met.add(user, exposure.item);
}

/// What each user went for in these rows without having met it before.
fn static_hits(met: &Met, replay: &Replay<'_>, rows: &[Row]) -> Vec<(u32, Vec<u32>)> {
    let mut hits: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for &row in rows.iter().filter(|&&row| replay.counts(row)) {
        let (user, exposure) = replay.exposure(row);
        if !met.has(user, exposure.item) {
            hits.entry(user).or_default().push(exposure.item);
        }
    }
    let mut hits: Vec<(u32, Vec<u32>)> = hits.into_iter().collect();
    for (_, items) in &mut hits {
        items.sort_unstable();
        items.dedup();
    }
    hits.sort_unstable();
    hits
}

fn static_examples(
    ranker: &Neighbours,
    met: &Met,
    hits: &[(u32, Vec<u32>)],
    now_ms: i64,
) -> Vec<Example> {
    let stride = hits.len().div_ceil(EXAMPLES_MAX).max(1);
    let mut room = Room::default();
    hits.iter()
        .step_by(stride)
        .filter_map(|(user, hits)| example(ranker, met.of(*user), *user, hits, now_ms, &mut room))
        .collect()
}

fn live_examples(
    ranker: &Neighbours,
    met: &Met,
    replay: &Replay<'_>,
    rows: &[Row],
    blend: &Blend,
) -> Vec<Example> {
    let (mut ranker, mut met) = (ranker.clone(), met.clone());
    let first = rows.first().map_or(i64::MIN, |&row| replay.exposure(row).1.at_ms);
    ranker.set_blend(blend.clone(), first);
    let stride = rows.iter().filter(|&&row| replay.counts(row)).count().div_ceil(EXAMPLES_MAX);
    let (mut examples, mut room, mut counted) = (Vec::new(), Room::default(), 0);
    for &row in rows {
        let (user, exposure) = replay.exposure(row);
        if replay.counts(row) && !met.has(user, exposure.item) {
            counted += 1;
            if counted % stride.max(1) == 0 {
                let (hits, now_ms) = ([exposure.item], exposure.at_ms);
                examples.extend(example(&ranker, met.of(user), user, &hits, now_ms, &mut room));
            }
        }
        learn(&mut ranker, &mut met, replay, row);
    }
    examples
}

/// A moment with its candidates, the best by the present blend; what the user went for counts where
/// it is among them. (Were it put among them, then to be put there, not to be liked, would be what
/// tells it apart, and the next blend would turn the present one upside down.)
fn example(
    ranker: &Neighbours,
    met: &[u32],
    user: u32,
    hits: &[u32],
    now_ms: i64,
    room: &mut Room,
) -> Option<Example> {
    ranker.score(user, now_ms, room);
    for &item in met {
        room.scores[item as usize] = f32::NEG_INFINITY;
    }
    let mut candidates = best(&room.scores, CANDIDATES);
    candidates.sort_unstable();
    let place = |item: &u32| candidates.binary_search(item).ok().map(|at| at as u32);
    let hits: Vec<u32> = hits.iter().filter_map(place).collect();
    if hits.is_empty() {
        return None;
    }
    let mut found = Example { hits, ..Example::default() };
    for (exposure, place) in ranker.places(user, now_ms) {
        found.places.push(place);
        let weights = candidates.iter().map(|&item| ranker.weights().between(exposure.item, item));
        found.weights.extend(weights);
    }
    found.votes = candidates.iter().map(|&item| room.votes[item as usize]).collect();
    found.columns =
        candidates.iter().map(|&item| ranker.popularity().columns(item, now_ms)).collect();
    Some(found)
}
