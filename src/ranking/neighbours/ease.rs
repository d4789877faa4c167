//! Item–item weights of EASE's kind: how much having met one item speaks for another, with what
//! their common companions explain taken out.
//!
//! Each item's weights are a ridge regression of its own meetings on all others'. For a small
//! catalogue one inverse gives all of them exactly: with `P = (G + λI)⁻¹`, the weight of `i` for `j`
//! is `−P[i][j] / P[j][j]`. For a large one each item is regressed on its best few companions.

use super::counts::{Counts, EXACT_ITEMS_MAX};
use super::dense::{NotPositive, Symmetric};
use super::snapshot::{read_pairs, write_pairs};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Companions on which an item of a large catalogue is regressed, at least and at most.
const COMPANIONS: std::ops::RangeInclusive<usize> = 24..=160;
/// Multiplications that one refit of a large catalogue may take: with the look-ups about a minute.
const REFIT_OPERATIONS_MAX: usize = 20_000_000_000;

/// Weights that an item keeps of an exact fit.
const TRIMMED_MAX: usize = 320;

/// How weights are worked out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// All of them at once, as far as all pairs are counted.
    #[default]
    Exact,
    /// As [`Self::Exact`], of which each item keeps its heaviest few: quick to score by, and each can
    /// be worked out anew.
    Trimmed,
    /// Each item from its best few companions.
    Local,
}

/// Weights between items.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ItemWeights {
    /// None yet.
    #[default]
    None,
    /// Every pair of the items that were met.
    Exact {
        /// Per item its place in the matrix, or `u32::MAX`.
        places: Vec<u32>,
        /// Per place the item.
        items: Vec<u32>,
        /// A row per source, a column per target.
        rows: HalfRows,
    },
    /// The heaviest pairs.
    Sparse(SparseWeights),
}

/// A square of weights with eight bits of precision (the upper halves of single ones): what scoring
/// costs is fetching them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HalfRows {
    size: usize,
    cells: Vec<u16>,
}

/// Columns that are summed over all sources before the next ones, so that the sums stay in the
/// nearest cache.
const COLUMNS_AT_ONCE: usize = 2_048;

impl HalfRows {
    /// The rows of a mirrored matrix, each column times its scale, zero on the diagonal.
    fn of(rows: &Symmetric, scales: &[f32]) -> Self {
        let size = rows.size();
        let mut cells = Vec::with_capacity(size * size);
        for row in 0..size {
            let weights = rows.row(row).iter().zip(scales);
            cells.extend(weights.map(|(weight, scale)| half(weight * scale)));
            cells[row * size + row] = 0;
        }
        Self { size, cells }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        whole(self.cells[row * self.size + column])
    }

    fn accumulate(&self, sources: &[(usize, f32)], sums: &mut [f32]) {
        let (fours, rest) = sources.as_chunks::<4>();
        for (part, sums) in sums.chunks_mut(COLUMNS_AT_ONCE).enumerate() {
            let cells = |row: usize| {
                let from = row * self.size + part * COLUMNS_AT_ONCE;
                &self.cells[from..][..COLUMNS_AT_ONCE.min(self.size - part * COLUMNS_AT_ONCE)]
            };
            // Four rows at once: each sum is fetched and put back a quarter as often.
            for [one, two, three, four] in fours {
                let rows =
                    cells(one.0).iter().zip(cells(two.0)).zip(cells(three.0)).zip(cells(four.0));
                for (sum, (((a, b), c), d)) in sums.iter_mut().zip(rows) {
                    let first = one.1 * whole(*a) + two.1 * whole(*b);
                    *sum += first + (three.1 * whole(*c) + four.1 * whole(*d));
                }
            }
            for (row, factor) in rest {
                for (sum, cell) in sums.iter_mut().zip(cells(*row)) {
                    *sum += factor * whole(*cell);
                }
            }
        }
    }
}

/// The nearest number whose lower half is zero.
fn half(number: f32) -> u16 {
    ((number.to_bits() + 0x8000) >> 16) as u16
}

fn whole(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

/// Weights of each item on its best few companions, which can be worked out anew one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseWeights {
    /// Per source its targets by ascending number.
    rows: Vec<Vec<(u32, f32)>>,
    /// Per target its sources.
    sources: Vec<Vec<u32>>,
    /// How many companions an item is regressed on.
    companions: usize,
    /// How many targets a source keeps, the heaviest ones.
    targets_max: usize,
}

impl SparseWeights {
    /// None yet, for so many items of which `met` were met.
    pub fn new(items: usize, met: usize) -> Self {
        // The solver takes n³/6 multiplications, the look-ups n²/2 times a few.
        let affordable = (REFIT_OPERATIONS_MAX * 3 / met.max(1)) as f64;
        let companions = (affordable.cbrt() as usize).clamp(*COMPANIONS.start(), *COMPANIONS.end());
        let (rows, sources) = (vec![Vec::new(); items], vec![Vec::new(); items]);
        Self { rows, sources, companions, targets_max: usize::MAX }
    }

    /// None yet, for a catalogue that is empty: each item is regressed on so many companions at most, and
    /// speaks for so many at most.
    pub fn bounded(companions: usize, targets_max: usize) -> Self {
        Self { companions, targets_max, ..Self::default() }
    }

    /// Makes room for so many items.
    pub fn grow(&mut self, items: usize) {
        self.rows.resize_with(items.max(self.rows.len()), Vec::new);
        self.sources.resize_with(items.max(self.sources.len()), Vec::new);
    }

    /// Works out anew what speaks for an item.
    pub fn refresh(&mut self, counts: &Counts, item: u32, ridge: f32) {
        self.drop_sources(item);
        for (source, weight) in regress(counts, item, ridge, self.companions) {
            let row = &mut self.rows[source as usize];
            if let Err(at) = row.binary_search_by_key(&item, |(target, _)| *target) {
                row.insert(at, (item, weight));
                self.sources[item as usize].push(source);
            }
            if row.len() > self.targets_max {
                self.drop_lightest(source);
            }
        }
    }

    fn drop_lightest(&mut self, source: u32) {
        let row = &mut self.rows[source as usize];
        let lightest = (0..row.len()).min_by(|&a, &b| row[a].1.total_cmp(&row[b].1));
        let Some(at) = lightest else { return };
        let (target, _) = row.remove(at);
        self.sources[target as usize].retain(|&other| other != source);
    }

    /// Forgets an item that is no more.
    pub fn forget(&mut self, item: u32) {
        self.drop_sources(item);
        for (target, _) in std::mem::take(&mut self.rows[item as usize]) {
            self.sources[target as usize].retain(|&source| source != item);
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.word(self.companions as u64);
        writer.word(self.targets_max as u64);
        for row in &self.rows {
            write_pairs(row, writer);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, items: usize) -> Result<Self, SnapshotError> {
        let companions = reader.word()? as usize;
        let targets_max = usize::try_from(reader.word()?).map_err(|_| SnapshotError::Damaged)?;
        if !COMPANIONS.contains(&companions) || targets_max == 0 {
            return Err(SnapshotError::Damaged);
        }
        let rows: Vec<Vec<(u32, f32)>> =
            (0..items).map(|_| read_pairs(reader, items)).collect::<Result<_, _>>()?;
        let mut sources = vec![Vec::new(); items];
        for (source, row) in rows.iter().enumerate() {
            if row.len() > targets_max {
                return Err(SnapshotError::Damaged);
            }
            for &(target, _) in row {
                sources[target as usize].push(source as u32);
            }
        }
        Ok(Self { rows, sources, companions, targets_max })
    }

    /// What an item speaks for, by ascending number, with the weights.
    pub fn targets(&self, item: u32) -> &[(u32, f32)] {
        self.rows.get(item as usize).map_or(&[], |row| row)
    }

    fn drop_sources(&mut self, item: u32) {
        for source in std::mem::take(&mut self.sources[item as usize]) {
            let row = &mut self.rows[source as usize];
            if let Ok(at) = row.binary_search_by_key(&item, |(target, _)| *target) {
                row.remove(at);
            }
        }
    }
}

impl ItemWeights {
    /// Learns from counts; `step` is told the share that is done.
    pub fn fit(
        counts: &Counts,
        fit: Fit,
        ridge: f32,
        step: impl FnMut(f32),
    ) -> Result<Self, NotPositive> {
        match counts {
            Counts::Exact(_) if fit == Fit::Exact => Self::exact(counts, ridge, step),
            Counts::Exact(_) if fit == Fit::Trimmed => {
                Ok(Self::exact(counts, ridge, step)?.trimmed())
            }
            Counts::Exact(_) | Counts::Sparse(_) => Ok(Self::local(counts, ridge, step)),
        }
    }

    /// All pairs of the items that were met, at most [`EXACT_ITEMS_MAX`].
    pub fn exact(
        counts: &Counts,
        ridge: f32,
        mut step: impl FnMut(f32),
    ) -> Result<Self, NotPositive> {
        let met = (0..counts.items() as u32).filter(|&item| counts.total(item) > 0.0);
        let items: Vec<u32> = met.take(EXACT_ITEMS_MAX).collect();
        Self::exact_among(counts, items, ridge, &mut step)
    }

    /// All pairs of these items, given in ascending order.
    pub fn exact_among(
        counts: &Counts,
        items: Vec<u32>,
        ridge: f32,
        step: &mut dyn FnMut(f32),
    ) -> Result<Self, NotPositive> {
        let size = items.len();
        let mut rows = Symmetric::new(size);
        for (place, &item) in items.iter().enumerate() {
            for (other_place, &other) in items[..=place].iter().enumerate() {
                rows.add(place, other_place, counts.pair(item, other));
            }
        }
        rows.add_to_diagonal(ridge);
        rows.invert(|done| step(done as f32 / size as f32))?;
        rows.mirror();
        let scales: Vec<f32> = (0..size).map(|place| -1.0 / rows.at(place, place)).collect();
        let rows = HalfRows::of(&rows, &scales);
        let mut places = vec![u32::MAX; counts.items()];
        for (place, &item) in items.iter().enumerate() {
            places[item as usize] = place as u32;
        }
        Ok(Self::Exact { places, items, rows })
    }

    /// Only the heaviest weights for each item.
    fn trimmed(self) -> Self {
        let Self::Exact { places, items, rows } = self else { return self };
        let mut weights = SparseWeights::new(places.len(), items.len());
        let mut column: Vec<(u32, f32)> = Vec::with_capacity(items.len());
        for (target, &item) in items.iter().enumerate() {
            column.clear();
            let cells = items.iter().enumerate().map(|(at, &id)| (id, rows.at(at, target)));
            column.extend(cells.filter(|(_, weight)| *weight != 0.0));
            if column.len() > TRIMMED_MAX {
                column.select_nth_unstable_by(TRIMMED_MAX, |a, b| {
                    b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0))
                });
                column.truncate(TRIMMED_MAX);
            }
            column.sort_unstable_by_key(|(source, _)| *source);
            for &(source, weight) in &column {
                // Targets ascend, so each row stays in order.
                weights.rows[source as usize].push((item, weight));
                weights.sources[item as usize].push(source);
            }
        }
        Self::Sparse(weights)
    }

    /// Each item on the companions that explain most of it.
    pub fn local(counts: &Counts, ridge: f32, mut step: impl FnMut(f32)) -> Self {
        let items = counts.items();
        let met: Vec<u32> = (0..items as u32).filter(|&item| counts.total(item) > 0.0).collect();
        let mut weights = SparseWeights::new(items, met.len());
        for (done, &item) in met.iter().enumerate() {
            weights.refresh(counts, item, ridge);
            if done % 256 == 0 {
                step(done as f32 / met.len() as f32);
            }
        }
        Self::Sparse(weights)
    }

    /// Adds to the scores of all items what these sources, each with its factor, say for them.
    pub fn accumulate(&self, sources: &[(u32, f32)], scores: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Exact { places, items, rows } => {
                let place = |source: u32| places.get(source as usize).filter(|&&at| at != u32::MAX);
                let sources: Vec<(usize, f32)> = sources
                    .iter()
                    .filter_map(|&(source, factor)| Some((*place(source)? as usize, factor)))
                    .collect();
                if items.len() == scores.len() {
                    rows.accumulate(&sources, scores);
                    return;
                }
                let mut sums = vec![0.0; items.len()];
                rows.accumulate(&sources, &mut sums);
                for (&item, sum) in items.iter().zip(sums) {
                    scores[item as usize] += sum;
                }
            }
            Self::Sparse(weights) => {
                for &(source, factor) in sources {
                    for &(target, weight) in weights.targets(source) {
                        scores[target as usize] += factor * weight;
                    }
                }
            }
        }
    }

    /// How much `source` speaks for `target`.
    pub fn between(&self, source: u32, target: u32) -> f32 {
        match self {
            Self::None => 0.0,
            Self::Exact { places, rows, .. } => {
                let place = |item: u32| places.get(item as usize).filter(|&&at| at != u32::MAX);
                place(source)
                    .zip(place(target))
                    .map_or(0.0, |(row, column)| rows.at(*row as usize, *column as usize))
            }
            Self::Sparse(weights) => {
                let row = weights.targets(source);
                let at = row.binary_search_by_key(&target, |(target, _)| *target);
                at.map_or(0.0, |at| row[at].1)
            }
        }
    }
}

/// The sources of one item and their weights: the ridge regression on at most `size` companions.
fn regress(counts: &Counts, item: u32, ridge: f32, size: usize) -> Vec<(u32, f32)> {
    // What a companion alone would explain; of equal ones the lower number comes first.
    let mut gains: Vec<(f32, u32, f32)> = counts
        .companions(item)
        .into_iter()
        .map(|(other, count)| (count * count / (counts.total(other) + ridge), other, count))
        .collect();
    let better = |a: &(f32, u32, f32), b: &(f32, u32, f32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if gains.len() > size {
        gains.select_nth_unstable_by(size, better);
        gains.truncate(size);
    }
    gains.sort_unstable_by_key(|(_, other, _)| *other);
    let size = gains.len();
    let mut factor = vec![0.0_f32; size * size];
    for row in 0..size {
        for column in 0..row {
            factor[row * size + column] = counts.pair(gains[row].1, gains[column].1);
        }
        factor[row * size + row] = counts.total(gains[row].1) + ridge;
    }
    let mut weights: Vec<f32> = gains.iter().map(|(_, _, count)| *count).collect();
    solve(&mut factor, &mut weights);
    gains.iter().map(|(_, other, _)| *other).zip(weights).collect()
}

/// Solves a positive definite system, given by its lower triangle, in place by Cholesky's factor. A
/// pivot that rounding made too small is left out: its weight becomes nearly zero.
fn solve(factor: &mut [f32], right: &mut [f32]) {
    let size = right.len();
    for row in 0..size {
        let (above, own) = factor.split_at_mut(row * size);
        let own = &mut own[..=row];
        for column in 0..row {
            let other = &above[column * size..=column * size + column];
            let sum = own[column] - dot(&own[..column], &other[..column]);
            own[column] = sum / other[column];
        }
        let rest = own[row] - dot(&own[..row], &own[..row]);
        own[row] = if rest > own[row] * 1e-6 { rest.sqrt() } else { f32::MAX.sqrt() };
    }
    for row in 0..size {
        let line = &factor[row * size..=row * size + row];
        right[row] = (right[row] - dot(&line[..row], &right[..row])) / line[row];
    }
    for row in (0..size).rev() {
        right[row] /= factor[row * size + row];
        let value = right[row];
        let line = &factor[row * size..row * size + row];
        for (cell, weight) in right[..row].iter_mut().zip(line) {
            *cell -= weight * value;
        }
    }
}

/// A sum of products in eight lanes, always in the same order.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (chunks, other_chunks) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 =
        chunks.remainder().iter().zip(other_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in chunks.zip(other_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}
