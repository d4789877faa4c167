//! Records of resumable uploads.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::time::Timestamp;
use crate::domain::upload::{Upload, UploadMetadata, UploadRecord};
use crate::records::{Damaged, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    owner: u128,
    length: u64,
    offset: u64,
    metadata: Vec<(String, Vec<u8>)>,
    expires_at_ms: i64,
    stored: bool,
    clip: Option<u128>,
    version: u64,
}

impl From<&UploadRecord> for Row {
    fn from(record: &UploadRecord) -> Self {
        Self {
            owner: record.owner.bits(),
            length: record.upload.length(),
            offset: record.upload.offset(),
            metadata: record.upload.metadata().pairs().to_vec(),
            expires_at_ms: record.upload.expires_at().unix_ms(),
            stored: record.stored,
            clip: record.clip.map(ClipId::bits),
            version: record.version,
        }
    }
}

/// The bytes of `record`.
pub fn encode(record: &UploadRecord) -> Vec<u8> {
    to_bytes(&Row::from(record))
}

/// The record that these bytes are.
pub fn decode(id: UploadId, bytes: &[u8]) -> Result<UploadRecord, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let metadata = UploadMetadata::new(row.metadata).map_err(Damaged::new)?;
    let expires_at = Timestamp::from_unix_ms(row.expires_at_ms);
    let upload = Upload::restore(row.length, row.offset, metadata, expires_at);
    Ok(UploadRecord {
        id,
        owner: AccountId::from_bits(row.owner),
        upload: upload.map_err(Damaged::new)?,
        stored: row.stored,
        clip: row.clip.map(ClipId::from_bits),
        version: row.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back_and_more_bytes_than_promised_are_damage() {
        let pairs =
            vec![("filename".to_owned(), vec![0xff, 0, b'x']), ("empty".to_owned(), vec![])];
        let metadata = UploadMetadata::new(pairs).unwrap();
        let expires_at = Timestamp::from_unix_ms(9);
        let record = |upload, stored, clip| UploadRecord {
            id: UploadId::from_bits(1),
            owner: AccountId::from_bits(u128::MAX),
            upload,
            stored,
            clip,
            version: 3,
        };
        let half = Upload::restore(100, 50, metadata, expires_at).unwrap();
        let none = Upload::new(0, UploadMetadata::default(), expires_at).unwrap();
        for (pinned, record) in [
            (0xad41_94dc_b326_e212, record(half.clone(), false, None)),
            (0x1c09_a189_0fa5_fece, record(none, true, Some(ClipId::from_bits(4)))),
        ] {
            check(&record, &encode(&record), pinned, |bytes| decode(record.id, bytes));
        }
        let row = Row { offset: 101, ..Row::from(&record(half, false, None)) };
        assert!(decode(UploadId::from_bits(1), &to_bytes(&row)).is_err());
    }
}
