//! What a job is to do.
//!
//! As `#[serde(with = "records::job_kind")]` it also stands in rows of a store's own queue.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::id::ClipId;
use crate::domain::job::JobKind;
use crate::records::{Damaged, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
enum Row {
    Transcode { clip: u128 },
    Purge { clip: u128 },
}

impl From<JobKind> for Row {
    fn from(kind: JobKind) -> Self {
        match kind {
            JobKind::Transcode(clip) => Self::Transcode { clip: clip.bits() },
            JobKind::Purge(clip) => Self::Purge { clip: clip.bits() },
        }
    }
}

impl From<Row> for JobKind {
    fn from(row: Row) -> Self {
        match row {
            Row::Transcode { clip } => Self::Transcode(ClipId::from_bits(clip)),
            Row::Purge { clip } => Self::Purge(ClipId::from_bits(clip)),
        }
    }
}

/// The bytes of `kind`.
pub fn encode(kind: JobKind) -> Vec<u8> {
    to_bytes(&Row::from(kind))
}

/// The kind that these bytes are.
pub fn decode(bytes: &[u8]) -> Result<JobKind, Damaged> {
    from_bytes(bytes).map(|row: Row| row.into())
}

/// Writes `kind` as a field of another row.
pub fn serialize<S: Serializer>(kind: &JobKind, serializer: S) -> Result<S::Ok, S::Error> {
    Row::from(*kind).serialize(serializer)
}

/// Reads a field of another row.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobKind, D::Error> {
    Row::deserialize(deserializer).map(JobKind::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        for kind in
            [JobKind::Transcode(ClipId::from_bits(u128::MAX)), JobKind::Purge(ClipId::from_bits(1))]
        {
            assert_eq!(decode(&encode(kind)), Ok(kind));
        }
        let purge = b"\x81\xa5Purge\x81\xa4clip\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
        assert_eq!(encode(JobKind::Purge(ClipId::from_bits(1))), purge);
        assert!(decode(&purge[..purge.len() - 1]).is_err());
        assert!(decode(b"\x81\xa5Merge\x81\xa4clip\x01").is_err(), "a kind that is none of ours");
    }
}
