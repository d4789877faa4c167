//! The bytes of resumable uploads on their way in, on the node's own disk.

use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::domain::id::UploadId;
use crate::ports::error::Cause;
use crate::ports::error::StoreError;

/// Bytes from a client. It ends at the first error; bytes before an error are good.
pub type IncomingBytes = Pin<Box<dyn Stream<Item = Result<Bytes, Cause>> + Send>>;

/// What became of an append that reached the disk.
#[derive(Debug)]
pub struct Appended {
    /// The upload's length on disk, in bytes: safe against a crash of the machine.
    pub durable_len: u64,
    /// Why the stream broke, if it did. What came before is kept and counted.
    pub interrupted: Option<Cause>,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file is shorter than the offset: bytes that someone thinks are safe are not there.
    #[error("only {durable_len} bytes are there")]
    Gap {
        /// The bytes that are there.
        durable_len: u64,
    },
    /// More bytes came than may. Those up to the limit are kept; the caller should drop the upload.
    #[error("more than {max_len} bytes came")]
    TooLong {
        /// The limit.
        max_len: u64,
    },
    /// The disk is full, or a quota is reached. What was written is kept and counted.
    #[error("the disk is full")]
    InsufficientStorage {
        /// The bytes that are safe.
        durable_len: u64,
    },
    /// `Conflict` when another append to the same upload is running; `Unavailable` when the disk
    /// fails, and then nothing is promised beyond the old offset.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Files that grow at their end, one per upload.
///
/// The truth about an offset is the caller's record, written after [`append`](Self::append)
/// answered. The spool makes that record always true: what it answers has reached the disk, and
/// what lies beyond the recorded offset (a crash came between the two) is cut off by the next
/// append at that offset. A checksum that fails is undone the same way: do not record the offset.
#[async_trait]
pub trait UploadSpool: Send + Sync {
    /// Writes `bytes` at `offset`, which is made the end of the file first: a longer file is cut, a
    /// shorter one is refused ([`SpoolError::Gap`]). A file comes into being at offset 0. The file
    /// never grows beyond `max_len` bytes. Memory is bounded by 1 MiB.
    ///
    /// If the call is dropped midway, the file may be longer than any answer said; see above.
    async fn append(
        &self,
        upload: UploadId,
        offset: u64,
        bytes: IncomingBytes,
        max_len: u64,
    ) -> Result<Appended, SpoolError>;

    /// The file's length in bytes, `None` when there is no file. After a crash it may be more than
    /// what was ever answered, never less.
    async fn durable_len(&self, upload: UploadId) -> Result<Option<u64>, StoreError>;

    /// Where the file is (or would be): for the transcoder and for putting it into a bucket.
    fn path(&self, upload: UploadId) -> PathBuf;

    /// Removes the file; one that is not there counts as removed.
    async fn remove(&self, upload: UploadId) -> Result<(), StoreError>;

    /// At most `limit` uploads that have a file, in the order of their ids, after `after`: for
    /// finding files whose upload is gone. Ids are time-ordered, so the oldest come first.
    async fn sweep(
        &self,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError>;
}
