//! What was learned as bytes, and back. What is read is checked; damage is refused as a whole.

use super::{Learned, bounds};
use crate::feed::learned::memory::{Clips, Viewers};
use crate::ranking::learner::feed::FeedHeads;
use crate::ranking::learner::snapshot::{Reader, Writer};
use crate::ranking::neighbours::companions::Companions;

pub use crate::ranking::learner::snapshot::SnapshotError;

/// Kind and version of the format.
const KIND: u64 = 0x6c65_6172_0000_0001;

impl Learned {
    /// The whole state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        writer.word(self.applied);
        writer.word(self.at_ms as u64);
        self.viewers.write(&mut writer);
        self.clips.write(&mut writer);
        self.companions.write(&mut writer);
        let memory = writer.finish();
        let mut bytes = (memory.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(&memory);
        bytes.extend_from_slice(&self.heads.to_bytes());
        bytes
    }

    /// A state that [`Self::to_bytes`] wrote, if it is whole, of this release's shape, and sound.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(SnapshotError::Damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length));
        let length = length.map_err(|_| SnapshotError::Damaged)?;
        let (memory, heads) = rest.split_at_checked(length).ok_or(SnapshotError::Damaged)?;
        let mut reader = Reader::new(memory, KIND)?;
        let (applied, at_ms) = (reader.word()?, reader.word()? as i64);
        let viewers = Viewers::read(&mut reader)?;
        let clips = Clips::read(&mut reader)?;
        let room = (viewers.len().next_power_of_two(), clips.len().next_power_of_two());
        let companions = Companions::read(&mut reader, room)?;
        reader.finish()?;
        let heads = FeedHeads::from_bytes(bounds(), heads)?;
        let health = heads.health();
        if !health.is_sound() {
            return Err(SnapshotError::Unbounded);
        }
        let refused_before = health.refused;
        Ok(Self {
            heads,
            companions,
            viewers,
            clips,
            applied,
            at_ms,
            is_sound: true,
            refused_before,
        })
    }
}
