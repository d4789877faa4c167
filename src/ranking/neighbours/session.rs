//! Viewers like this one: those who lately met what this one lately met, and what else they met.
//!
//! The way of session-based neighbours (VMIS-kNN): an index from items to the viewers who met them
//! last, the closest of these, and a vote of theirs. It knows an item from its second viewer on,
//! long before weights are fitted to it.

use super::exposure::{History, OUTCOMES};
use super::snapshot::{read_numbers, write_numbers};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Viewers that an item remembers, the latest ones.
const VIEWERS_PER_ITEM_MAX: usize = 160;
/// Exposures of a viewer from which neighbours are looked up.
const SEEDS: usize = 10;
/// Neighbours that vote.
const NEIGHBOURS: usize = 80;
/// Exposures of a neighbour that it votes for, its latest ones.
const VOTES: usize = 32;
/// What an exposure says by its outcome.
const OUTCOME_FACTORS: [f32; OUTCOMES] = [0.5, 1.0, 1.3];

/// Who met each item last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    viewers: Vec<Vec<u32>>,
}

/// What finding neighbours needs room for; made once, used for every call.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    closeness: Vec<f32>,
    close: Vec<u32>,
}

impl Sessions {
    /// For so many items.
    pub fn new(items: usize) -> Self {
        Self { viewers: vec![Vec::new(); items] }
    }

    /// Notes that a viewer met an item that was new to them.
    pub fn learn(&mut self, viewer: u32, item: u32) {
        let viewers = &mut self.viewers[item as usize];
        if viewers.len() >= VIEWERS_PER_ITEM_MAX * 2 {
            viewers.drain(..VIEWERS_PER_ITEM_MAX);
        }
        viewers.push(viewer);
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for viewers in &self.viewers {
            write_numbers(viewers, writer);
        }
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        items: usize,
        viewers: usize,
    ) -> Result<Self, SnapshotError> {
        let read = |_| read_numbers(reader, viewers, VIEWERS_PER_ITEM_MAX * 2);
        Ok(Self { viewers: (0..items).map(read).collect::<Result<_, _>>()? })
    }

    /// Makes room for so many items.
    pub fn grow(&mut self, items: usize) {
        self.viewers.resize_with(items.max(self.viewers.len()), Vec::new);
    }

    /// Forgets an item that is no more.
    pub fn forget(&mut self, item: u32) {
        self.viewers[item as usize] = Vec::new();
    }

    /// Forgets a viewer who is no more, given what they met.
    pub fn forget_viewer(&mut self, viewer: u32, history: &History) {
        for exposure in history.exposures() {
            self.viewers[exposure.item as usize].retain(|&other| other != viewer);
        }
    }

    fn latest(&self, item: u32) -> &[u32] {
        let viewers = &self.viewers[item as usize];
        &viewers[viewers.len().saturating_sub(VIEWERS_PER_ITEM_MAX)..]
    }

    /// Adds to each item's score the share of the neighbours' votes that it gets.
    pub fn score(
        &self,
        viewer: u32,
        histories: &[History],
        scratch: &mut Scratch,
        scores: &mut [f32],
    ) {
        let Scratch { closeness, close } = scratch;
        closeness.resize(histories.len(), 0.0);
        close.clear();
        let seeds = histories[viewer as usize].exposures().iter().rev().take(SEEDS);
        for (rank, seed) in seeds.enumerate() {
            let weight =
                OUTCOME_FACTORS[seed.outcome as usize] * (SEEDS - rank) as f32 / SEEDS as f32;
            for &other in self.latest(seed.item) {
                if closeness[other as usize] == 0.0 {
                    close.push(other);
                }
                closeness[other as usize] += weight;
            }
        }
        close.retain(|&other| other != viewer);
        let closer = |a: &u32, b: &u32| {
            closeness[*b as usize].total_cmp(&closeness[*a as usize]).then(a.cmp(b))
        };
        let mut neighbours = close.clone();
        if neighbours.len() > NEIGHBOURS {
            neighbours.select_nth_unstable_by(NEIGHBOURS, closer);
            neighbours.truncate(NEIGHBOURS);
        }
        neighbours.sort_unstable(); // Sums in one order, whatever the selection left.
        let total: f32 = neighbours.iter().map(|&other| closeness[other as usize]).sum();
        for &other in &neighbours {
            let weight = closeness[other as usize] / total;
            for vote in histories[other as usize].exposures().iter().rev().take(VOTES) {
                scores[vote.item as usize] += weight * OUTCOME_FACTORS[vote.outcome as usize];
            }
        }
        for other in close.drain(..) {
            closeness[other as usize] = 0.0;
        }
        closeness[viewer as usize] = 0.0;
    }
}
