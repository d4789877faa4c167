//! The index follows the event log: counters, heat, and what is learned.

use crate::domain::engagement::heat as heat_weight;
use crate::domain::id::ClipId;
use crate::feed::index::Index;
use crate::feed::index::heat::of_event;
use crate::ports::counters::CounterRow;
use crate::ports::events::LoggedEvent;

impl Index {
    /// Takes in the next event of the log. One at or below [`Self::applied`] changes nothing.
    pub fn apply(&mut self, logged: &LoggedEvent) {
        if logged.offset <= self.applied {
            return;
        }
        self.applied = logged.offset;
        let ordinal = logged.event.clip.and_then(|id| self.ordinal(id));
        self.learn(logged, ordinal);
        if logged.offset <= self.counted {
            return;
        }
        self.counted = logged.offset;
        let Some(ordinal) = ordinal else { return };
        let kind = logged.event.kind;
        let duration_ms = self.rows[ordinal as usize].duration_ms;
        self.counters[ordinal as usize].apply(kind, duration_ms, logged.at);
        self.set_tries(ordinal);
        let weight = heat_weight(kind, duration_ms);
        if weight > 0.0 {
            let heat = of_event(weight, logged.at);
            self.boards.entry(logged.market).or_default().add(ordinal, heat);
            self.world.add(ordinal, heat);
        }
        self.dirty.insert(ordinal);
    }

    /// States that the restored counters hold all events up to `offset`.
    pub fn restored_to(&mut self, offset: u64) {
        self.applied = offset;
        self.counted = offset;
    }

    /// The offset of the newest event that is in the counters.
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Puts back a clip's counters from a snapshot. A clip that is not there is passed over.
    pub fn restore(&mut self, row: &CounterRow) {
        let Some(ordinal) = self.ordinal(row.clip) else { return };
        self.counters[ordinal as usize] = row.counters;
        self.set_tries(ordinal);
        for &(market, heat) in &row.heat {
            self.boards.entry(market).or_default().add(ordinal, heat);
            self.world.add(ordinal, heat);
        }
    }

    /// The counters that changed since the last call, as of [`Self::counted`].
    pub fn drain_dirty(&mut self) -> Vec<CounterRow> {
        let dirty = std::mem::take(&mut self.dirty);
        let row = |ordinal: u32| {
            let heats = self.boards.iter();
            Some(CounterRow {
                clip: self.clip_id(ordinal)?,
                counters: self.counters[ordinal as usize],
                heat: heats.filter_map(|(&m, board)| Some((m, board.heat(ordinal)?))).collect(),
            })
        };
        dirty.into_iter().filter_map(row).collect()
    }

    /// Marks clips as changed again, after a snapshot that failed.
    pub fn mark_dirty(&mut self, clips: impl Iterator<Item = ClipId>) {
        for id in clips {
            if let Some(ordinal) = self.ordinal(id) {
                self.dirty.insert(ordinal);
            }
        }
    }
}
