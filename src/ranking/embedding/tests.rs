//! The index against plain lists: what is in it, what it finds, and what a change costs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::blocks::LANES;
use super::*;

/// Seeded numbers for vectors.
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between −1 and 1.
    fn even(&mut self) -> f32 {
        (self.word() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// About a normal deviate: the sum of twelve.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.even()).sum::<f32>() * 0.5
    }

    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions).map(|_| self.normal()).collect()
    }
}

type Model = BTreeMap<u32, Vec<f32>>;

/// Everything that must hold of the index whatever happened.
fn check(index: &Embeddings, model: &Model) {
    assert_eq!(index.len(), model.len());
    let mut own = vec![0.0; index.dimensions];
    for (&ordinal, vector) in model {
        assert!(index.get(ordinal, &mut own));
        assert_eq!(&own, vector, "of {ordinal}");
    }
    let mut seen = 0;
    for (number, cell) in index.cells.all.iter().enumerate() {
        assert!(cell.len > 0 && cell.len <= CELL_MAX);
        assert!(cell.len >= CELL_MIN || index.cells() == 1);
        assert_eq!(cell.blocks.len(), cell.len.div_ceil(LANES));
        let mut sums = vec![0.0; index.dimensions];
        for member in 0..cell.len {
            let place = cell.place(member);
            assert_eq!(index.blocks.owner(place), number as u32);
            assert_eq!(index.place(index.blocks.ordinal(place)), Some(place));
            index.blocks.read(place, &mut own);
            sums.iter_mut().zip(&own).for_each(|(sum, own)| *sum += f64::from(*own));
            seen += 1;
        }
        for (mean, sum) in index.cells.mean(number as u32).iter().zip(sums) {
            let expected = sum / cell.len as f64;
            assert!((f64::from(*mean) - expected).abs() <= 1e-5 * (1.0 + expected.abs()));
        }
    }
    assert_eq!(seen, model.len());
}

/// The best by plain sums and sorting.
fn best(
    model: &Model,
    query: &[f32],
    wanted: usize,
    keep: impl Fn(u32) -> bool,
) -> Vec<(u32, f32)> {
    let product = |vector: &[f32]| vector.iter().zip(query).fold(0.0, |sum, (a, b)| sum + a * b);
    let mut all: Vec<(u32, f32)> =
        model.iter().map(|(&ordinal, vector)| (ordinal, product(vector))).collect();
    all.retain(|&(ordinal, _)| keep(ordinal));
    all.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
    all.truncate(wanted);
    all
}

/// Vectors of several kinds: even in a cube, normal, in clusters, of very different lengths.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Even,
    Normal,
    Clustered,
    Skewed,
}

const KINDS: [Kind; 4] = [Kind::Even, Kind::Normal, Kind::Clustered, Kind::Skewed];

fn vectors(kind: Kind, count: usize, dimensions: usize, numbers: &mut Numbers) -> Vec<Vec<f32>> {
    let centres: Vec<Vec<f32>> = (0..40).map(|_| numbers.vector(dimensions)).collect();
    let mut one = || match kind {
        Kind::Even => (0..dimensions).map(|_| numbers.even()).collect(),
        Kind::Normal => numbers.vector(dimensions),
        Kind::Clustered => {
            let centre = &centres[(numbers.word() % 40) as usize];
            centre.iter().map(|component| component + 0.3 * numbers.normal()).collect()
        }
        Kind::Skewed => {
            let length = (0.8 * numbers.normal()).exp();
            numbers.vector(dimensions).iter().map(|component| length * component).collect()
        }
    };
    (0..count).map(|_| one()).collect()
}

fn filled(vectors: &[Vec<f32>]) -> Embeddings {
    let mut index = Embeddings::new(vectors[0].len());
    for (ordinal, vector) in vectors.iter().enumerate() {
        index.set(ordinal as u32, vector).unwrap();
    }
    index
}

/// Which share of the best hundred is found, over 40 queries, and which share of all was scored.
fn recall(index: &Embeddings, effort: Effort, numbers: &mut Numbers) -> (f32, f32) {
    let (mut room, mut exact) = (Room::default(), Room::default());
    let (mut found, mut wanted, mut scored) = (0, 0, 0);
    for _ in 0..40 {
        let query = numbers.vector(index.dimensions);
        let all = index.exact(&query, 100, |_| true, &mut exact);
        let some = index.nearest(&query, 100, effort, |_| true, &mut room);
        assert_eq!(some.len(), all.len());
        found += all.iter().filter(|one| some.contains(one)).count();
        wanted += all.len();
        scored += room.scored();
    }
    (found as f32 / wanted as f32, scored as f32 / (40 * index.len()) as f32)
}

#[test]
fn what_is_found_keeps_to_the_recall_asked_for() {
    for (dimensions, count) in [(8, 2_000), (8, 20_000), (16, 6_000), (32, 6_000), (64, 3_000)] {
        for kind in KINDS {
            let mut numbers = Numbers(11);
            let index = filled(&vectors(kind, count, dimensions, &mut numbers));
            let (share, _) = recall(&index, Effort::default(), &mut numbers);
            assert!(share >= 0.95, "{kind:?}, {count} of {dimensions}: {share}");
        }
    }
}

/// The other side: it must not find them by looking everywhere.
#[test]
fn most_vectors_are_not_looked_at() {
    let shares = [0.25, 0.22, 0.08, 0.08];
    for (kind, most) in KINDS.into_iter().zip(shares) {
        let mut numbers = Numbers(12);
        let index = filled(&vectors(kind, 30_000, 8, &mut numbers));
        let (_, scored) = recall(&index, Effort::default(), &mut numbers);
        assert!(scored <= most, "{kind:?}: {scored}");
    }
}

/// All begin near zero, as learned vectors do, and drift apart in small steps of their own.
#[test]
fn vectors_that_all_drift_are_still_found() {
    for kind in KINDS {
        let mut numbers = Numbers(13);
        let (count, steps) = (4_000, 8);
        let aims = vectors(kind, count, 8, &mut numbers);
        let starts = vectors(Kind::Even, count, 8, &mut numbers);
        let mut index = Embeddings::new(8);
        let mut model = Model::new();
        for round in 0..=steps * count {
            let ordinal = if round < count { round as u64 } else { numbers.word() % count as u64 };
            let way = round as f32 / (steps * count) as f32;
            let (aim, start) = (&aims[ordinal as usize], &starts[ordinal as usize]);
            let vector: Vec<f32> =
                aim.iter().zip(start).map(|(aim, start)| way * aim + 0.1 * start).collect();
            index.set(ordinal as u32, &vector).unwrap();
            model.insert(ordinal as u32, vector);
        }
        check(&index, &model);
        let (share, scored) = recall(&index, Effort::default(), &mut numbers);
        assert!(share >= 0.95 && scored < 0.5, "{kind:?}: {share}, {scored}");
    }
}

#[test]
fn equal_products_go_by_ordinal() {
    let mut index = Embeddings::new(2);
    for ordinal in (0..1_000).rev() {
        index.set(ordinal, &[(ordinal % 2) as f32, 0.0]).unwrap();
    }
    let mut room = Room::default();
    let expected: Vec<(u32, f32)> = (0..120).map(|at| (2 * at + 1, 3.0)).collect();
    let found = index.nearest(&[3.0, -1.0], 120, Effort::default(), |_| true, &mut room);
    assert_eq!(found, expected);
    assert_eq!(index.exact(&[3.0, -1.0], 120, |_| true, &mut room), expected);
    // Zeros of either sign are the same product.
    let found = index.exact(&[-0.0, 1.0], 3, |_| true, &mut room);
    assert_eq!(found, [(0, 0.0), (1, 0.0), (2, 0.0)]);
}

#[test]
fn what_is_no_vector_is_refused_and_what_is_too_large_is_cut() {
    let mut index = Embeddings::new(2);
    assert_eq!(index.set(0, &[1.0]), Err(Refused::Dimensions));
    assert_eq!(index.set(0, &[1.0, f32::NAN]), Err(Refused::NotFinite));
    assert_eq!(index.set(0, &[f32::NEG_INFINITY, 1.0]), Err(Refused::NotFinite));
    assert_eq!(index.set(ORDINALS_MAX, &[1.0, 1.0]), Err(Refused::Ordinal));
    assert!(index.is_empty() && !index.remove(0) && !index.remove(u32::MAX));
    index.set(0, &[f32::MAX, f32::MIN]).unwrap();
    let mut own = [0.0; 2];
    assert!(index.get(0, &mut own) && !index.get(1, &mut own));
    assert_eq!(own.map(f32::to_bits), [COMPONENT_MAX, -COMPONENT_MAX].map(f32::to_bits));
    let mut room = Room::default();
    let found = index.nearest(&[f32::MAX, 0.0], 5, Effort::default(), |_| true, &mut room);
    assert!(found.len() == 1 && found[0].1.is_finite());
    for query in [&[1.0][..], &[f32::NAN, 0.0], &[f32::INFINITY, 0.0]] {
        assert!(index.nearest(query, 5, Effort::default(), |_| true, &mut room).is_empty());
        assert!(index.exact(query, 5, |_| true, &mut room).is_empty());
    }
    assert!(index.nearest(&[1.0, 0.0], 0, Effort::default(), |_| true, &mut room).is_empty());
}

#[test]
fn who_is_not_to_be_found_makes_room_for_others() {
    let mut numbers = Numbers(14);
    let index = filled(&vectors(Kind::Normal, 20_000, 8, &mut numbers));
    let (mut room, mut exact) = (Room::default(), Room::default());
    let (mut hits, query) = (0, numbers.vector(8));
    let seen: Vec<u32> = index
        .exact(&query, 500, |_| true, &mut exact)
        .iter()
        .map(|&(ordinal, _)| ordinal)
        .collect();
    let keep = |ordinal: u32| !seen.contains(&ordinal);
    let found = index.nearest(&query, 100, Effort::default(), keep, &mut room);
    for one in index.exact(&query, 100, keep, &mut exact) {
        hits += usize::from(found.contains(one));
    }
    assert!(found.len() == 100 && hits >= 95, "{hits}");
    // However many are turned away, a search ends with the cell in which it comes to its bound.
    let effort = Effort { vectors_max: 5_000, ..Effort::default() };
    assert!(index.nearest(&query, 100, effort, |_| false, &mut room).is_empty());
    assert!((5_000..5_000 + CELL_MAX).contains(&room.scored()), "{}", room.scored());
    let everyone = Effort { vectors_max: usize::MAX, ..Effort::default() };
    assert!(index.nearest(&query, 100, everyone, |_| false, &mut room).is_empty());
    assert_eq!(room.scored(), index.len());
}

/// What one change may look at, see the head of the module.
fn work_max(index: &Embeddings) -> u64 {
    (2 * (index.cells() + 2) + 2 * (CELL_MAX + CELL_MIN) * (halves::STEPS + 5)) as u64
}

/// Many alike, all at once elsewhere, corners left and joined again: no call stands out.
#[test]
fn no_change_costs_more_than_its_bound() {
    let mut numbers = Numbers(15);
    let mut index = Embeddings::new(8);
    let (mut worst, mut before) = (0, 0);
    let mut watch = |index: &Embeddings| {
        let work = index.work() - before;
        assert!(work <= work_max(index), "{work}");
        worst = worst.max(work);
        before = index.work();
    };
    for round in 0..12_u64 {
        let corners: Vec<Vec<f32>> = (0..=round % 5).map(|_| numbers.vector(8)).collect();
        for ordinal in 0..4_000 {
            let corner = &corners[(numbers.word() % corners.len() as u64) as usize];
            let size = if round.is_multiple_of(3) { 0.0 } else { 0.1 };
            let vector: Vec<f32> =
                corner.iter().map(|component| component + size * numbers.even()).collect();
            index.set(ordinal, &vector).unwrap();
            watch(&index);
            if numbers.word().is_multiple_of(3) {
                index.remove((numbers.word() % 4_000) as u32);
                watch(&index);
            }
        }
    }
    for ordinal in 0..4_000 {
        index.remove(ordinal);
        watch(&index);
    }
    check(&index, &Model::new());
    assert_eq!(index.cells(), 0);
    assert!(worst > 2 * CELL_MAX as u64, "nothing was split: {worst}");
}

#[test]
fn memory_stays_within_its_bound_and_is_used_again() {
    let mut numbers = Numbers(16);
    let vectors = vectors(Kind::Normal, 40_000, 8, &mut numbers);
    let mut index = filled(&vectors);
    let each = index.bytes() as f32 / index.len() as f32;
    assert!(each < 50.0, "{each} bytes a vector");
    let before = index.bytes();
    for round in 1..4 {
        for ordinal in 0..40_000 {
            let vector = &vectors[(ordinal + round * 13_001) % vectors.len()];
            index.set(ordinal as u32, vector).unwrap();
        }
    }
    assert!(index.bytes() < before * 5 / 4, "{before} {}", index.bytes());
    let mut room = Room::default();
    let query = numbers.vector(8);
    index.nearest(&query, 100, Effort::default(), |_| true, &mut room);
    let held = room.bytes();
    for _ in 0..50 {
        index.nearest(&numbers.vector(8), 100, Effort::default(), |_| true, &mut room);
    }
    assert_eq!(room.bytes(), held, "a search has allocated");
}

/// A fixed history, its state and answers in one number. On every machine it is this number: it changes
/// only with the way of working, and then the version of the snapshot changes with it.
#[test]
fn the_same_calls_end_in_the_same_bits_on_any_machine() {
    let mut numbers = Numbers(17);
    let (mut index, mut room) = (Embeddings::new(8), Room::default());
    let mut sum = 0_u64;
    let mut add = |bits: u32| sum = sum.rotate_left(5) ^ u64::from(bits).wrapping_mul(0x9e37_79b9);
    for round in 0..12_000 {
        let ordinal = (numbers.word() % 3_000) as u32;
        if numbers.word().is_multiple_of(4) {
            index.remove(ordinal);
        } else {
            let vector: Vec<f32> = (0..8).map(|_| numbers.even()).collect();
            index.set(ordinal, &vector).unwrap();
        }
        if round % 400 == 0 {
            let query: Vec<f32> = (0..8).map(|_| numbers.even()).collect();
            for &(ordinal, product) in
                index.nearest(&query, 50, Effort::default(), |_| true, &mut room)
            {
                add(ordinal);
                add(product.to_bits());
            }
        }
    }
    index.to_bytes().iter().for_each(|&byte| add(u32::from(byte)));
    assert_eq!(sum, GOLDEN, "{sum:#x}");
}

const GOLDEN: u64 = 0xdcc8_6518_8586_4e33;

#[test]
fn damaged_or_foreign_snapshots_are_refused() {
    let mut numbers = Numbers(18);
    let index = filled(&vectors(Kind::Clustered, 700, 4, &mut numbers));
    let bytes = index.to_bytes();
    assert!(Embeddings::from_bytes(&bytes, 4).is_ok());
    assert!(Embeddings::from_bytes(&bytes, 8).is_err());
    assert!(Embeddings::from_bytes(&bytes[..bytes.len() - 8], 4).is_err());
    for at in (0..bytes.len()).step_by(997) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Embeddings::from_bytes(&damaged, 4).is_err(), "byte {at}");
    }
}

#[test]
fn halves_part_two_heaps() {
    let mut numbers = Numbers(19);
    let mut index = Embeddings::new(4);
    for ordinal in 0..250 {
        let heap = if ordinal % 3 == 0 { 2.0 } else { -1.0 };
        let vector: Vec<f32> = (0..4).map(|_| heap + 0.2 * numbers.normal()).collect();
        index.set(ordinal, &vector).unwrap();
    }
    let cell = &index.cells.all[0];
    let sides = halves::halves(&index.blocks, cell, 5);
    let heap = |member: usize| index.blocks.ordinal(cell.place(member)).is_multiple_of(3);
    assert!((0..250).all(|member| (sides[member] == sides[0]) == (heap(member) == heap(0))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever comes, moves and goes: nothing is lost or doubled, and the whole is found exactly.
    #[test]
    fn histories_end_as_plain_lists_do(
        seed: u64, dimensions in prop::sample::select(vec![1_usize, 3, 8, 32]),
        grid in 0_u32..3, ordinals in 1_u64..3_000, steps in 0_usize..6_000, removals in 0_u64..8,
    ) {
        let mut numbers = Numbers(seed);
        let (mut index, mut model) = (Embeddings::new(dimensions), Model::new());
        for _ in 0..steps {
            let ordinal = (numbers.word() % ordinals) as u32;
            if numbers.word() % 10 < removals {
                prop_assert_eq!(index.remove(ordinal), model.remove(&ordinal).is_some());
                continue;
            }
            let mut vector = numbers.vector(dimensions);
            match grid {
                0 => {}
                1 => vector.iter_mut().for_each(|component| *component = component.round()),
                _ => vector.fill(1.0),
            }
            index.set(ordinal, &vector).unwrap();
            model.insert(ordinal, vector);
        }
        check(&index, &model);
        let mut again = Embeddings::from_bytes(&index.to_bytes(), dimensions).unwrap();
        check(&again, &model);
        let (mut room, query) = (Room::default(), numbers.vector(dimensions));
        let keep = |ordinal: u32| !ordinal.is_multiple_of(3);
        let expected = best(&model, &query, 100, keep);
        prop_assert_eq!(index.exact(&query, 100, keep, &mut room), &expected[..]);
        let all = Effort { recall: 1.0, vectors_max: usize::MAX };
        prop_assert_eq!(index.nearest(&query, 100, all, keep, &mut room), &expected[..]);
        for _ in 0..600 {
            let (ordinal, vector) = ((numbers.word() % ordinals) as u32, numbers.vector(dimensions));
            index.set(ordinal, &vector).unwrap();
            again.set(ordinal, &vector).unwrap();
            let gone = (numbers.word() % ordinals) as u32;
            prop_assert_eq!(index.remove(gone), again.remove(gone));
        }
        prop_assert!(index.to_bytes() == again.to_bytes());
    }
}
