//! Who is nearest: the best products with a query, by whole cells.

use super::Embeddings;
use super::blocks::{LANES, products};

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// A cell is left out where this many standard deviations above the mean of its members' products
    /// do not reach the worst of those found.
    pub deviations: f32,
    /// No further cell is opened after so many vectors, whatever was found.
    pub vectors_max: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { deviations: 3.0, vectors_max: 200_000 }
    }
}

/// What a search works in; kept by the caller, so that searches do not allocate once it has grown.
#[derive(Clone, Debug, Default)]
pub struct Room {
    query: Vec<f32>,
    squares: Vec<f32>,
    cells: Vec<u64>,
    best: Best,
    answer: Vec<(u32, f32)>,
    /// Vectors scored by the last search.
    scored: usize,
}

impl Room {
    /// How many vectors the last search has scored.
    pub fn scored(&self) -> usize {
        self.scored
    }
}

/// Bits that sort like a finite number, greatest first.
#[inline]
fn descending(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // Adding zero turns −0 into 0.
    !(if bits >> 31 == 0 { bits | 1 << 31 } else { !bits })
}

#[inline]
fn score(descending: u32) -> f32 {
    let bits = !descending;
    f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits })
}

/// The best so far: score and ordinal in one number, ascending order is best first.
#[derive(Clone, Debug, Default)]
struct Best {
    wanted: usize,
    found: Vec<u64>,
    /// Less than this cannot be among the wanted.
    floor: f32,
}

impl Best {
    fn start(&mut self, wanted: usize) {
        self.wanted = wanted;
        self.found.clear();
        self.found.reserve(2 * wanted + LANES);
        self.floor = f32::NEG_INFINITY;
    }

    #[inline]
    fn add(&mut self, product: f32, ordinal: u32) {
        self.found.push(u64::from(descending(product)) << 32 | u64::from(ordinal));
        if self.found.len() >= 2 * self.wanted + LANES {
            self.tighten();
        }
    }

    /// Drops those that are not among the wanted, and raises the floor.
    fn tighten(&mut self) {
        if self.found.len() > self.wanted {
            let (_, last, _) = self.found.select_nth_unstable(self.wanted - 1);
            self.floor = score((*last >> 32) as u32);
            self.found.truncate(self.wanted);
        }
    }
}

impl Embeddings {
    /// The `wanted` vectors of those that `keep` lets pass with the greatest inner products with
    /// `query`, best first; equal products by ordinal. Approximate, see [`Effort`]. A query of other
    /// dimensions or with a component that is not finite finds nothing.
    pub fn nearest<'room>(
        &self,
        query: &[f32],
        wanted: usize,
        effort: Effort,
        keep: impl Fn(u32) -> bool,
        room: &'room mut Room,
    ) -> &'room [(u32, f32)] {
        if !self.start(query, wanted, room) {
            return &room.answer;
        }
        let Room { query, squares, cells, best, scored, .. } = room;
        cells.clear();
        self.cells.bounds((query, squares), effort.deviations, |cell, bound| {
            cells.push(u64::from(descending(bound)) << 32 | u64::from(cell));
        });
        let mut rest = &mut cells[..];
        let mut step = STEP;
        'cells: while !rest.is_empty() {
            let ahead = step.min(rest.len());
            if ahead < rest.len() {
                rest.select_nth_unstable(ahead - 1);
            }
            let (front, others) = rest.split_at_mut(ahead);
            front.sort_unstable();
            for &mut key in front {
                best.tighten();
                if score((key >> 32) as u32) < best.floor || *scored >= effort.vectors_max {
                    break 'cells;
                }
                *scored += self.scan(key as u32, query, &keep, best);
            }
            rest = others;
            step *= 2;
        }
        room.finish()
    }

    /// As [`Embeddings::nearest`], by looking at every vector: the reference for it.
    pub fn exact<'room>(
        &self,
        query: &[f32],
        wanted: usize,
        keep: impl Fn(u32) -> bool,
        room: &'room mut Room,
    ) -> &'room [(u32, f32)] {
        if !self.start(query, wanted, room) {
            return &room.answer;
        }
        for cell in 0..self.cells.len() as u32 {
            room.scored += self.scan(cell, &room.query, &keep, &mut room.best);
        }
        room.finish()
    }

    fn start(&self, query: &[f32], wanted: usize, room: &mut Room) -> bool {
        room.answer.clear();
        room.scored = 0;
        room.query.clear();
        room.squares.clear();
        let sound = query.len() == self.dimensions && query.iter().all(|one| one.is_finite());
        if !sound || wanted == 0 || self.len == 0 {
            return false;
        }
        room.query.extend(query.iter().map(|one| one.clamp(-QUERY_MAX, QUERY_MAX)));
        room.squares.extend(room.query.iter().map(|one| one * one));
        room.best.start(wanted.min(self.len));
        true
    }

    /// Scores a cell's members; answers how many.
    fn scan(
        &self,
        cell: u32,
        query: &[f32],
        keep: &impl Fn(u32) -> bool,
        best: &mut Best,
    ) -> usize {
        let cell = &self.cells.cells[cell as usize];
        for (block, used) in cell.blocks() {
            let products = products(self.blocks.rows(block), query);
            if !products.iter().fold(false, |any, &product| any | (product >= best.floor)) {
                continue;
            }
            let ordinals = self.blocks.ordinals(block);
            for (&product, &ordinal) in products[..used].iter().zip(ordinals) {
                if product >= best.floor && keep(ordinal) {
                    best.add(product, ordinal);
                }
            }
        }
        cell.len
    }
}

impl Room {
    fn finish(&mut self) -> &[(u32, f32)] {
        self.best.tighten();
        self.best.found.sort_unstable();
        let pair = |&key: &u64| (key as u32, score((key >> 32) as u32));
        self.answer.extend(self.best.found.iter().map(pair));
        &self.answer
    }
}

/// Cells that are put in order at first; each further step doubles.
const STEP: usize = 32;
/// Components of a query beyond this are cut: products stay finite.
const QUERY_MAX: f32 = 1e9;
