//! The file of an object: its bytes, then a record of everything else.
//!
//! ```text
//! payload | record (JSON) | length of the record (u32, little endian) | magic (8 bytes)
//! ```
//!
//! Bytes and record are one file, so one rename replaces both at once. The record comes last because
//! the digest is only known after the last byte.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use serde::Deserialize;
use serde::Serialize;

const MAGIC: &[u8; 8] = b"VITROBJ1";
const TRAILER_BYTES: u64 = 4 + 8;
/// S3 allows 2 KiB of user metadata; the known headers need little more.
pub(super) const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Most records fit this, so one read finds the record of most objects.
const FIRST_READ_BYTES: u64 = 1_024;

/// The headers that an object keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    /// The user's own pairs (`x-amz-meta-…`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) user: BTreeMap<String, String>,
}

/// Everything about an object besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Bytes of the payload: a check against a damaged file.
    pub(super) len: u64,
    /// Without quotes: the MD5 in hex, for multipart uploads with `-<parts>` behind it.
    pub(super) etag: String,
    /// When it was put, in Unix milliseconds.
    pub(super) modified_ms: i64,
    #[serde(flatten)]
    pub(super) headers: Headers,
}

fn damaged(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

impl Record {
    /// What follows the payload in the file. A record above [`RECORD_BYTES_MAX`] is refused as
    /// invalid input.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too much metadata"));
        }
        let len = bytes.len() as u32;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        Ok(bytes)
    }

    /// Reads the record of an open file; invalid data when the file is not one of ours.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let file_len = file.metadata()?.len();
        let tail = read_tail(file, file_len, FIRST_READ_BYTES)?;
        let body_len = tail.len().checked_sub(TRAILER_BYTES as usize);
        let body_len = body_len.ok_or_else(|| damaged("shorter than its trailer"))?;
        let (body, trailer) = tail.split_at(body_len);
        if &trailer[4..] != MAGIC {
            return Err(damaged("no magic at its end"));
        }
        let record_len = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]);
        let record_len = record_len as usize;
        if record_len > RECORD_BYTES_MAX {
            return Err(damaged("a record beyond its bound"));
        }
        let longer;
        let json = if let Some(start) = body_len.checked_sub(record_len) {
            &body[start..]
        } else {
            longer = read_tail(file, file_len, record_len as u64 + TRAILER_BYTES)?;
            longer.get(..record_len).ok_or_else(|| damaged("shorter than its record"))?
        };
        let record: Self = serde_json::from_slice(json)?;
        if record.len + record_len as u64 + TRAILER_BYTES != file_len {
            return Err(damaged("not as long as its record says"));
        }
        Ok(record)
    }
}

fn read_tail(file: &File, file_len: u64, want: u64) -> io::Result<Vec<u8>> {
    let len = want.min(file_len);
    let mut tail = vec![0; len as usize];
    file.read_exact_at(&mut tail, file_len - len)?;
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn record(len: u64, user_bytes: usize) -> Record {
        let mut headers = Headers { content_type: Some("video/mp4".into()), ..Headers::default() };
        headers.user.insert("note".into(), "x".repeat(user_bytes));
        Record { len, etag: "e".into(), modified_ms: 7, headers }
    }

    fn file(payload: &[u8], record: &Record) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(payload).unwrap();
        file.write_all(&record.encode().unwrap()).unwrap();
        file
    }

    #[test]
    fn records_are_read_back() {
        for (payload, user_bytes) in [(&b""[..], 0), (b"abc", 10), (&[9; 5_000], 3_000)] {
            let record = record(payload.len() as u64, user_bytes);
            assert_eq!(Record::read(&file(payload, &record)).unwrap(), record);
        }
    }

    #[test]
    fn damage_is_noticed() {
        let torn = file(b"abc", &record(3, 0));
        torn.set_len(20).unwrap();
        let short = tempfile::tempfile().unwrap();
        let lying = file(b"abc", &record(4, 0));
        for file in [torn, short, lying] {
            assert_eq!(Record::read(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        assert!(record(0, RECORD_BYTES_MAX).encode().is_err());
    }
}
