//! Symmetric matrices in single precision and their inverse, in blocks that stay in the caches.
//!
//! The inverse is the symmetric sweep: each block of pivots is inverted on its own and eliminated
//! from the rest by one product of a tall and a wide panel, on the lower triangle alone. That is half
//! of n³ multiplications, as many as Cholesky's factors and their inverse take together, and one
//! loop carries all of them. Every number is summed in an order that is fixed by the matrix' size, so
//! the result has the same bits everywhere.

/// Pivots that are eliminated at once.
const BLOCK: usize = 128;
/// Columns that one pass over the panels covers: 512 · 128 numbers of a panel are 256 KiB.
const STRIPE: usize = 512;
/// Rows and columns that the innermost loop keeps in registers.
const TILE_ROWS: usize = 4;
const TILE_COLUMNS: usize = 16;

/// A symmetric matrix; only the lower triangle (`column ≤ row`) is kept true.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetric {
    size: usize,
    stride: usize,
    cells: Vec<f32>,
}

/// The matrix is not positive definite, or has a number that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPositive;

impl Symmetric {
    /// All zeros.
    pub fn new(size: usize) -> Self {
        // Whole tiles to the right, so that no loop needs a ragged end.
        let stride = size.next_multiple_of(TILE_COLUMNS);
        Self { size, stride, cells: vec![0.0; stride * size] }
    }

    /// Rows, which are as many as columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// One cell.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row.max(column), row.min(column));
        self.cells[row * self.stride + column]
    }

    /// Adds to the two cells that are one.
    pub fn add(&mut self, row: usize, column: usize, amount: f32) {
        let (row, column) = (row.max(column), row.min(column));
        self.cells[row * self.stride + column] += amount;
    }

    /// Sets a row and a column to zero.
    pub fn clear(&mut self, item: usize) {
        for other in 0..self.size {
            let (row, column) = (item.max(other), item.min(other));
            self.cells[row * self.stride + column] = 0.0;
        }
    }

    /// Adds to all cells of the diagonal.
    pub fn add_to_diagonal(&mut self, amount: f32) {
        for row in 0..self.size {
            self.cells[row * self.stride + row] += amount;
        }
    }

    /// The part of a row that is kept: columns up to and including the diagonal.
    pub fn lower_row(&self, row: usize) -> &[f32] {
        &self.cells[row * self.stride..=row * self.stride + row]
    }

    /// Copies the lower triangle over the upper one, so that [`Self::row`] is whole.
    pub fn mirror(&mut self) {
        const SIDE: usize = 64;
        for top in (0..self.size).step_by(SIDE) {
            for left in (0..=top).step_by(SIDE) {
                for row in top..(top + SIDE).min(self.size) {
                    for column in left..(left + SIDE).min(row) {
                        self.cells[column * self.stride + row] =
                            self.cells[row * self.stride + column];
                    }
                }
            }
        }
    }

    /// A row; right of the diagonal only true after [`Self::mirror`].
    pub fn row(&self, row: usize) -> &[f32] {
        &self.cells[row * self.stride..row * self.stride + self.size]
    }

    /// Replaces a positive definite matrix by its inverse; `step` is told how many pivots are done.
    pub fn invert(&mut self, mut step: impl FnMut(usize)) -> Result<(), NotPositive> {
        for from in (0..self.size).step_by(BLOCK) {
            let width = BLOCK.min(self.size - from);
            self.sweep(from, width)?;
            step(from + width);
        }
        for cell in &mut self.cells {
            *cell = -*cell;
        }
        Ok(())
    }

    /// Eliminates the pivots `from..from + width`.
    fn sweep(&mut self, from: usize, width: usize) -> Result<(), NotPositive> {
        let pivot = self.inverse_pivot(from, width)?;
        let wide = self.wide_panel(from, width);
        // tall = wideᵀ · pivot, a row per row of the matrix.
        let mut tall = vec![0.0_f32; self.size.next_multiple_of(TILE_ROWS) * width];
        for row in (0..self.size).filter(|row| !(from..from + width).contains(row)) {
            let out = &mut tall[row * width..(row + 1) * width];
            for inner in 0..width {
                let factor = wide[place_in_panel(inner, row, width)];
                for (cell, weight) in out.iter_mut().zip(&pivot[inner * width..][..width]) {
                    *cell += factor * weight;
                }
            }
        }
        self.subtract_product(&tall, &wide, width);
        for row in 0..width {
            let at = (from + row) * self.stride;
            for column in 0..from {
                self.cells[at + column] = tall[column * width + row];
            }
            for column in 0..=row {
                self.cells[at + from + column] = -pivot[row * width + column];
            }
        }
        for row in from + width..self.size {
            self.cells[row * self.stride + from..][..width]
                .copy_from_slice(&tall[row * width..][..width]);
        }
        Ok(())
    }

    /// The pivots' columns, tile by tile as the innermost loop reads them; zero at the pivots.
    fn wide_panel(&self, from: usize, width: usize) -> Vec<f32> {
        let mut wide = vec![0.0_f32; width * self.stride];
        for inner in 0..width {
            let at = (from + inner) * self.stride;
            for (column, cell) in self.cells[at..at + from].iter().enumerate() {
                wide[place_in_panel(inner, column, width)] = *cell;
            }
        }
        for row in from + width..self.size {
            let cells = &self.cells[row * self.stride + from..][..width];
            for (inner, cell) in cells.iter().enumerate() {
                wide[place_in_panel(inner, row, width)] = *cell;
            }
        }
        wide
    }

    /// `cells −= tall · wide` on the lower triangle. Rows and columns of the pivots are zero in the
    /// panels, so their cells stay.
    fn subtract_product(&mut self, tall: &[f32], wide: &[f32], width: usize) {
        for left in (0..self.size).step_by(STRIPE) {
            let right = (left + STRIPE).min(self.stride);
            for top in (left..self.size).step_by(TILE_ROWS) {
                let rows = TILE_ROWS.min(self.size - top);
                let last = (top + rows).next_multiple_of(TILE_COLUMNS).min(right);
                let tall = &tall[top * width..(top + TILE_ROWS) * width];
                for column in (left..last).step_by(TILE_COLUMNS) {
                    let wide = &wide[column * width..(column + TILE_COLUMNS) * width];
                    let sums = tile(tall, wide, width);
                    for (row, sums) in sums.iter().enumerate().take(rows) {
                        let at = (top + row) * self.stride + column;
                        let cells = &mut self.cells[at..at + TILE_COLUMNS];
                        for (cell, sum) in cells.iter_mut().zip(sums) {
                            *cell -= sum;
                        }
                    }
                }
            }
        }
    }

    /// The inverse of one block on the diagonal, in double precision.
    fn inverse_pivot(&self, from: usize, width: usize) -> Result<Vec<f32>, NotPositive> {
        let mut block: Vec<f64> = (0..width * width)
            .map(|cell| f64::from(self.at(from + cell / width, from + cell % width)))
            .collect();
        invert_small(&mut block, width)?;
        Ok(block.into_iter().map(|cell| cell as f32).collect())
    }
}

/// Where a panel keeps a cell: tiles of columns one after the other, in each a line per pivot.
fn place_in_panel(inner: usize, column: usize, width: usize) -> usize {
    (column / TILE_COLUMNS * width + inner) * TILE_COLUMNS + column % TILE_COLUMNS
}

/// The product of `TILE_ROWS` rows of the tall panel and one tile of the wide one.
#[inline]
fn tile(tall: &[f32], wide: &[f32], width: usize) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
    let mut sums = [[0.0_f32; TILE_COLUMNS]; TILE_ROWS];
    let (first, rest) = tall.split_at(width);
    let (second, rest) = rest.split_at(width);
    let (third, fourth) = rest.split_at(width);
    let factors = first.iter().zip(second).zip(third).zip(fourth);
    let (lines, _) = wide.as_chunks::<TILE_COLUMNS>();
    for (line, (((first, second), third), fourth)) in lines.iter().zip(factors) {
        for (sums, factor) in sums.iter_mut().zip([first, second, third, fourth]) {
            for (sum, weight) in sums.iter_mut().zip(line) {
                *sum += factor * weight;
            }
        }
    }
    sums
}

/// Replaces a small positive definite matrix, all cells given, by its inverse.
pub(super) fn invert_small(cells: &mut [f64], size: usize) -> Result<(), NotPositive> {
    for pivot in 0..size {
        let diagonal = cells[pivot * size + pivot];
        if !(diagonal.is_finite() && diagonal > 0.0) {
            return Err(NotPositive);
        }
        let inverse = 1.0 / diagonal;
        let line: Vec<f64> = cells[pivot * size..(pivot + 1) * size].to_vec();
        for row in (0..size).filter(|&row| row != pivot) {
            let factor = cells[row * size + pivot] * inverse;
            let out = &mut cells[row * size..(row + 1) * size];
            for (cell, value) in out.iter_mut().zip(&line) {
                *cell -= factor * value;
            }
            out[pivot] = -factor;
        }
        for (column, value) in line.iter().enumerate() {
            cells[pivot * size + column] = value * inverse;
        }
        cells[pivot * size + pivot] = inverse;
    }
    Ok(())
}
