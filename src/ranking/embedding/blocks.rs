//! Vectors in blocks of [`LANES`], component by component, so that a block is scored by whole
//! registers: sixteen sums that never mix, each added up in the order of the components.
//!
//! Blocks lie in slabs that are never moved: growth allocates one slab and copies nothing.

/// Vectors in a block.
pub(super) const LANES: usize = 16;
/// Blocks in a slab: 32 KiB at eight dimensions.
const SLAB_BLOCKS: usize = 64;

/// Where a vector lies: its block's number times [`LANES`], plus its lane.
pub(super) type Place = u32;

/// A number for each vector of a block.
pub(super) type Lanes = [f32; LANES];

/// How much a difference in length counts beside one in direction and place: the greatest products are
/// found among the long, so cells should tell long from short.
const HEIGHT_WEIGHT: f32 = 2.0;

/// Sets the last component to the height: the weighted length of the others.
pub(super) fn raise(vector: &mut [f32]) {
    if let Some((height, components)) = vector.split_last_mut() {
        let mut square = 0.0;
        for component in components {
            square += *component * *component;
        }
        *height = HEIGHT_WEIGHT * square.sqrt();
    }
}

/// Sums `weights · components` for each lane, in the order of the components.
#[expect(clippy::inline_always, reason = "to use the registers of the loop that calls it")]
#[inline(always)]
pub(super) fn products(rows: &[f32], weights: &[f32]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (row, &weight) in rows.as_chunks::<LANES>().0.iter().zip(weights) {
        for (sum, &component) in sums.iter_mut().zip(row) {
            *sum += weight * component;
        }
    }
    sums
}

/// All blocks, used and free.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    dimensions: usize,
    components: Vec<Box<[f32]>>,
    ordinals: Vec<Box<[u32]>>,
    /// The cell that a block belongs to.
    owners: Vec<u32>,
    free: Vec<u32>,
}

impl Blocks {
    pub(super) fn new(dimensions: usize) -> Self {
        let (components, ordinals) = (Vec::new(), Vec::new());
        Self { dimensions, components, ordinals, owners: Vec::new(), free: Vec::new() }
    }

    /// Blocks, used and free.
    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    /// A block for a cell.
    pub(super) fn take(&mut self, owner: u32) -> u32 {
        if let Some(block) = self.free.pop() {
            self.owners[block as usize] = owner;
            return block;
        }
        if self.owners.len().is_multiple_of(SLAB_BLOCKS) {
            let slots = SLAB_BLOCKS * LANES;
            self.components.push(vec![0.0; slots * self.dimensions].into_boxed_slice());
            self.ordinals.push(vec![0; slots].into_boxed_slice());
        }
        self.owners.push(owner);
        self.owners.len() as u32 - 1
    }

    /// Gives a block back.
    pub(super) fn give(&mut self, block: u32) {
        self.free.push(block);
    }

    pub(super) fn owner(&self, place: Place) -> u32 {
        self.owners[place as usize / LANES]
    }

    pub(super) fn set_owner(&mut self, block: u32, owner: u32) {
        self.owners[block as usize] = owner;
    }

    /// The components of a block: a row of [`LANES`] for each dimension.
    #[inline]
    pub(super) fn rows(&self, block: u32) -> &[f32] {
        let (slab, inner) = (block as usize / SLAB_BLOCKS, block as usize % SLAB_BLOCKS);
        let width = LANES * self.dimensions;
        &self.components[slab][inner * width..(inner + 1) * width]
    }

    /// The ordinals of a block.
    #[inline]
    pub(super) fn ordinals(&self, block: u32) -> &[u32] {
        let (slab, inner) = (block as usize / SLAB_BLOCKS, block as usize % SLAB_BLOCKS);
        &self.ordinals[slab][inner * LANES..(inner + 1) * LANES]
    }

    pub(super) fn ordinal(&self, place: Place) -> u32 {
        self.ordinals(place / LANES as u32)[place as usize % LANES]
    }

    /// Copies a vector out.
    pub(super) fn read(&self, place: Place, into: &mut [f32]) {
        let lane = place as usize % LANES;
        let rows = self.rows(place / LANES as u32).as_chunks::<LANES>().0;
        for (component, row) in into.iter_mut().zip(rows) {
            *component = row[lane];
        }
    }

    /// Copies a vector and whose it is to another place; answers whose.
    pub(super) fn copy(&mut self, from: Place, to: Place) -> u32 {
        let at = |place: Place| {
            let (block, lane) = (place as usize / LANES, place as usize % LANES);
            (block / SLAB_BLOCKS, block % SLAB_BLOCKS * LANES, lane)
        };
        let ((slab, base, lane), (to_slab, to_base, to_lane)) = (at(from), at(to));
        for axis in 0..self.dimensions {
            let component = self.components[slab][base * self.dimensions + axis * LANES + lane];
            self.components[to_slab][to_base * self.dimensions + axis * LANES + to_lane] =
                component;
        }
        let ordinal = self.ordinals[slab][base + lane];
        self.ordinals[to_slab][to_base + to_lane] = ordinal;
        ordinal
    }

    /// Writes a vector and whose it is.
    pub(super) fn write(&mut self, place: Place, ordinal: u32, vector: &[f32]) {
        let (block, lane) = (place as usize / LANES, place as usize % LANES);
        let (slab, inner) = (block / SLAB_BLOCKS, block % SLAB_BLOCKS);
        let width = LANES * self.dimensions;
        let rows = &mut self.components[slab][inner * width..(inner + 1) * width];
        for (row, &component) in rows.as_chunks_mut::<LANES>().0.iter_mut().zip(vector) {
            row[lane] = component;
        }
        self.ordinals[slab][inner * LANES + lane] = ordinal;
    }

    /// A block's rows and one more: the vectors' heights.
    pub(super) fn raised(&self, block: u32, into: &mut Vec<f32>) {
        let rows = self.rows(block);
        into.clear();
        into.extend_from_slice(rows);
        let mut squares = [0.0; LANES];
        for row in rows.as_chunks::<LANES>().0 {
            for (square, component) in squares.iter_mut().zip(row) {
                *square += component * component;
            }
        }
        into.extend(squares.map(|square| HEIGHT_WEIGHT * square.sqrt()));
    }

    pub(super) fn bytes(&self) -> usize {
        let slab = SLAB_BLOCKS * LANES * (self.dimensions + 1) * 4 + 2 * size_of::<Box<[u32]>>();
        self.components.len() * slab + (self.owners.capacity() + self.free.capacity()) * 4
    }
}
