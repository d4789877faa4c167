//! The bytes of resumable uploads on their way in.

use std::any::Any;
use std::path::Path;
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

/// What became of an append that was made durable.
#[derive(Debug)]
pub struct Appended {
    /// The upload's length in bytes: safe against a crash of the machine.
    pub durable_len: u64,
    /// Why the stream broke, if it did. What came before is kept and counted.
    pub interrupted: Option<Cause>,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The upload is shorter than the offset: bytes that someone thinks are safe are not there.
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

/// The bytes of an upload as one file, which is there until this is dropped.
pub struct Assembled {
    path: PathBuf,
    _held: Option<Box<dyn Any + Send + Sync>>,
}

impl Assembled {
    /// The spool's own file.
    pub fn in_place(path: PathBuf) -> Self {
        Self { path, _held: None }
    }

    /// A file that goes when `held` is dropped.
    pub fn copied(path: PathBuf, held: impl Any + Send + Sync) -> Self {
        Self { path, _held: Some(Box::new(held)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Byte strings that grow at their end, one per upload.
///
/// The truth about an offset is the caller's record, written after [`append`](Self::append)
/// answered. The spool makes that record always true: what it answers is durable, and what lies
/// beyond the recorded offset (a crash came between the two) is cut off by the next append at that
/// offset. A checksum that fails is undone the same way: do not record the offset.
///
/// A spool that several nodes [share](Self::is_shared) is told a claim with each append. Among the
/// bytes of two appends those of the higher claim stand, in whichever order they arrive: a node that
/// was slow or thought dead, and was overtaken, harms nothing. The claim must therefore be the version
/// of the caller's record, raised for this very append by a conditional write.
#[async_trait]
pub trait UploadSpool: Send + Sync {
    /// Whether other nodes append to the same uploads, so that each append needs a claim of its own.
    fn is_shared(&self) -> bool;

    /// Writes `bytes` at `offset`, which is made the end of the upload first: a longer one is cut, a
    /// shorter one is refused ([`SpoolError::Gap`]). An upload comes into being at offset 0. It never
    /// grows beyond `max_len` bytes. Memory is bounded by 1 MiB. A claim that was overtaken before it
    /// began is a `Conflict`.
    ///
    /// If the call is dropped midway, the upload may be longer than any answer said; see above.
    async fn append(
        &self,
        upload: UploadId,
        claim: u64,
        offset: u64,
        bytes: IncomingBytes,
        max_len: u64,
    ) -> Result<Appended, SpoolError>;

    /// The upload's length in bytes, `None` when nothing is there. After a crash it may be more than
    /// what was ever answered, never less.
    async fn durable_len(&self, upload: UploadId) -> Result<Option<u64>, StoreError>;

    /// The bytes `0..len`, of which `len` is recorded, as one file: for putting it into a bucket. The
    /// file of a spool that holds more may be longer. [`SpoolError::Gap`] when bytes are missing.
    async fn assemble(&self, upload: UploadId, len: u64) -> Result<Assembled, SpoolError>;

    /// Removes an upload; one that is not there counts as removed.
    async fn remove(&self, upload: UploadId) -> Result<(), StoreError>;

    /// At most `limit` uploads of which something is there, in the order of their ids, after `after`:
    /// for finding bytes whose upload is gone. Ids are time-ordered, so the oldest come first.
    async fn sweep(
        &self,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError>;
}
