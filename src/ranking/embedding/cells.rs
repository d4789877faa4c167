//! The cells: what lies in each, the mean and spread of it, and the table of both that searches read.

use multiversion::multiversion;

use super::blocks::{LANES, Lanes, Place, products};

/// What lies in a cell.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// All full but the last.
    pub(super) blocks: Vec<u32>,
    pub(super) len: usize,
    /// By dimension the sum of the components, then by dimension the sum of their squares. Vectors
    /// come and go for years: in double precision what rounding leaves behind stays negligible.
    sums: Box<[f64]>,
}

impl Cell {
    /// Where a member lies, from 0.
    pub(super) fn place(&self, member: usize) -> Place {
        self.blocks[member / LANES] * LANES as u32 + (member % LANES) as u32
    }

    pub(super) fn count(&mut self, vector: &[f32], sign: f64) {
        let (sums, squares) = self.sums.split_at_mut(vector.len());
        for ((sum, square), &component) in sums.iter_mut().zip(squares).zip(vector) {
            let component = f64::from(component);
            *sum += sign * component;
            *square += sign * component * component;
        }
    }

    pub(super) fn sums(&self) -> &[f64] {
        &self.sums
    }

    pub(super) fn set_sums(&mut self, sums: &[f64]) {
        self.sums.copy_from_slice(sums);
    }

    /// Its blocks, each with how many of its lanes are used.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (u32, usize)> {
        let used = |at: usize| (self.len - at * LANES).min(LANES);
        self.blocks.iter().enumerate().map(move |(at, &block)| (block, used(at)))
    }
}

/// Variance for each square of a mean, far above what rounding makes of members that are all alike.
const ROUNDING: f64 = 1e-10;
/// Deviations are not taken for less: products that are all alike still have a place to differ from.
const LEAST: f32 = 1e-20;

/// What a query may expect of a cell: about normally distributed products of that many members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    pub(super) cell: u32,
    pub(super) members: f32,
    pub(super) mean: f32,
    pub(super) deviation: f32,
    /// One over the deviation: a product instead of a quotient, several times a query.
    inverse: f32,
}

impl Outlook {
    /// How many deviations a product lies above the mean.
    #[inline]
    pub(super) fn deviations(&self, product: f32) -> f32 {
        (product - self.mean) * self.inverse
    }
}

/// All cells, by number without gaps.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    dimensions: usize,
    pub(super) all: Vec<Cell>,
    /// Groups of [`LANES`] cells: a row for each dimension of the means, then half of their square.
    means: Vec<f32>,
    /// Groups of [`LANES`] cells: a row for each dimension's variance.
    variances: Vec<f32>,
}

impl Cells {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { dimensions, all: Vec::new(), means: Vec::new(), variances: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many sums a cell of so many dimensions keeps.
    pub(super) const fn sums(dimensions: usize) -> usize {
        2 * dimensions
    }

    /// One more cell, with nothing in it.
    pub(super) fn push(&mut self) -> u32 {
        if self.all.len().is_multiple_of(LANES) {
            let groups = self.all.len() / LANES + 1;
            self.means.resize(groups * (self.dimensions + 1) * LANES, 0.0);
            self.variances.resize(groups * self.dimensions * LANES, 0.0);
        }
        let sums = vec![0.0; Self::sums(self.dimensions)].into_boxed_slice();
        self.all.push(Cell { blocks: Vec::new(), len: 0, sums });
        self.all.len() as u32 - 1
    }

    /// Removes an empty cell; the last one takes its number.
    pub(super) fn swap_remove(&mut self, cell: u32) {
        self.all.swap_remove(cell as usize);
        if (cell as usize) < self.all.len() {
            self.publish(cell);
        }
        let groups = self.all.len().div_ceil(LANES);
        self.means.truncate(groups * (self.dimensions + 1) * LANES);
        self.variances.truncate(groups * self.dimensions * LANES);
    }

    /// Writes a cell's mean and variances where searches read them.
    pub(super) fn publish(&mut self, cell: u32) {
        let (group, lane) = (cell as usize / LANES, cell as usize % LANES);
        let Cell { len, sums, .. } = &self.all[cell as usize];
        let share = 1.0 / (*len).max(1) as f64;
        let width = (self.dimensions + 1) * LANES;
        let means = &mut self.means[group * width..(group + 1) * width];
        let width = self.dimensions * LANES;
        let variances = &mut self.variances[group * width..(group + 1) * width];
        let mut half_square = 0.0;
        for axis in 0..self.dimensions {
            let mean = sums[axis] * share;
            let variance = sums[self.dimensions + axis] * share - mean * mean;
            half_square += 0.5 * mean * mean;
            means[axis * LANES + lane] = mean as f32;
            let rounding = ROUNDING * mean * mean;
            variances[axis * LANES + lane] = (variance.max(0.0) + rounding) as f32;
        }
        means[self.dimensions * LANES + lane] = half_square as f32;
    }

    /// The mean of a cell's members.
    pub(super) fn mean(&self, cell: u32) -> Vec<f32> {
        let (group, lane) = (cell as usize / LANES, cell as usize % LANES);
        let rows = self.means[group * (self.dimensions + 1) * LANES..].as_chunks::<LANES>().0;
        rows[..self.dimensions].iter().map(|row| row[lane]).collect()
    }

    /// The squared distance of a vector from a cell's mean, and the mean of its members'.
    pub(super) fn distance(&self, cell: u32, vector: &[f32]) -> (f32, f32) {
        let (group, lane) = (cell as usize / LANES, cell as usize % LANES);
        let means = self.means[group * (self.dimensions + 1) * LANES..].as_chunks::<LANES>().0;
        let variances = self.variances[group * self.dimensions * LANES..].as_chunks::<LANES>().0;
        let (mut distance, mut spread) = (0.0, 0.0);
        for ((component, mean), variance) in vector.iter().zip(means).zip(variances) {
            distance += (component - mean[lane]) * (component - mean[lane]);
            spread += variance[lane];
        }
        (distance, spread)
    }

    /// The cell whose mean is nearest, but for one that is left out. The lower number wins a tie.
    pub(super) fn nearest(&self, vector: &[f32], but: Option<u32>) -> Option<u32> {
        // |x − c|² is least where x·c − ½|c|² is greatest.
        let (mut best, mut at): (Lanes, [u32; LANES]) = ([f32::NEG_INFINITY; LANES], [0; LANES]);
        let width = (self.dimensions + 1) * LANES;
        for (group, means) in self.means.chunks_exact(width).enumerate() {
            let mut closeness = products(means, vector);
            let half_squares = &means[self.dimensions * LANES..];
            for (closeness, half_square) in closeness.iter_mut().zip(half_squares) {
                *closeness -= half_square;
            }
            if let Some(but) = but.filter(|but| *but as usize / LANES == group) {
                closeness[but as usize % LANES] = f32::NEG_INFINITY;
            }
            let used = (self.all.len() - group * LANES).min(LANES);
            closeness[used..].fill(f32::NEG_INFINITY);
            for ((best, at), closeness) in best.iter_mut().zip(&mut at).zip(closeness) {
                let better = closeness > *best;
                *best = if better { closeness } else { *best };
                *at = if better { group as u32 } else { *at };
            }
        }
        let lanes = (0..LANES).filter(|&lane| best[lane] > f32::NEG_INFINITY);
        let number = |lane: usize| at[lane] * LANES as u32 + lane as u32;
        let better = |&one: &usize, &other: &usize| {
            best[one].total_cmp(&best[other]).then(number(other).cmp(&number(one)))
        };
        lanes.max_by(better).map(number)
    }

    pub(super) fn bytes(&self) -> usize {
        let blocks: usize = self.all.iter().map(|cell| cell.blocks.capacity() * 4).sum();
        let own = self.all.capacity() * size_of::<Cell>();
        let sums = self.all.len() * Self::sums(self.dimensions) * size_of::<f64>();
        blocks + own + sums + (self.means.capacity() + self.variances.capacity()) * 4
    }
}

/// For each cell the mean of its members' products with a query and their standard deviation.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn outlooks(cells: &Cells, query: &[f32], squares: &[f32], into: &mut Vec<Outlook>) {
    let groups = cells.means.chunks_exact((cells.dimensions + 1) * LANES);
    let variances = cells.variances.chunks_exact(cells.dimensions * LANES);
    into.clear();
    for (group, (means, variances)) in groups.zip(variances).enumerate() {
        let means = products(means, query);
        let deviations = products(variances, squares).map(f32::sqrt);
        let used = (cells.all.len() - group * LANES).min(LANES);
        let both = means[..used].iter().zip(&deviations[..used]).enumerate();
        into.extend(both.map(|(lane, (&mean, &deviation))| {
            let cell = group * LANES + lane;
            let members = cells.all[cell].len as f32;
            let deviation = deviation.max(LEAST);
            let inverse = 1.0 / deviation;
            Outlook { cell: cell as u32, members, mean, deviation, inverse }
        }));
    }
}
