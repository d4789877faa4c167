//! A cell in two: 2-means (Lloyd) from either side of the mean along the widest axis.

use super::blocks::{Blocks, LANES, Lanes, products};
use super::cells::Cell;

/// Steps of Lloyd's: the border hardly moves after these.
pub(super) const STEPS: usize = 6;
/// Neither half is smaller than this share, so that what was split is not joined at once.
const SHARE_MIN: usize = 8;

/// Sums by lane: how many, then each component.
struct Sums {
    count: Lanes,
    rows: Vec<Lanes>,
}

impl Sums {
    fn new(dimensions: usize) -> Self {
        Self { count: [0.0; LANES], rows: vec![[0.0; LANES]; dimensions] }
    }

    fn add(&mut self, rows: &[f32], mask: &Lanes) {
        for (count, lane) in self.count.iter_mut().zip(mask) {
            *count += lane;
        }
        for (sums, row) in self.rows.iter_mut().zip(rows.as_chunks::<LANES>().0) {
            for ((sum, component), lane) in sums.iter_mut().zip(row).zip(mask) {
                *sum += lane * component;
            }
        }
    }

    fn count(&self) -> f32 {
        self.count.iter().sum()
    }

    fn total(&self) -> Vec<f32> {
        self.rows.iter().map(|row| row.iter().sum()).collect()
    }
}

fn used_lanes(used: usize) -> Lanes {
    std::array::from_fn(|lane| f32::from(u8::from(lane < used)))
}

/// For each member whether it goes to the new cell.
pub(super) fn halves(blocks: &Blocks, cell: &Cell, dimensions: usize) -> Vec<bool> {
    let mut raised = Vec::new();
    let mut whole = Sums::new(dimensions);
    for (block, used) in cell.blocks() {
        blocks.raised(block, &mut raised);
        whole.add(&raised, &used_lanes(used));
    }
    let (count, total) = (whole.count(), whole.total());
    let mean: Vec<f32> = total.iter().map(|sum| sum / count).collect();
    let (axis, deviation) = widest(blocks, cell, &mean);
    let mut direction = vec![0.0; dimensions];
    direction[axis] = 1.0;
    let mut border = mean[axis];
    for _ in 0..STEPS {
        let mut far = Sums::new(dimensions);
        for (block, used) in cell.blocks() {
            blocks.raised(block, &mut raised);
            let rows = &raised[..];
            let along = products(rows, &direction);
            let mut mask = used_lanes(used);
            for (lane, along) in mask.iter_mut().zip(along) {
                *lane = if along > border { *lane } else { 0.0 };
            }
            far.add(rows, &mask);
        }
        let far_count = far.count();
        if far_count <= 0.0 || far_count >= count || deviation <= 0.0 {
            break;
        }
        border = 0.0;
        for (axis, far) in far.total().iter().enumerate() {
            let near = (total[axis] - far) / (count - far_count);
            let far = far / far_count;
            direction[axis] = far - near;
            border += 0.5 * (far - near) * (far + near);
        }
    }
    sides(blocks, cell, &direction, border)
}

/// The axis along which the members vary most, and how much.
fn widest(blocks: &Blocks, cell: &Cell, mean: &[f32]) -> (usize, f32) {
    let mut raised = Vec::new();
    let mut squares = vec![[0.0; LANES]; mean.len()];
    for (block, used) in cell.blocks() {
        let mask = used_lanes(used);
        blocks.raised(block, &mut raised);
        let rows = raised.as_chunks::<LANES>().0;
        for ((squares, row), mean) in squares.iter_mut().zip(rows).zip(mean) {
            for ((square, component), lane) in squares.iter_mut().zip(row).zip(mask) {
                *square += lane * (component - mean) * (component - mean);
            }
        }
    }
    let mut best = (0, 0.0);
    for (axis, row) in squares.iter().enumerate() {
        let sum: f32 = row.iter().sum();
        if sum > best.1 {
            best = (axis, sum);
        }
    }
    best
}

/// Who lies beyond the border; where too few or too many do, the border gives way.
fn sides(blocks: &Blocks, cell: &Cell, direction: &[f32], border: f32) -> Vec<bool> {
    let mut raised = Vec::new();
    let mut along = Vec::with_capacity(cell.len);
    for (block, used) in cell.blocks() {
        blocks.raised(block, &mut raised);
        along.extend_from_slice(&products(&raised, direction)[..used]);
    }
    let far = along.iter().filter(|&&along| along > border).count();
    let least = cell.len / SHARE_MIN;
    let wanted = if far < least {
        least
    } else if far > cell.len - least {
        cell.len - least
    } else {
        return along.iter().map(|&along| along > border).collect();
    };
    // Members that are alike have to part too: their places in the cell tell them apart.
    let mut order: Vec<usize> = (0..cell.len).collect();
    order.sort_unstable_by(|&a, &b| along[b].total_cmp(&along[a]).then(b.cmp(&a)));
    let mut sides = vec![false; cell.len];
    for &member in &order[..wanted] {
        sides[member] = true;
    }
    sides
}
