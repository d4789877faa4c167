//! The parts against plain computations of the same, and together.

use proptest::prelude::*;

use super::blend::{Blend, Place};
use super::counts::Counts;
use super::dense::{NotPositive, Symmetric};
use super::ease::{Fit, ItemWeights};
use super::exposure::{Exposure, Outcome};
use super::listwise::{self, Example};
use super::popularity::{COLUMNS, HALF_LIVES_MS, Popularity};
use super::{Neighbours, Room};

/// Numbers in 0..1 that look random.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    }
}

fn positive_definite(size: usize, seed: u64) -> Symmetric {
    let mut next = noise(seed);
    let mut matrix = Symmetric::new(size);
    for row in 0..size {
        for column in 0..row {
            matrix.add(row, column, next() - 0.5);
        }
        matrix.add(row, row, size as f32 * 0.5 + next());
    }
    matrix
}

#[test]
fn an_inverse_times_its_matrix_is_one() {
    for size in [1, 2, 3, 15, 16, 17, 127, 128, 129, 300] {
        let matrix = positive_definite(size, size as u64);
        let mut inverse = matrix.clone();
        inverse.invert(|_| ()).unwrap();
        for row in 0..size {
            for column in 0..size {
                let sum: f64 = (0..size)
                    .map(|at| f64::from(matrix.at(row, at)) * f64::from(inverse.at(at, column)))
                    .sum();
                let exact = f64::from(u8::from(row == column));
                assert!((sum - exact).abs() < 1e-4, "{size}: {row},{column} is {sum}");
            }
        }
    }
}

#[test]
fn what_is_not_positive_definite_is_refused() {
    let mut matrix = Symmetric::new(3);
    matrix.add(0, 0, 1.0);
    assert_eq!(matrix.clone().invert(|_| ()), Err(NotPositive));
    matrix.add_to_diagonal(f32::NAN);
    assert_eq!(matrix.invert(|_| ()), Err(NotPositive));
}

/// Viewers who each met some of the items.
fn meetings(viewers: usize, items: u32, seed: u64) -> Vec<Vec<u32>> {
    let mut next = noise(seed);
    (0..viewers)
        .map(|_| {
            let taste = next();
            (0..items)
                .filter(|item| next() < if item % 2 == (taste * 2.0) as u32 { 0.5 } else { 0.1 })
                .collect()
        })
        .collect()
}

fn counted(mut counts: Counts, meetings: &[Vec<u32>]) -> Counts {
    for met in meetings {
        for (at, &item) in met.iter().enumerate() {
            counts.learn(met[..at].iter().map(|&other| (other, 1.0)), item, 1.0);
        }
    }
    counts
}

#[test]
fn counting_event_by_event_is_counting_at_once() {
    let meetings = meetings(60, 30, 5);
    let exact = counted(Counts::exact(30), &meetings);
    let sparse = counted(Counts::sparse(30), &meetings);
    for one in 0..30 {
        for other in 0..30 {
            let both = meetings.iter().filter(|met| met.contains(&one) && met.contains(&other));
            let both = both.count() as f32;
            assert!((exact.pair(one, other) - both).abs() < 1e-6, "{one} and {other}");
            assert!((sparse.pair(one, other) - both).abs() < 1e-6, "{one} and {other}");
        }
        assert_eq!(exact.companions(one), sparse.companions(one));
    }
}

#[test]
fn companions_are_bounded_and_the_heaviest_stay() {
    let items = 4_000_u32;
    let mut counts = Counts::sparse(items as usize);
    for round in 0..3 {
        for other in 1..items {
            if round == 0 || other <= 50 {
                counts.learn(std::iter::once((other, 1.0)), 0, 1.0);
            }
        }
    }
    let companions = counts.companions(0);
    assert!(companions.len() <= 1_024, "{}", companions.len());
    assert!((1..=50).all(|other| counts.pair(0, other) >= 2.0));
    counts.forget(7);
    assert!(counts.pair(0, 7) == 0.0 && counts.total(7) == 0.0);
}

/// The weights by a ridge regression on all other items, solved by plain elimination.
fn naive(counts: &Counts, target: u32, ridge: f64) -> Vec<f64> {
    let items = counts.items();
    let sources: Vec<u32> = (0..items as u32).filter(|&item| item != target).collect();
    let size = sources.len();
    let mut rows: Vec<Vec<f64>> = sources
        .iter()
        .map(|&row| {
            let mut cells: Vec<f64> =
                sources.iter().map(|&column| f64::from(counts.pair(row, column))).collect();
            cells.push(f64::from(counts.pair(row, target)));
            cells
        })
        .collect();
    for (pivot, row) in rows.iter_mut().enumerate() {
        row[pivot] += ridge;
    }
    for pivot in 0..size {
        let line = rows[pivot].clone();
        for row in (0..size).filter(|&row| row != pivot) {
            let factor = rows[row][pivot] / line[pivot];
            for (cell, value) in rows[row].iter_mut().zip(&line) {
                *cell -= factor * value;
            }
        }
    }
    let mut weights = vec![0.0; items];
    for (at, &source) in sources.iter().enumerate() {
        weights[source as usize] = rows[at][size] / rows[at][at];
    }
    weights
}

#[test]
fn exact_and_local_weights_are_those_of_plain_regressions() {
    // So many viewers that every two items have one in common: all are companions.
    let meetings = meetings(400, 22, 9);
    let counts = counted(Counts::exact(22), &meetings);
    let sparse = counted(Counts::sparse(22), &meetings);
    let exact = ItemWeights::fit(&counts, Fit::Exact, 3.0, |_| ()).unwrap();
    // With fewer items than companions, each is regressed on all.
    let local = ItemWeights::fit(&sparse, Fit::Exact, 3.0, |_| ()).unwrap();
    assert!(matches!(local, ItemWeights::Sparse(_)));
    for target in 0..22 {
        for (source, weight) in naive(&counts, target, 3.0).into_iter().enumerate() {
            let source = source as u32;
            let off = |found: f32| (f64::from(found) - weight).abs();
            let (exact, local) = (exact.between(source, target), local.between(source, target));
            // The exact ones are kept with eight bits of precision.
            assert!(
                off(exact) <= weight.abs() / 256.0 + 1e-5,
                "{source} for {target}: {exact} is not {weight}"
            );
            assert!(off(local) < 1e-4, "{source} for {target}: {local}");
        }
    }
    let mut scores = vec![0.0; 22];
    exact.accumulate(&[(3, 2.0)], &mut scores);
    assert!((scores[5] - 2.0 * exact.between(3, 5)).abs() < 1e-6 && scores[3] == 0.0);
}

#[test]
fn half_a_life_later_a_tally_counts_half() {
    let mut popularity = Popularity::new(2);
    let at = |at_ms: i64| Exposure { item: 1, at_ms, outcome: Outcome::Held };
    for _ in 0..8 {
        popularity.learn(at(1_000));
    }
    popularity.learn(Exposure { item: 1, at_ms: i64::MIN, outcome: Outcome::Passed });
    let columns = popularity.columns(1, 1_000 + HALF_LIVES_MS[1]);
    let floor = 0.3_f32;
    assert!((columns[2] - (4.0 + floor).ln()).abs() < 1e-5, "{columns:?}");
    assert!((columns[3] - (4.0 + floor).ln()).abs() < 1e-5, "{columns:?}");
    assert!((columns[8] - 10.0_f32.ln()).abs() < 1e-5 && (columns[9] - 9.0_f32.ln()).abs() < 1e-5);
    assert_eq!(popularity.columns(0, 5)[8].to_bits(), 0.0_f32.to_bits());
}

fn example(seed: u64) -> Example {
    let mut next = noise(seed);
    let candidates = 30;
    let outcomes = [Outcome::Passed, Outcome::Held, Outcome::Loved];
    let places: Vec<Place> = (0..8)
        .map(|later| {
            let outcome = outcomes[(next() * 3.0) as usize];
            Place::of(Exposure { item: 0, at_ms: 0, outcome }, later * 4, later as i64 * 40_000_000)
        })
        .collect();
    let weights = (0..places.len() * candidates).map(|_| next() * 0.1).collect();
    let columns: Vec<[f32; COLUMNS]> =
        (0..candidates).map(|_| std::array::from_fn(|_| next() * 2.0)).collect();
    let votes = (0..candidates).map(|_| next() * 0.1).collect();
    // What is popular by the second column is what viewers go for.
    let hit = (0..candidates).max_by(|&a, &b| columns[a][1].total_cmp(&columns[b][1])).unwrap();
    Example { places, weights, votes, columns, hits: vec![hit as u32] }
}

#[test]
fn a_blend_finds_the_column_that_decides() {
    let examples: Vec<Example> = (1..60).map(example).collect();
    let (blend, before, after) = listwise::learn(&Blend::default(), &examples);
    assert!(blend.is_sound() && after < before * 0.5, "{before} to {after}");
    let others = blend.columns.iter().enumerate().filter(|(at, _)| *at != 1);
    assert!(others.into_iter().all(|(_, factor)| factor.abs() < blend.columns[1]), "{blend:?}");
    assert_eq!(listwise::learn(&Blend::default(), &examples).0, blend, "the same again");
}

#[test]
fn nothing_to_learn_from_changes_nothing() {
    assert_eq!(listwise::learn(&Blend::default(), &[]).0, Blend::default());
}

fn taught(events: &[(u32, Exposure)]) -> Neighbours {
    let mut ranker = Neighbours::new(12, 24);
    for (viewer, exposure) in events {
        ranker.learn(*viewer, *exposure);
    }
    ranker.refit(Fit::Exact, 2.0, |_| ()).unwrap();
    ranker
}

#[test]
fn viewers_with_opposite_histories_get_opposite_orders() {
    // Even viewers meet even items, odd viewers odd ones; the last two have met two each.
    let mut events = Vec::new();
    for viewer in 0..12_u32 {
        for item in (viewer % 2..24).step_by(2).take(if viewer < 10 { 12 } else { 2 }) {
            let at_ms = i64::from(viewer * 24 + item);
            events.push((viewer, Exposure { item, at_ms, outcome: Outcome::Held }));
        }
    }
    let ranker = taught(&events);
    let mut room = Room::default();
    for viewer in [10, 11] {
        ranker.score(viewer, 1_000, &mut room);
        let own = (4 + viewer % 2..24).step_by(2).map(|item| room.scores[item as usize]);
        let others = (5 - viewer % 2..24).step_by(2).map(|item| room.scores[item as usize]);
        let (least, most) = (own.fold(f32::MAX, f32::min), others.fold(f32::MIN, f32::max));
        assert!(least > most, "viewer {viewer}: {least} and {most}");
    }
}

#[test]
fn a_growing_catalogue_survives_its_snapshot_and_goes_on_alike() {
    let mut ranker = Neighbours::growing();
    let mut next = noise(3);
    let mut event = |number: i64| {
        let (viewer, item) = ((next() * 40.0) as u32, (next() * next() * 90.0) as u32);
        let outcome = if next() < 0.5 { Outcome::Held } else { Outcome::Passed };
        (viewer, Exposure { item, at_ms: number * 1_000, outcome })
    };
    for number in 0..3_000 {
        if number == 1_000 || number == 0 {
            ranker.grow(40, if number == 0 { 60 } else { 90 });
        }
        let (viewer, mut exposure) = event(number);
        exposure.item %= if number < 1_000 { 60 } else { 90 };
        ranker.learn(viewer, exposure);
    }
    ranker.forget(7);
    ranker.forget_viewer(3);
    let bytes = ranker.to_bytes().unwrap();
    let mut again = Neighbours::from_bytes(&bytes).unwrap();
    for number in 3_000..3_500 {
        let (viewer, exposure) = event(number);
        ranker.learn(viewer, exposure);
        again.learn(viewer, exposure);
    }
    let same = ranker.to_bytes().unwrap() == again.to_bytes().unwrap();
    assert!(same, "what was restored goes on as what it was taken from");
    let mut room = Room::default();
    ranker.score(5, 3_500_000, &mut room);
    assert!(room.sums.iter().any(|sum| *sum > 0.0), "weights follow without a refit");
    assert!(Neighbours::new(1, 1).to_bytes().is_err());
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let mut ranker = Neighbours::growing();
    ranker.grow(3, 5);
    for item in 0..5 {
        for viewer in 0..3 {
            ranker.learn(viewer, Exposure { item, at_ms: 1, outcome: Outcome::Held });
        }
    }
    let bytes = ranker.to_bytes().unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Neighbours::from_bytes(&damaged).is_err(), "byte {at}");
    }
    assert!(Neighbours::from_bytes(&bytes[..bytes.len() - 8]).is_err());
}

proptest! {
    /// The same events leave the same bits, and every score is a number.
    #[test]
    fn learning_is_deterministic(
        events in proptest::collection::vec((0..12_u32, 0..24_u32, 0..3_u8, 0..9_000_000_i64), 1..200),
    ) {
        let outcomes = [Outcome::Passed, Outcome::Held, Outcome::Loved];
        let events: Vec<(u32, Exposure)> = events
            .into_iter()
            .map(|(viewer, item, outcome, at_ms)| {
                (viewer, Exposure { item, at_ms, outcome: outcomes[usize::from(outcome)] })
            })
            .collect();
        let (one, other) = (taught(&events), taught(&events));
        let (mut room, mut other_room) = (Room::default(), Room::default());
        for viewer in 0..12 {
            one.score(viewer, 9_000_000, &mut room);
            other.score(viewer, 9_000_000, &mut other_room);
            let bits = |room: &Room| room.scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&room), bits(&other_room));
            prop_assert!(room.scores.iter().all(|score| score.is_finite()));
        }
    }
}
