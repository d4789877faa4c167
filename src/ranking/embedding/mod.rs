//! An index of small learned vectors that finds the greatest inner products with a query, while
//! vectors come, move and go.
//!
//! An inverted file (Sivic, Zisserman, "Video Google", ICCV 2003; Jégou, Douze, Schmid, "Product
//! Quantization for Nearest Neighbor Search", TPAMI 2011): vectors lie in cells, a search opens those
//! whose means promise most (`search.rs`). Three things are different here.
//!
//! - **Cells follow their members.** Sums and sums of squares give a cell's mean and variances exactly
//!   after every change. A cell that grows too large is split in two by 2-means (`halves.rs`), one that
//!   shrinks too far is joined to its neighbour (as SPFresh does on disks: Xu et al., SOSP 2023). There is
//!   no training and no rebuilding.
//! - **Long and short lie apart.** The greatest inner products are among the longest vectors, wherever
//!   they point, so cells are formed in one more dimension, the height h = 2·|x|: a cell's members are
//!   alike in length as well. (A further dimension for the length: Bachrach et al., "Speeding Up the Xbox
//!   Recommender System", RecSys 2014, there to turn products into distances.) Of 100 k
//!   vectors of very different lengths, with 3 % looked at, 14 % of the best hundred were missed without
//!   the height and 0.2 % with it.
//! - **A vector that moves a little stays.** It looks for another cell only if it has come further from
//!   its cell's mean and lies beyond the usual distance there. Whatever lies in a cell, its mean and
//!   variances tell the truth about it; a member that would be nearer elsewhere costs some work, not
//!   answers.
//!
//! Costs, at n vectors of D components in C ≈ n/350 cells (n/180 in a small index):
//!
//! - memory 4·D + 8 bytes a vector, and for blocks that are not full and the cells' means 5 to 10 % more
//!   in a large index, up to 20 % in one of 10 k;
//! - an insert, or a move to another place, compares with C means; a move nearby with one;
//! - no change looks at more than 2·(C + 2) means and 2·([`CELL_MAX`] + [`CELL_MIN`])·11 members, which
//!   is what one split of the cell left and one of the cell entered come to: [`Embeddings::work`] counts;
//! - a search looks at all C means and at the members of the cells that it opens. Nothing is allocated
//!   once its [`Room`] has grown.
//!
//! The same calls in the same order end in the same bits on any machine: sums have one order, nothing is
//! contracted, only `sqrt` and the four operations are used, and ties fall to the lower number.

mod blocks;
mod cells;
mod halves;
mod search;
mod snapshot;
mod tail;

use blocks::{Blocks, LANES, Place};
use cells::Cells;
pub use search::{Effort, Room};

/// A cell that grows beyond this is split, in a large index.
pub const CELL_MAX: usize = 512;
/// As long as cells are few, smaller ones are worth their means: by this many vectors and below.
const CELL_MAX_SMALL: usize = 256;
const SMALL_MAX: usize = 200_000;
/// A cell that falls below this is joined to its neighbour: half of what a split leaves at least, so
/// that neither undoes the other at once.
pub const CELL_MIN: usize = CELL_MAX_SMALL / 16;
/// Components are cut at this. Sums of squares stay exact enough for cells whose members are small.
pub const COMPONENT_MAX: f32 = 1024.0;
/// The greatest ordinal, plus one: what is dense does not come near.
pub const ORDINALS_MAX: u32 = 1 << 26;
/// Ordinals in a page of the table of places.
const PAGE: usize = 4096;
const NOWHERE: Place = Place::MAX;

/// Why a vector was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has another number of components than the index.
    #[error("the vector has other dimensions than the index")]
    Dimensions,
    /// A component is infinite or not a number.
    #[error("a component of the vector is not finite")]
    NotFinite,
    /// The ordinal is not below [`ORDINALS_MAX`].
    #[error("the ordinal is too great to be one of a dense numbering")]
    Ordinal,
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Embeddings {
    dimensions: usize,
    len: usize,
    blocks: Blocks,
    cells: Cells,
    /// Where each ordinal's vector lies.
    places: Vec<Box<[Place]>>,
    /// Vectors, members' or cells' means, that were looked at or moved by changes so far.
    work: u64,
    /// The vector that is being set, and the one being moved.
    incoming: Vec<f32>,
    moving: Vec<f32>,
}

impl Embeddings {
    /// None yet, of so many components each.
    pub fn new(dimensions: usize) -> Self {
        assert!(dimensions > 0, "a vector has components");
        Self {
            dimensions,
            len: 0,
            blocks: Blocks::new(dimensions),
            cells: Cells::new(dimensions + 1),
            places: Vec::new(),
            work: 0,
            incoming: vec![0.0; dimensions + 1],
            moving: vec![0.0; dimensions + 1],
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        let places = self.places.len() * (PAGE * size_of::<Place>() + size_of::<Box<[Place]>>());
        size_of::<Self>() + self.blocks.bytes() + self.cells.bytes() + places
    }

    /// How many vectors, members' or cells' means, changes have looked at or moved so far: what
    /// changes cost, told without a clock.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// The cells there are.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Copies an ordinal's vector out; `false` if there is none.
    pub fn get(&self, ordinal: u32, into: &mut [f32]) -> bool {
        let place = self.place(ordinal);
        if let Some(place) = place {
            self.blocks.read(place, into);
        }
        place.is_some()
    }

    /// Inserts an ordinal's vector or moves it.
    pub fn set(&mut self, ordinal: u32, vector: &[f32]) -> Result<(), Refused> {
        if vector.len() != self.dimensions {
            return Err(Refused::Dimensions);
        }
        if !vector.iter().all(|component| component.is_finite()) {
            return Err(Refused::NotFinite);
        }
        if ordinal >= ORDINALS_MAX {
            return Err(Refused::Ordinal);
        }
        for (own, component) in self.incoming.iter_mut().zip(vector) {
            *own = component.clamp(-COMPONENT_MAX, COMPONENT_MAX);
        }
        blocks::raise(&mut self.incoming);
        match self.place(ordinal) {
            Some(place) => self.shift(ordinal, place),
            None => self.insert(ordinal),
        }
        Ok(())
    }

    /// Takes an ordinal's vector out; `false` if there is none.
    pub fn remove(&mut self, ordinal: u32) -> bool {
        let Some(place) = self.place(ordinal) else { return false };
        let cell = self.detach(place);
        self.places[ordinal as usize / PAGE][ordinal as usize % PAGE] = NOWHERE;
        self.len -= 1;
        self.cells.publish(cell);
        self.shrunk(cell);
        true
    }

    fn place(&self, ordinal: u32) -> Option<Place> {
        let page = self.places.get(ordinal as usize / PAGE)?;
        Some(page[ordinal as usize % PAGE]).filter(|&place| place != NOWHERE)
    }

    /// Grows the table of places by whole pages; what is there stays where it is.
    fn make_room(&mut self, ordinal: u32) {
        while self.places.len() <= ordinal as usize / PAGE {
            self.places.push(vec![NOWHERE; PAGE].into_boxed_slice());
        }
    }

    fn insert(&mut self, ordinal: u32) {
        self.make_room(ordinal);
        self.len += 1;
        self.work += self.cells.len() as u64;
        let cell = self.cells.nearest(&self.incoming, None);
        let cell = cell.unwrap_or_else(|| self.cells.push());
        self.settle(cell, ordinal);
    }

    /// Moves what lies at a place to where `incoming` says.
    fn shift(&mut self, ordinal: u32, place: Place) {
        let cell = self.blocks.owner(place);
        self.blocks.read(place, &mut self.moving);
        blocks::raise(&mut self.moving);
        let (before, spread) = self.cells.distance(cell, &self.moving);
        let (after, _) = self.cells.distance(cell, &self.incoming);
        self.work += 1;
        let mut home = cell;
        // Who comes nearer or lies within the usual distance stays.
        if after > before.max(spread) {
            self.work += self.cells.len() as u64;
            home = self.cells.nearest(&self.incoming, None).unwrap_or(cell);
        }
        if home == cell {
            let own = &mut self.cells.all[cell as usize];
            own.count(&self.moving, -1.0);
            own.count(&self.incoming, 1.0);
            self.blocks.write(place, ordinal, &self.incoming);
            self.cells.publish(cell);
            return;
        }
        self.detach(place);
        self.cells.publish(cell);
        self.settle(home, ordinal);
        // A split adds cells and leaves the numbers of the others.
        self.shrunk(cell);
    }

    /// Puts `incoming` into a cell, which is split if it has become too large.
    fn settle(&mut self, cell: u32, ordinal: u32) {
        std::mem::swap(&mut self.incoming, &mut self.moving);
        self.attach(cell, ordinal);
        self.grown(cell);
    }

    /// Puts `moving` at the end of a cell.
    fn attach(&mut self, cell: u32, ordinal: u32) {
        self.work += 1;
        let own = &mut self.cells.all[cell as usize];
        if own.len.is_multiple_of(LANES) {
            own.blocks.push(self.blocks.take(cell));
        }
        own.len += 1;
        let place = own.place(own.len - 1);
        own.count(&self.moving, 1.0);
        self.blocks.write(place, ordinal, &self.moving);
        self.places[ordinal as usize / PAGE][ordinal as usize % PAGE] = place;
    }

    /// Takes out what lies at a place, which is left in `moving`; the cell's last takes the place.
    fn detach(&mut self, place: Place) -> u32 {
        self.work += 1;
        let cell = self.blocks.owner(place);
        let own = &mut self.cells.all[cell as usize];
        own.len -= 1;
        let last = own.place(own.len);
        self.blocks.read(place, &mut self.moving);
        blocks::raise(&mut self.moving);
        if last != place {
            let ordinal = self.blocks.copy(last, place);
            self.places[ordinal as usize / PAGE][ordinal as usize % PAGE] = place;
        }
        own.count(&self.moving, -1.0);
        if own.len.is_multiple_of(LANES)
            && let Some(block) = own.blocks.pop()
        {
            self.blocks.give(block);
        }
        cell
    }

    /// Publishes a cell that has grown, or splits it if it is too large.
    fn grown(&mut self, cell: u32) {
        let own = &self.cells.all[cell as usize];
        let most = if self.len <= SMALL_MAX { CELL_MAX_SMALL } else { CELL_MAX };
        if own.len <= most {
            self.cells.publish(cell);
            return;
        }
        self.work += (own.len * (halves::STEPS + 3)) as u64;
        let sides = halves::halves(&self.blocks, own, self.dimensions + 1);
        let fresh = self.cells.push();
        // From the end, so that what takes a freed place has been looked at.
        for member in (0..sides.len()).rev().filter(|&member| sides[member]) {
            let place = self.cells.all[cell as usize].place(member);
            let ordinal = self.blocks.ordinal(place);
            self.detach(place);
            self.attach(fresh, ordinal);
        }
        self.cells.publish(cell);
        self.cells.publish(fresh);
    }

    /// Joins a cell that has shrunk too far to the nearest other.
    fn shrunk(&mut self, cell: u32) {
        let len = self.cells.all[cell as usize].len;
        if len >= CELL_MIN || (len > 0 && self.cells.len() == 1) {
            return;
        }
        let mut home = cell;
        if len > 0 {
            self.work += self.cells.len() as u64;
            let mean = self.cells.mean(cell);
            home = self.cells.nearest(&mean, Some(cell)).unwrap_or(cell);
            for member in (0..len).rev() {
                let place = self.cells.all[cell as usize].place(member);
                let ordinal = self.blocks.ordinal(place);
                self.detach(place);
                self.attach(home, ordinal);
            }
        }
        let last = self.cells.len() as u32 - 1;
        self.cells.swap_remove(cell);
        if cell != last {
            for &block in &self.cells.all[cell as usize].blocks {
                self.blocks.set_owner(block, cell);
            }
        }
        if len > 0 {
            self.grown(if home == last { cell } else { home });
        }
    }
}

#[cfg(test)]
mod tests;
