//! The state of a growing catalogue's neighbours as bytes, and back.
//!
//! What is read is checked: numbers within the catalogue, lists in order and within their bounds,
//! counts and weights finite. Damage is refused as a whole.

use super::Neighbours;
use super::blend::Blend;
use super::counts::{Counts, SparseCounts};
use super::ease::{ItemWeights, SparseWeights};
use super::exposure::{Exposure, History, Outcome};
use super::popularity::Popularity;
use super::session::Sessions;
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Kind and version of the format.
const KIND: u64 = 0x6e65_6967_0000_0001;

impl Neighbours {
    /// The whole state. Only a growing catalogue has one; where all pairs are counted, the log is the
    /// state.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let (Counts::Sparse(counts), ItemWeights::Sparse(weights)) = (&self.counts, &self.weights)
        else {
            return Err(SnapshotError::Shape);
        };
        let mut writer = Writer::new(KIND);
        writer.word(self.histories.len() as u64);
        writer.word(self.standings.len() as u64);
        writer.word(u64::from(self.events_since));
        writer.floats(&[self.ridge, self.refresh_share]);
        self.blend.write(&mut writer);
        for history in &self.histories {
            write_history(history, &mut writer);
        }
        counts.write(&mut writer);
        weights.write(&mut writer);
        self.popularity.write(&mut writer);
        self.sessions.write(&mut writer);
        writer.floats(&self.standings);
        writer.floats(&self.fitted_at);
        Ok(writer.finish())
    }

    /// A state that [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut reader = Reader::new(bytes, KIND)?;
        let (viewers, items) = (reader.word()?, reader.word()?);
        // A viewer takes eight bytes at least and an item more: a length beyond that is damage.
        if viewers.saturating_add(items) > bytes.len() as u64 / 8 {
            return Err(SnapshotError::Damaged);
        }
        let (viewers, items) = (viewers as usize, items as usize);
        let events_since = u32::try_from(reader.word()?).map_err(|_| SnapshotError::Damaged)?;
        let [ridge, refresh_share] = reader.floats()?;
        let blend = Blend::read(&mut reader)?;
        let histories = (0..viewers)
            .map(|_| read_history(&mut reader, items))
            .collect::<Result<Vec<_>, _>>()?;
        let counts = Counts::Sparse(SparseCounts::read(&mut reader, items)?);
        let weights = ItemWeights::Sparse(SparseWeights::read(&mut reader, items)?);
        let popularity = Popularity::read(&mut reader, items)?;
        let sessions = Sessions::read(&mut reader, items, viewers)?;
        let (mut standings, mut fitted_at) = (vec![0.0; items], vec![0.0; items]);
        reader.fill(&mut standings)?;
        reader.fill(&mut fitted_at)?;
        reader.finish()?;
        if !blend.is_sound() || ridge <= 0.0 || refresh_share < 0.0 {
            return Err(SnapshotError::Unbounded);
        }
        Ok(Self {
            histories,
            counts,
            popularity,
            sessions,
            weights,
            blend,
            standings,
            events_since,
            ridge,
            refresh_share,
            fitted_at,
        })
    }
}

pub(super) fn write_history(history: &History, writer: &mut Writer) {
    writer.word(history.exposures().len() as u64);
    for exposure in history.exposures() {
        writer.word(u64::from(exposure.item) | (exposure.outcome as u64) << 32);
        writer.word(exposure.at_ms as u64);
    }
}

pub(super) fn read_history(
    reader: &mut Reader<'_>,
    items: usize,
) -> Result<History, SnapshotError> {
    let mut history = History::default();
    let length = reader.word()?;
    for _ in 0..length {
        let word = reader.word()?;
        let outcome = match word >> 32 {
            0 => Outcome::Passed,
            1 => Outcome::Held,
            2 => Outcome::Loved,
            _ => return Err(SnapshotError::Damaged),
        };
        let item = number(word & u64::from(u32::MAX), items)?;
        let at_ms = reader.word()? as i64;
        history.push(Exposure { item, at_ms, outcome });
    }
    if history.exposures().len() as u64 != length {
        return Err(SnapshotError::Damaged);
    }
    Ok(history)
}

/// Writes numbers with what belongs to them.
pub(super) fn write_pairs(pairs: &[(u32, f32)], writer: &mut Writer) {
    writer.word(pairs.len() as u64);
    for &(item, amount) in pairs {
        writer.word(u64::from(item) | u64::from(amount.to_bits()) << 32);
    }
}

/// Reads numbers below `below` in ascending order with finite amounts.
pub(super) fn read_pairs(
    reader: &mut Reader<'_>,
    below: usize,
) -> Result<Vec<(u32, f32)>, SnapshotError> {
    let mut pairs: Vec<(u32, f32)> = Vec::new();
    for _ in 0..reader.word()? {
        let word = reader.word()?;
        let item = number(word & u64::from(u32::MAX), below)?;
        let amount = f32::from_bits((word >> 32) as u32);
        if !amount.is_finite() {
            return Err(SnapshotError::Unbounded);
        }
        if pairs.last().is_some_and(|(last, _)| *last >= item) {
            return Err(SnapshotError::Damaged);
        }
        pairs.push((item, amount));
    }
    Ok(pairs)
}

/// Writes numbers.
pub(super) fn write_numbers(numbers: &[u32], writer: &mut Writer) {
    writer.word(numbers.len() as u64);
    for &number in numbers {
        writer.word(u64::from(number));
    }
}

/// Reads at most `max` numbers below `below`.
pub(super) fn read_numbers(
    reader: &mut Reader<'_>,
    below: usize,
    max: usize,
) -> Result<Vec<u32>, SnapshotError> {
    let length = reader.word()?;
    if length > max as u64 {
        return Err(SnapshotError::Damaged);
    }
    (0..length).map(|_| number(reader.word()?, below)).collect()
}

pub(super) fn number(word: u64, below: usize) -> Result<u32, SnapshotError> {
    let fits = word < below as u64;
    if fits { Ok(word as u32) } else { Err(SnapshotError::Damaged) }
}
