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
    for (number, cell) in index.cells.cells.iter().enumerate() {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

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
        let (mut room, query) = (Room::default(), numbers.vector(dimensions));
        let keep = |ordinal: u32| !ordinal.is_multiple_of(3);
        let expected = best(&model, &query, 100, keep);
        prop_assert_eq!(index.exact(&query, 100, keep, &mut room), &expected[..]);
        let all = Effort { deviations: 1e6, vectors_max: usize::MAX };
        prop_assert_eq!(index.nearest(&query, 100, all, keep, &mut room), &expected[..]);
    }
}
