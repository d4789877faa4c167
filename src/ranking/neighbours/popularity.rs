//! How much each item is met and how often with success, over several stretches of time.

use super::exposure::{Exposure, Outcome};
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};
use crate::ranking::maths::{exp2, ln};

/// After how long an exposure counts half; spaced so that any pace between can be blended.
pub const HALF_LIVES_MS: [i64; 4] = [6 * HOUR_MS, DAY_MS, 4 * DAY_MS, 16 * DAY_MS];
/// Columns that [`Popularity::columns`] fills: two a half-life, two without decay, their ratio.
pub const COLUMNS: usize = HALF_LIVES_MS.len() * 2 + 3;
/// What is added before the logarithm of a decayed count: fewer than this cannot be told from none.
const DECAYED_FLOOR: f32 = 0.3;
/// The prior of an item's rate: successes and exposures.
const RATE_PRIOR: (f32, f32) = (3.0, 9.0);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    at_ms: i64,
    met: [f32; HALF_LIVES_MS.len()],
    held: [f32; HALF_LIVES_MS.len()],
    met_ever: f32,
    held_ever: f32,
}

/// The tallies of all items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Popularity {
    tallies: Vec<Tally>,
}

impl Popularity {
    /// For so many items.
    pub fn new(items: usize) -> Self {
        Self { tallies: vec![Tally::default(); items] }
    }

    /// Counts an exposure. One without time counts only where nothing decays.
    pub fn learn(&mut self, exposure: Exposure) {
        let tally = &mut self.tallies[exposure.item as usize];
        let held = f32::from(u8::from(exposure.outcome >= Outcome::Held));
        tally.met_ever += 1.0;
        tally.held_ever += held;
        if exposure.at_ms == i64::MIN {
            return;
        }
        let decays = decays(exposure.at_ms - tally.at_ms);
        for (slot, decay) in decays.into_iter().enumerate() {
            tally.met[slot] = tally.met[slot] * decay + 1.0;
            tally.held[slot] = tally.held[slot] * decay + held;
        }
        tally.at_ms = tally.at_ms.max(exposure.at_ms);
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for tally in &self.tallies {
            writer.word(tally.at_ms as u64);
            writer.floats(&tally.met);
            writer.floats(&tally.held);
            writer.floats(&[tally.met_ever, tally.held_ever]);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, items: usize) -> Result<Self, SnapshotError> {
        let mut tallies = Vec::new();
        for _ in 0..items {
            let at_ms = reader.word()? as i64;
            let (met, held) = (reader.floats()?, reader.floats()?);
            let [met_ever, held_ever] = reader.floats()?;
            tallies.push(Tally { at_ms, met, held, met_ever, held_ever });
        }
        Ok(Self { tallies })
    }

    /// Makes room for so many items.
    pub fn grow(&mut self, items: usize) {
        self.tallies.resize(items.max(self.tallies.len()), Tally::default());
    }

    /// Forgets an item that is no more.
    pub fn forget(&mut self, item: u32) {
        self.tallies[item as usize] = Tally::default();
    }

    /// How often an item was met.
    pub fn met_ever(&self, item: u32) -> f32 {
        self.tallies[item as usize].met_ever
    }

    /// The logarithms of an item's tallies at a moment.
    pub fn columns(&self, item: u32, now_ms: i64) -> [f32; COLUMNS] {
        let tally = &self.tallies[item as usize];
        let mut columns = [0.0; COLUMNS];
        let decays = decays(now_ms.saturating_sub(tally.at_ms));
        for (slot, decay) in decays.into_iter().enumerate() {
            columns[slot * 2] = ln(tally.met[slot] * decay + DECAYED_FLOOR);
            columns[slot * 2 + 1] = ln(tally.held[slot] * decay + DECAYED_FLOOR);
        }
        let ever = HALF_LIVES_MS.len() * 2;
        columns[ever] = ln(tally.met_ever + 1.0);
        columns[ever + 1] = ln(tally.held_ever + 1.0);
        columns[ever + 2] = ln((tally.held_ever + RATE_PRIOR.0) / (tally.met_ever + RATE_PRIOR.1));
        columns
    }
}

fn decays(since_ms: i64) -> [f32; HALF_LIVES_MS.len()] {
    HALF_LIVES_MS.map(|half_life_ms| exp2(-(since_ms.max(0) as f32 / half_life_ms as f32)))
}
