//! What goes with what a viewer held: candidates by item–item weights, for a catalogue that changes.
//!
//! The same counts, regressions and factors as [`super::Neighbours`], bounded per item so that an item
//! takes about a kilobyte, and paced so that an event costs microseconds: items whose counts have grown
//! wait in a queue, and every few events the first of it is worked out anew. No list of all items is ever
//! walked by an event or a question.

use std::collections::VecDeque;

use super::blend::{Blend, Place};
use super::counts::{Counts, SparseCounts};
use super::ease::{ItemWeights, SparseWeights};
use super::exposure::{Exposure, History, Outcome};
use super::snapshot::{number, read_history, write_history};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Pairs that an item remembers: eight bytes each.
const PAIRS_MAX: usize = 96;
/// Companions that an item is regressed on: half of the work per event is this to the third power.
const COMPANIONS: usize = 32;
/// Items that one item speaks for.
const TARGETS_MAX: usize = 128;
/// Exposures of a viewer that speak, the latest.
const SOURCES_MAX: usize = 16;
/// Items held before that a new one is counted along with: those of some sessions.
const COMPANY: usize = 40;
/// New pairs between two regressions.
const PACE: u32 = 4;
/// What regressions are held back by: catalogues of a feed are thinner than the logs of studies, so
/// that less than there (600) is needed against chance.
const RIDGE: f32 = 60.0;
/// By how much a count grows before its item is worked out anew: exposures, and a share of what it was.
const GROWN: (f32, f32) = (3.0, 0.2);
/// Kind and version of the format.
const KIND: u64 = 0x636f_6d70_0000_0001;

/// Places of the table that sums are gathered in: twice what they can be.
const PLACES: usize = (SOURCES_MAX * TARGETS_MAX * 2).next_power_of_two();

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Companions {
    histories: Vec<History>,
    counts: Counts,
    weights: ItemWeights,
    fitted_at: Vec<f32>,
    is_due: Vec<bool>,
    due: VecDeque<u32>,
    since: u32,
    blend: Blend,
}

impl Default for Companions {
    fn default() -> Self {
        Self {
            histories: Vec::new(),
            counts: Counts::bounded(PAIRS_MAX),
            weights: ItemWeights::Sparse(SparseWeights::bounded(COMPANIONS, TARGETS_MAX)),
            fitted_at: Vec::new(),
            is_due: Vec::new(),
            due: VecDeque::new(),
            since: 0,
            blend: Blend::default(),
        }
    }
}

impl Companions {
    /// Makes room for so many viewers and items, numbered from 0.
    pub fn grow(&mut self, viewers: usize, items: usize) {
        if viewers > self.histories.len() {
            self.histories.resize(viewers.next_power_of_two(), History::default());
        }
        if items > self.fitted_at.len() {
            let items = items.next_power_of_two();
            self.counts.grow(items);
            if let ItemWeights::Sparse(weights) = &mut self.weights {
                weights.grow(items);
            }
            self.fitted_at.resize(items, 0.0);
            self.is_due.resize(items, false);
        }
    }

    /// Learns that a viewer held an item. A later and better outcome of the same meeting is told by
    /// another call: the pairs are counted once. What was passed by counts nothing: in a feed, everybody
    /// is shown much the same and passes most of it by.
    pub fn learn(&mut self, viewer: u32, exposure: Exposure) {
        if exposure.outcome < Outcome::Held {
            return;
        }
        let history = &mut self.histories[viewer as usize];
        if history.push(exposure) {
            let latest = history.exposures().iter().rev().take(COMPANY);
            let before = latest.map(|met| (met.item, 1.0));
            self.counts.learn(before, exposure.item, 1.0);
            self.queue(exposure.item);
            self.since += 1;
        }
        if self.since >= PACE {
            self.since = 0;
            self.refresh_next();
        }
    }

    fn queue(&mut self, item: u32) {
        let fitted_at = self.fitted_at[item as usize];
        let grown = self.counts.total(item) - fitted_at >= GROWN.0 + fitted_at * GROWN.1;
        if grown && !self.is_due[item as usize] {
            self.is_due[item as usize] = true;
            self.due.push_back(item);
        }
    }

    fn refresh_next(&mut self) {
        let Some(item) = self.due.pop_front() else { return };
        self.is_due[item as usize] = false;
        self.fitted_at[item as usize] = self.counts.total(item);
        if let ItemWeights::Sparse(weights) = &mut self.weights {
            weights.refresh(&self.counts, item, RIDGE);
        }
    }

    /// Forgets items that are no more; their numbers may then be others'. It walks over all histories
    /// once, so many go together.
    pub fn forget(&mut self, items: &[u32]) {
        let mut gone = vec![false; self.fitted_at.len()];
        for &item in items {
            gone[item as usize] = true;
            self.fitted_at[item as usize] = 0.0;
            if let ItemWeights::Sparse(weights) = &mut self.weights {
                weights.forget(item);
            }
        }
        self.counts.forget_all(&gone);
        for history in &mut self.histories {
            history.forget_all(&gone);
        }
    }

    /// Forgets a viewer; the number may then be another's. What the catalogue learned stays: it names
    /// nobody.
    pub fn forget_viewer(&mut self, viewer: u32) {
        if let Some(history) = self.histories.get_mut(viewer as usize) {
            *history = History::default();
        }
    }

    /// The items that speak for themselves by what the viewer held lately, best first, at most `limit`;
    /// of equal ones the lower number first.
    pub fn of_viewer(&self, viewer: u32, now_ms: i64, limit: usize) -> Vec<(u32, f32)> {
        let history = self.histories.get(viewer as usize);
        let (Some(history), ItemWeights::Sparse(weights)) = (history, &self.weights) else {
            return Vec::new();
        };
        let latest_first = history.exposures().iter().rev();
        let held = latest_first.take(SOURCES_MAX);
        let mut sums: Vec<(u32, f32)> = vec![(u32::MAX, 0.0); PLACES];
        for (later, exposure) in held.enumerate() {
            let factor = self.blend.factor(Place::of(*exposure, later, now_ms));
            for &(target, weight) in weights.targets(exposure.item) {
                let mut place = target.wrapping_mul(0x9e37_79b1) as usize % PLACES;
                while sums[place].0 != target && sums[place].0 != u32::MAX {
                    place = (place + 1) % PLACES;
                }
                sums[place] = (target, sums[place].1 + factor * weight);
            }
        }
        sums.retain(|(item, sum)| *item != u32::MAX && *sum > 0.0);
        let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if sums.len() > limit {
            sums.select_nth_unstable_by(limit, better);
            sums.truncate(limit);
        }
        sums.sort_unstable_by(better);
        sums
    }

    /// The items that one speaks for most, best first, at most `limit`; of equal ones the lower number first.
    pub fn of_item(&self, item: u32, limit: usize) -> Vec<u32> {
        let ItemWeights::Sparse(weights) = &self.weights else { return Vec::new() };
        let mut targets = weights.targets(item).to_vec();
        targets.retain(|(_, weight)| *weight > 0.0);
        targets.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        targets.into_iter().take(limit).map(|(target, _)| target).collect()
    }

    /// Appends the whole state.
    pub fn write(&self, writer: &mut Writer) {
        let (Counts::Sparse(counts), ItemWeights::Sparse(weights)) = (&self.counts, &self.weights)
        else {
            return;
        };
        writer.word(KIND);
        writer.word(self.histories.len() as u64);
        writer.word(self.fitted_at.len() as u64);
        for history in &self.histories {
            write_history(history, writer);
        }
        counts.write(writer);
        weights.write(writer);
        writer.floats(&self.fitted_at);
        writer.word(u64::from(self.since));
        writer.word(self.due.len() as u64);
        self.due.iter().for_each(|&item| writer.word(u64::from(item)));
    }

    /// Reads what [`Self::write`] appended, for at most so many viewers and items.
    pub fn read(
        reader: &mut Reader<'_>,
        (viewers_max, items_max): (usize, usize),
    ) -> Result<Self, SnapshotError> {
        if reader.word()? != KIND {
            return Err(SnapshotError::Version);
        }
        let (viewers, items) = (reader.word()?, reader.word()?);
        if viewers > viewers_max as u64 || items > items_max as u64 {
            return Err(SnapshotError::Shape);
        }
        let (viewers, items) = (viewers as usize, items as usize);
        let histories = (0..viewers).map(|_| read_history(reader, items));
        let histories = histories.collect::<Result<Vec<_>, _>>()?;
        let counts = Counts::Sparse(SparseCounts::read(reader, items)?.bounded(PAIRS_MAX));
        let weights = ItemWeights::Sparse(SparseWeights::read(reader, items)?);
        let mut fitted_at = vec![0.0; items];
        reader.fill(&mut fitted_at)?;
        let since = u32::try_from(reader.word()?).map_err(|_| SnapshotError::Damaged)?;
        let mut is_due = vec![false; items];
        let mut due = VecDeque::new();
        for _ in 0..reader.word()? {
            let item = number(reader.word()?, items)?;
            if std::mem::replace(&mut is_due[item as usize], true) {
                return Err(SnapshotError::Damaged);
            }
            due.push_back(item);
        }
        let blend = Blend::default();
        Ok(Self { histories, counts, weights, fitted_at, is_due, due, since, blend })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::order::mix;

    fn met(item: u32, at_ms: i64, outcome: Outcome) -> Exposure {
        Exposure { item, at_ms, outcome }
    }

    /// Two crowds, each with items of its own.
    fn crowds() -> Companions {
        let mut companions = Companions::default();
        companions.grow(200, 40);
        for round in 0..12_i64 {
            for viewer in 0..200_u32 {
                let word = mix(u64::from(viewer) << 8 | round as u64);
                let item = (viewer % 2) * 20 + (word % 20) as u32;
                companions.learn(viewer, met(item, round * 1_000, Outcome::Held));
            }
        }
        companions
    }

    #[test]
    fn what_one_crowd_holds_is_brought_to_that_crowd() {
        let mut companions = crowds();
        companions.grow(202, 40);
        companions.learn(200, met(3, 20_000, Outcome::Loved));
        companions.learn(201, met(23, 20_000, Outcome::Held));
        companions.learn(201, met(4, 20_000, Outcome::Passed));
        for (viewer, own) in [(200, 0..20), (201, 20..40)] {
            let found = companions.of_viewer(viewer, 21_000, 10);
            assert_eq!(found.len(), 10);
            assert!(found.iter().all(|(item, _)| own.contains(item)), "{viewer}: {found:?}");
            assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        }
        companions.grow(203, 40);
        assert!(companions.of_viewer(202, 0, 10).is_empty(), "nothing speaks for a stranger");
    }

    #[test]
    fn what_is_forgotten_is_not_brought_again() {
        let mut companions = crowds();
        let gone: Vec<u32> = (1..20).collect();
        companions.forget(&gone);
        companions.grow(201, 40);
        companions.learn(200, met(0, 20_000, Outcome::Loved));
        assert!(companions.of_viewer(200, 21_000, 10).is_empty());
        companions.forget_viewer(1);
        assert!(companions.of_viewer(1, 21_000, 10).is_empty());
    }

    #[test]
    fn a_copy_by_way_of_bytes_goes_on_alike() {
        let mut one = crowds();
        let mut writer = Writer::new(1);
        one.write(&mut writer);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes, 1).unwrap();
        let mut other = Companions::read(&mut reader, (1 << 10, 1 << 10)).unwrap();
        reader.finish().unwrap();
        for viewer in 0..200 {
            for companions in [&mut one, &mut other] {
                companions.learn(viewer, met(viewer % 40, 30_000, Outcome::Loved));
            }
            let found = one.of_viewer(viewer, 31_000, 30);
            assert_eq!(found, other.of_viewer(viewer, 31_000, 30));
        }
        let mut reader = Reader::new(&bytes, 1).unwrap();
        let small = Companions::read(&mut reader, (16, 16));
        assert_eq!(small.unwrap_err(), SnapshotError::Shape);
    }

    #[test]
    fn an_item_takes_a_bounded_room() {
        let mut companions = Companions::default();
        companions.grow(4_000, 3_000);
        for viewer in 0..4_000_u32 {
            for turn in 0..8_u32 {
                let item = mix(u64::from(viewer * 8 + turn)) as u32 % 3_000;
                let item = if turn == 0 { 0 } else { item };
                companions.learn(viewer, met(item, 1_000, Outcome::Held));
            }
        }
        let ItemWeights::Sparse(weights) = &companions.weights else { panic!("not sparse") };
        for item in 0..3_000 {
            assert!(companions.counts.companions(item).len() <= PAIRS_MAX);
            assert!(weights.targets(item).len() <= TARGETS_MAX);
        }
        assert_eq!(weights.targets(0).len(), TARGETS_MAX, "everybody met it");
        companions.forget(&[0]); // By those as well that it had no room to remember.
        assert!((1..3_000).all(|item| companions.counts.pair(item, 0) <= 0.0));
    }
}
