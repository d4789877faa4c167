//! A learner's state as bytes: fixed little-endian numbers, a version in front, a checksum behind.
//!
//! No serialisation crate reaches this layer, and the state is nothing but words and floats.

use super::numbers::mix;

/// What cannot be read back, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by another version, or no snapshot at all.
    #[error("the snapshot is of another version")]
    Version,
    /// Cut short, too long, or changed on the way.
    #[error("the snapshot is damaged")]
    Damaged,
    /// Made by a learner of another plan or with other bounds.
    #[error("the snapshot belongs to a learner of another shape")]
    Shape,
    /// It holds a number that is not finite or far out of bounds.
    #[error("the snapshot holds numbers out of bounds")]
    Unbounded,
}

/// No number of a healthy learner comes near this.
const MAGNITUDE_MAX: f32 = 1e12;

/// Collects a snapshot.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts with the word that names kind and version.
    pub fn new(kind: u64) -> Self {
        let mut writer = Self::default();
        writer.word(kind);
        writer
    }

    /// Appends a word.
    pub fn word(&mut self, word: u64) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// Appends floats.
    pub fn floats(&mut self, floats: &[f32]) {
        for float in floats {
            self.bytes.extend_from_slice(&float.to_le_bytes());
        }
    }

    /// Closes with the checksum.
    pub fn finish(mut self) -> Vec<u8> {
        let sum = checksum(&self.bytes);
        self.word(sum);
        self.bytes
    }
}

/// Reads a snapshot in the order in which it was written.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the sum and the kind.
    pub fn new(bytes: &'a [u8], kind: u64) -> Result<Self, SnapshotError> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(SnapshotError::Damaged)?;
        let mut reader = Self { rest: body };
        if reader.word()? != kind {
            return Err(SnapshotError::Version);
        }
        if u64::from_le_bytes(*sum) != checksum(body) {
            return Err(SnapshotError::Damaged);
        }
        Ok(reader)
    }

    /// The next word.
    pub fn word(&mut self) -> Result<u64, SnapshotError> {
        let (word, rest) = self.rest.split_first_chunk::<8>().ok_or(SnapshotError::Damaged)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*word))
    }

    /// The next floats, each finite and bounded.
    pub fn floats<const N: usize>(&mut self) -> Result<[f32; N], SnapshotError> {
        let mut floats = [0.0; N];
        self.fill(&mut floats)?;
        Ok(floats)
    }

    /// Fills a slice with the next floats, each finite and bounded.
    pub fn fill(&mut self, into: &mut [f32]) -> Result<(), SnapshotError> {
        for float in into {
            let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(SnapshotError::Damaged)?;
            self.rest = rest;
            *float = f32::from_le_bytes(*bytes);
            if float.is_nan() || float.abs() > MAGNITUDE_MAX {
                return Err(SnapshotError::Unbounded);
            }
        }
        Ok(())
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), SnapshotError> {
        if self.rest.is_empty() { Ok(()) } else { Err(SnapshotError::Damaged) }
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = mix(sum ^ u64::from_le_bytes(word)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    sum
}
