//! The upload spool: one file `<upload id>.part` per upload in one directory.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;

use crate::domain::id::UploadId;
use crate::domain::limits::SPOOL_BUFFER_BYTES;
use crate::ports::error::Cause;
use crate::ports::error::StoreError;
use crate::ports::upload_spool::Appended;
use crate::ports::upload_spool::Assembled;
use crate::ports::upload_spool::IncomingBytes;
use crate::ports::upload_spool::SpoolError;
use crate::ports::upload_spool::UploadSpool;

const SUFFIX: &str = ".part";

/// The spool over one directory, which belongs to it alone.
#[derive(Clone, Debug)]
pub struct FsSpool {
    directory: Arc<Path>,
    /// Uploads with a running append. A second one would interleave its bytes.
    busy: Arc<Mutex<HashSet<UploadId>>>,
}

/// Marks an upload as busy until dropped.
struct Busy {
    upload: UploadId,
    busy: Arc<Mutex<HashSet<UploadId>>>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.upload);
    }
}

impl FsSpool {
    /// The spool over `directory`, which is created if it is missing. Blocks.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        fs::create_dir_all(&directory)?;
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        Ok(Self { directory: directory.into(), busy: Arc::default() })
    }

    fn path(&self, upload: UploadId) -> PathBuf {
        self.directory.join(format!("{upload}{SUFFIX}"))
    }

    fn claim(&self, upload: UploadId) -> Result<Busy, StoreError> {
        if !self.busy.lock().insert(upload) {
            return Err(StoreError::Conflict);
        }
        Ok(Busy { upload, busy: Arc::clone(&self.busy) })
    }
}

/// The open end of one upload's file.
struct Tail {
    file: File,
    len: u64,
    /// Held here, inside the blocking work, so that an abandoned append still excludes the next one
    /// until its last write is over.
    _busy: Busy,
}

impl Tail {
    /// Opens the file and makes `offset` its end.
    fn open(path: &Path, offset: u64, busy: Busy) -> Result<Self, SpoolError> {
        let mut options = File::options();
        options.read(true).write(true);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && offset == 0 => {
                options.create_new(true).open(path).map_err(|e| failed(e, 0))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SpoolError::Gap { durable_len: 0 });
            }
            Err(error) => return Err(failed(error, 0)),
        };
        if offset == 0 {
            // Also for a file that is there: a crash may have come before its name was flushed.
            sync_parent(path).map_err(|e| failed(e, 0))?;
        }
        let len = file.metadata().map_err(|e| failed(e, 0))?.len();
        if len < offset {
            return Err(SpoolError::Gap { durable_len: len });
        }
        if len > offset {
            file.set_len(offset).map_err(|e| failed(e, offset))?;
        }
        Ok(Self { file, len: offset, _busy: busy })
    }

    /// Writes the pieces in order; on failure `len` says how much of them is in the file.
    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            let mut rest = piece.as_ref();
            while !rest.is_empty() {
                match self.file.write_at(rest, self.len) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        self.len += count as u64;
                        rest = &rest[count..];
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// Runs blocking work on the pool. A panic there is a bug and is passed on as unavailability.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)
}

/// Sorts a failure: a full disk is the one that the client hears about.
fn failed(error: io::Error, durable_len: u64) -> SpoolError {
    use io::ErrorKind as K;
    // `EFBIG` is the file system's or the process's own limit: to the client the disk is full.
    if [K::StorageFull, K::QuotaExceeded, K::FileTooLarge].contains(&error.kind()) {
        return SpoolError::InsufficientStorage { durable_len };
    }
    SpoolError::Store(StoreError::unavailable(error))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_directory)
}

/// Why the loop over the stream ended.
enum End {
    Stream,
    Broken(Cause),
    TooLong,
    Disk(io::Error),
}

/// Takes pieces until the stream ends or the limit is reached, a buffer at a time.
async fn receive(
    mut tail: Tail,
    mut bytes: IncomingBytes,
    max_len: u64,
) -> Result<(Tail, End), StoreError> {
    loop {
        let mut pieces = Vec::new();
        let mut size = 0;
        let mut end = None;
        while size < SPOOL_BUFFER_BYTES && end.is_none() {
            match bytes.next().await {
                Some(Ok(mut piece)) => {
                    let room = max_len.saturating_sub(tail.len + size as u64);
                    if piece.len() as u64 > room {
                        piece.truncate(room as usize);
                        end = Some(End::TooLong);
                    }
                    size += piece.len();
                    pieces.push(piece);
                }
                Some(Err(cause)) => end = Some(End::Broken(cause)),
                None => end = Some(End::Stream),
            }
        }
        let (back, written) = blocking(move || {
            let written = tail.write(&pieces);
            (tail, written)
        })
        .await?;
        tail = back;
        match (written, end) {
            (Err(error), _) => return Ok((tail, End::Disk(error))),
            (Ok(()), Some(end)) => return Ok((tail, end)),
            (Ok(()), None) => {}
        }
    }
}

#[async_trait]
impl UploadSpool for FsSpool {
    fn is_shared(&self) -> bool {
        false
    }

    /// One process has the directory, and within it `busy` keeps appends apart: claims add nothing.
    async fn append(
        &self,
        upload: UploadId,
        _claim: u64,
        offset: u64,
        bytes: IncomingBytes,
        max_len: u64,
    ) -> Result<Appended, SpoolError> {
        let busy = self.claim(upload)?;
        let path = self.path(upload);
        let tail = blocking(move || Tail::open(&path, offset, busy)).await??;
        let (tail, end) = receive(tail, bytes, max_len).await?;
        let (durable_len, synced) = blocking(move || (tail.len, tail.file.sync_data())).await?;
        // Data that could not be flushed may be lost even if a later flush succeeds: promise nothing
        // beyond the old offset.
        synced.map_err(|error| failed(error, offset))?;
        match end {
            End::Stream => Ok(Appended { durable_len, interrupted: None }),
            End::Broken(cause) => Ok(Appended { durable_len, interrupted: Some(cause) }),
            End::TooLong => Err(SpoolError::TooLong { max_len }),
            End::Disk(error) => Err(failed(error, durable_len)),
        }
    }

    async fn durable_len(&self, upload: UploadId) -> Result<Option<u64>, StoreError> {
        let path = self.path(upload);
        match blocking(move || fs::metadata(path)).await? {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    async fn assemble(&self, upload: UploadId, len: u64) -> Result<Assembled, SpoolError> {
        let durable_len = self.durable_len(upload).await?.unwrap_or(0);
        if durable_len < len {
            return Err(SpoolError::Gap { durable_len });
        }
        Ok(Assembled::in_place(self.path(upload)))
    }

    async fn remove(&self, upload: UploadId) -> Result<(), StoreError> {
        let busy = self.claim(upload)?;
        let path = self.path(upload);
        let removed = blocking(move || {
            let _busy = busy;
            match fs::remove_file(&path) {
                Ok(()) => sync_parent(&path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            }
        });
        removed.await?.map_err(StoreError::unavailable)
    }

    async fn sweep(
        &self,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        let directory = Arc::clone(&self.directory);
        let listed = blocking(move || -> io::Result<Vec<UploadId>> {
            // Keeps only the `limit` smallest ids, so that a crowded directory costs no memory.
            let mut first = BTreeSet::new();
            for entry in fs::read_dir(directory)? {
                let name = entry?.file_name();
                let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
                let Some(id) = id.filter(|id| after.is_none_or(|after| *id > after)) else {
                    continue; // Not ours, or of an earlier page.
                };
                first.insert(id);
                if first.len() > limit {
                    first.pop_last();
                }
            }
            Ok(first.into_iter().collect())
        });
        listed.await?.map_err(StoreError::unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_its_own_error() {
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        let quota = io::Error::from_raw_os_error(libc::EDQUOT);
        let broken = io::Error::from_raw_os_error(libc::EIO);
        let is_full = |error| matches!(error, SpoolError::InsufficientStorage { durable_len: 7 });
        assert!(is_full(failed(full, 7)));
        assert!(is_full(failed(quota, 7)));
        assert!(matches!(failed(broken, 7), SpoolError::Store(StoreError::Unavailable(_))));
    }
}
