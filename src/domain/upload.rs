//! A resumable upload: how many bytes are promised, how many are safe, until when it is kept.

use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::limits::{
    UPLOAD_BYTES_MAX, UPLOAD_METADATA_BYTES_MAX, UPLOAD_METADATA_PAIRS_MAX,
};
use crate::domain::time::Timestamp;

/// What the client says about its file (`filename`, `filetype`, …): keys in the order given, each
/// once, with a value that may be any bytes. Never trusted, only shown back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadMetadata(Vec<(String, Vec<u8>)>);

/// Why a list of pairs is not the metadata of an upload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A key is empty or has a space, a comma or a character outside printable ASCII.
    #[error("metadata keys are printable ASCII without spaces and commas")]
    Key,
    /// A key occurs twice.
    #[error("the metadata key `{0}` occurs twice")]
    Duplicate(String),
    /// More than [`UPLOAD_METADATA_PAIRS_MAX`] pairs.
    #[error("at most {UPLOAD_METADATA_PAIRS_MAX} pairs of metadata are allowed")]
    TooMany,
    /// More than [`UPLOAD_METADATA_BYTES_MAX`] bytes of keys and values.
    #[error("at most {UPLOAD_METADATA_BYTES_MAX} bytes of metadata are allowed")]
    TooLong,
}

impl UploadMetadata {
    /// The metadata made of these pairs.
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Result<Self, MetadataError> {
        if pairs.len() > UPLOAD_METADATA_PAIRS_MAX {
            return Err(MetadataError::TooMany);
        }
        let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > UPLOAD_METADATA_BYTES_MAX {
            return Err(MetadataError::TooLong);
        }
        for (index, (key, _)) in pairs.iter().enumerate() {
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b',';
            if key.is_empty() || !key.bytes().all(plain) {
                return Err(MetadataError::Key);
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier == key) {
                return Err(MetadataError::Duplicate(key.clone()));
            }
        }
        Ok(Self(pairs))
    }

    /// All pairs, in the client's order.
    pub fn pairs(&self) -> &[(String, Vec<u8>)] {
        &self.0
    }

    /// The value of `key`, if it was given.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_slice())
    }
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Bytes `0..offset` are safe; the rest is awaited.
    Receiving {
        /// Where the next byte goes; less than the length.
        offset: u64,
    },
    /// Every byte is safe.
    Complete,
}

/// One upload. Its transitions take the present as an argument and return the next value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    length: u64,
    metadata: UploadMetadata,
    expires_at: Timestamp,
    state: UploadState,
}

/// Why an upload cannot do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The promised length is above [`UPLOAD_BYTES_MAX`].
    #[error("an upload has at most {UPLOAD_BYTES_MAX} bytes")]
    TooLong,
    /// The bytes start elsewhere than where the last ones ended.
    #[error("the upload continues at {expected}, not at {got}")]
    OffsetMismatch {
        /// The offset that is safe, in bytes.
        expected: u64,
        /// The offset of the request, in bytes.
        got: u64,
    },
    /// The bytes would go beyond the promised length, or before their own start.
    #[error("{end} bytes do not fit an upload of {length}")]
    OutOfBounds {
        /// Where the bytes would end.
        end: u64,
        /// The promised length.
        length: u64,
    },
    /// The upload is over its time.
    #[error("the upload has expired")]
    Expired,
    /// Bytes are still missing.
    #[error("the upload is not complete: {offset} of {length} bytes")]
    Incomplete {
        /// The bytes that are safe.
        offset: u64,
        /// The promised length.
        length: u64,
    },
}

impl Upload {
    /// A new upload of `length` bytes, kept until `expires_at`. One of no bytes is complete at once.
    pub fn new(
        length: u64,
        metadata: UploadMetadata,
        expires_at: Timestamp,
    ) -> Result<Self, UploadError> {
        Self::restore(length, 0, metadata, expires_at)
    }

    /// The upload as a store kept it; refused when `offset` and `length` contradict each other.
    pub fn restore(
        length: u64,
        offset: u64,
        metadata: UploadMetadata,
        expires_at: Timestamp,
    ) -> Result<Self, UploadError> {
        if length > UPLOAD_BYTES_MAX {
            return Err(UploadError::TooLong);
        }
        let state = Self::state_at(offset, length)?;
        Ok(Self { length, metadata, expires_at, state })
    }

    fn state_at(offset: u64, length: u64) -> Result<UploadState, UploadError> {
        match offset.cmp(&length) {
            std::cmp::Ordering::Less => Ok(UploadState::Receiving { offset }),
            std::cmp::Ordering::Equal => Ok(UploadState::Complete),
            std::cmp::Ordering::Greater => Err(UploadError::OutOfBounds { end: offset, length }),
        }
    }

    /// Promised length in bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are safe; the next byte goes here.
    pub const fn offset(&self) -> u64 {
        match self.state {
            UploadState::Receiving { offset } => offset,
            UploadState::Complete => self.length,
        }
    }

    /// What the client says about the file.
    pub const fn metadata(&self) -> &UploadMetadata {
        &self.metadata
    }

    /// When the upload is dropped.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How far it has come.
    pub const fn state(&self) -> UploadState {
        self.state
    }

    /// Whether its time is over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Checks that bytes may be written at `offset` now; how many still fit is the answer.
    pub fn accept(&self, offset: u64, now: Timestamp) -> Result<u64, UploadError> {
        if self.is_expired(now) {
            return Err(UploadError::Expired);
        }
        if offset != self.offset() {
            return Err(UploadError::OffsetMismatch { expected: self.offset(), got: offset });
        }
        Ok(self.length - offset)
    }

    /// The bytes `from..to` have become safe. `from` must be the present offset.
    pub fn received(self, from: u64, to: u64) -> Result<Self, UploadError> {
        if from != self.offset() {
            return Err(UploadError::OffsetMismatch { expected: self.offset(), got: from });
        }
        if to < from {
            return Err(UploadError::OutOfBounds { end: to, length: self.length });
        }
        let state = Self::state_at(to, self.length)?;
        Ok(Self { state, ..self })
    }

    /// Moves the end of the upload's time; never to an earlier instant.
    #[must_use]
    pub fn kept_until(self, expires_at: Timestamp) -> Self {
        Self { expires_at: self.expires_at.max(expires_at), ..self }
    }

    /// Ends the upload's time: from now on it takes no bytes and becomes no clip.
    #[must_use]
    pub fn ended(self) -> Self {
        Self { expires_at: Timestamp::EPOCH, ..self }
    }

    /// Refuses what may only be done with all bytes of a living upload.
    pub fn require_complete(&self, now: Timestamp) -> Result<(), UploadError> {
        if self.is_expired(now) {
            return Err(UploadError::Expired);
        }
        match self.state {
            UploadState::Complete => Ok(()),
            UploadState::Receiving { offset } => {
                Err(UploadError::Incomplete { offset, length: self.length })
            }
        }
    }
}

/// An upload with whose it is and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    /// Who it is.
    pub id: UploadId,
    /// Who may see and continue it.
    pub owner: AccountId,
    /// How far it has come.
    pub upload: Upload,
    /// Whether all bytes are in the object store.
    pub stored: bool,
    /// The clip it became, once one was made of it: a second request finds the first one's clip.
    pub clip: Option<ClipId>,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LATER: Timestamp = Timestamp::from_unix_ms(1_000);

    fn upload(length: u64) -> Upload {
        Upload::new(length, UploadMetadata::default(), LATER).unwrap()
    }

    #[test]
    fn an_upload_without_bytes_is_complete_at_once() {
        assert_eq!(upload(0).state(), UploadState::Complete);
        assert_eq!(upload(1).state(), UploadState::Receiving { offset: 0 });
    }

    #[test]
    fn a_length_above_the_bound_is_refused() {
        let refused = Upload::new(UPLOAD_BYTES_MAX + 1, UploadMetadata::default(), LATER);
        assert_eq!(refused, Err(UploadError::TooLong));
    }

    #[test]
    fn bytes_continue_where_the_last_ones_ended() {
        let half = upload(10).received(0, 4).unwrap();
        assert_eq!(half.accept(4, Timestamp::EPOCH), Ok(6));
        assert_eq!(
            half.accept(0, Timestamp::EPOCH),
            Err(UploadError::OffsetMismatch { expected: 4, got: 0 })
        );
        assert!(half.clone().received(4, 3).is_err());
        assert!(half.clone().received(4, 11).is_err());
        assert_eq!(half.received(4, 10).unwrap().state(), UploadState::Complete);
    }

    #[test]
    fn a_complete_upload_takes_no_bytes() {
        let whole = upload(3).received(0, 3).unwrap();
        assert_eq!(whole.accept(3, Timestamp::EPOCH), Ok(0));
        assert!(whole.received(3, 4).is_err());
    }

    #[test]
    fn time_ends_an_upload() {
        assert_eq!(upload(3).accept(0, LATER), Err(UploadError::Expired));
        assert_eq!(upload(0).require_complete(LATER), Err(UploadError::Expired));
        let kept = upload(3).kept_until(LATER.plus_ms(1));
        assert_eq!(kept.accept(0, LATER), Ok(3));
        assert_eq!(kept.clone().kept_until(Timestamp::EPOCH), kept);
        assert_eq!(
            kept.require_complete(LATER),
            Err(UploadError::Incomplete { offset: 0, length: 3 })
        );
    }

    #[test]
    fn metadata_has_bounds() {
        let pair = |key: &str| (key.to_owned(), b"x".to_vec());
        assert_eq!(UploadMetadata::new(vec![pair("a,b")]), Err(MetadataError::Key));
        assert_eq!(UploadMetadata::new(vec![pair("")]), Err(MetadataError::Key));
        assert_eq!(
            UploadMetadata::new(vec![pair("a"), pair("a")]),
            Err(MetadataError::Duplicate("a".into()))
        );
        let many = (0..=UPLOAD_METADATA_PAIRS_MAX).map(|n| pair(&n.to_string())).collect();
        assert_eq!(UploadMetadata::new(many), Err(MetadataError::TooMany));
        let long = vec![("a".to_owned(), vec![0; UPLOAD_METADATA_BYTES_MAX])];
        assert_eq!(UploadMetadata::new(long), Err(MetadataError::TooLong));
    }

    proptest! {
        /// Whatever pieces arrive, the offset is their sum and completion means exactly the length.
        #[test]
        fn pieces_add_up(pieces in vec(0_u64..1_000, 0..20), missing in 0_u64..3) {
            let sum: u64 = pieces.iter().sum();
            let mut upload = upload(sum + missing);
            for piece in pieces {
                let from = upload.offset();
                upload = upload.received(from, from + piece).unwrap();
            }
            prop_assert_eq!(upload.offset(), sum);
            prop_assert_eq!(upload.state() == UploadState::Complete, missing == 0);
        }
    }
}
