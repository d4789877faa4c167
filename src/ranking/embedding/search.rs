//! Who is nearest: the best products with a query, by whole cells, until enough is found.
//!
//! The products of a cell's n members with the query q are taken for normally distributed about c·q with
//! variance Σ q²ᵢ varᵢ. Of them n·Φ̄((t − c·q) / σ) are expected to beat t, the worst of those found so
//! far. Cells are opened in the order of (c·q − t) / σ, and t rises on the way; a search ends when all
//! that are left are expected to hold no more than the share that may be missed. So a query that few
//! cells answer opens few, at any size, and there is no number of probes to choose.
//!
//! The bound that never errs, c·q + r|q| with r the radius of the cell (Ram, Gray, "Maximum
//! Inner-Product Search Using Cone Trees", KDD 2012), is not used: the radius is
//! several σ, most of them in directions that do not matter, so that it leaves far fewer cells out.
//!
//! The loops over members and means are compiled for wide registers too. What they compute is the same to
//! the bit: lanes never mix, and nothing is contracted.

use multiversion::multiversion;

use super::Embeddings;
use super::blocks::{Blocks, LANES, products};
use super::cells::{Cell, Outlook, outlooks};
use super::tail::tail;

/// Cells that are opened before the rest are put in order anew; each further step is three times as many.
const STEP: usize = 8;
/// At first there is nothing to compare with: cells go by so many deviations above their mean.
const AT_FIRST: f32 = 2.5;
/// Components of a query beyond this are cut: products stay finite.
const QUERY_MAX: f32 = 1e9;

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// The share of the wanted that should be found, on the average of queries: cells are opened, the
    /// most promising first, until those left are expected to hold no more than the rest. The estimate is
    /// cautious: at 0.95, 0.97 to 0.99 are found. From 1 on every cell is opened.
    pub recall: f32,
    /// No further cell is opened after so many vectors, whatever was found: what bounds a search whose
    /// finds are nearly all turned away, or among vectors without any structure.
    pub vectors_max: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { recall: 0.95, vectors_max: 50_000 }
    }
}

/// What a search works in; kept by the caller, so that searches do not allocate once it has grown.
#[derive(Clone, Debug, Default)]
pub struct Room {
    query: Vec<f32>,
    squares: Vec<f32>,
    outlooks: Vec<Outlook>,
    order: Vec<u64>,
    best: Best,
    answer: Vec<(u32, f32)>,
    /// Vectors scored by the last search.
    scored: usize,
}

impl Room {
    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        let floats = (self.query.capacity() + self.squares.capacity()) * size_of::<f32>();
        let cells = self.outlooks.capacity() * size_of::<Outlook>();
        let keys = (self.order.capacity() + self.best.found.capacity()) * size_of::<u64>();
        size_of::<Self>() + floats + cells + keys + self.answer.capacity() * size_of::<(u32, f32)>()
    }

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

    /// Adds those of a block that are good enough and let pass.
    #[expect(clippy::inline_always, reason = "to use the registers of the loop that calls it")]
    #[inline(always)]
    fn add_all(
        &mut self,
        rows: &[f32],
        query: &[f32],
        ordinals: &[u32],
        keep: impl Fn(u32, usize) -> bool,
    ) {
        let products = products(rows, query);
        let passing: u32 = products.iter().map(|&product| u32::from(product >= self.floor)).sum();
        if passing == 0 {
            return;
        }
        for (lane, (&product, &ordinal)) in products.iter().zip(ordinals).enumerate() {
            if product >= self.floor && keep(ordinal, lane) {
                self.add(product, ordinal);
            }
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
    ///
    /// `keep` is asked only of those that would be among the best so far.
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
        outlooks(&self.cells, &room.query, &room.squares, &mut room.outlooks);
        // Whoever wants all gets all: nothing is left to expectation.
        let all = effort.recall >= 1.0;
        let misses_max = if all { -1.0 } else { (1.0 - effort.recall) * room.best.wanted as f32 };
        let mut step = STEP;
        while room.scored < effort.vectors_max {
            let mut missing = room.put_in_order(all);
            let ahead = step.min(room.order.len());
            if missing <= misses_max || ahead == 0 {
                break;
            }
            if ahead < room.order.len() {
                room.order.select_nth_unstable(ahead - 1);
            }
            room.order[..ahead].sort_unstable();
            for at in 0..ahead {
                let outlook = &mut room.outlooks[room.order[at] as u32 as usize];
                missing -= outlook.members * tail(outlook.deviations(room.best.floor));
                outlook.members = 0.0;
                let cell = outlook.cell;
                let cell = &self.cells.all[cell as usize];
                scan((&self.blocks, cell), &room.query, &keep, &mut room.best);
                room.scored += cell.len;
                if missing <= misses_max || room.scored >= effort.vectors_max {
                    break;
                }
            }
            room.best.tighten();
            step *= 3;
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
        // In the order of memory. What has gone may still lie there; its ordinal's place tells.
        for block in 0..self.blocks.len() as u32 {
            let ordinals = self.blocks.ordinals(block);
            let here = |ordinal: u32, lane: usize| {
                self.place(ordinal) == Some(block * LANES as u32 + lane as u32) && keep(ordinal)
            };
            room.best.add_all(self.blocks.rows(block), &room.query, ordinals, here);
        }
        room.scored = self.len;
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
}

/// Scores a cell's members.
#[multiversion(targets("x86_64+avx2"))]
fn scan<Keep: Fn(u32) -> bool>(
    (blocks, cell): (&Blocks, &Cell),
    query: &[f32],
    keep: &Keep,
    best: &mut Best,
) {
    for (block, used) in cell.blocks() {
        let ordinals = &blocks.ordinals(block)[..used];
        best.add_all(blocks.rows(block), query, ordinals, |ordinal, _| keep(ordinal));
    }
}

impl Room {
    /// Puts the cells that are left in order, and answers how many of the wanted they are expected to
    /// hold. Those that hold none are left out, unless all are to be opened.
    fn put_in_order(&mut self, all: bool) -> f32 {
        let Self { outlooks, order, best, .. } = self;
        let at_first = best.floor == f32::NEG_INFINITY;
        let mut missing = 0.0;
        order.clear();
        for (at, outlook) in outlooks.iter().enumerate() {
            let above = outlook.deviations(best.floor);
            let expected = outlook.members * tail(above);
            missing += expected;
            if expected > 0.0 || (all && outlook.members > 0.0) {
                let promise =
                    if at_first { outlook.mean + AT_FIRST * outlook.deviation } else { -above };
                order.push(u64::from(descending(promise)) << 32 | at as u64);
            }
        }
        missing
    }

    fn finish(&mut self) -> &[(u32, f32)] {
        self.best.tighten();
        self.best.found.sort_unstable();
        let pair = |&key: &u64| (key as u32, score((key >> 32) as u32));
        self.answer.extend(self.best.found.iter().map(pair));
        &self.answer
    }
}
