//! The upload spool that nodes share: each append becomes an object, a piece of its upload.
//!
//! The bytes of a request go to a file of this node first, because an object is put whole and a client
//! may break off; that file is no promise. What is answered lies in the bucket, where any node finds it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::pieces::{self, Piece};
use crate::domain::id::UploadId;
use crate::domain::limits::{OBJECT_PAGE_LEN_MAX, SPOOL_BUFFER_BYTES, SPOOL_PIECES_MAX};
use crate::ports::error::{Cause, StoreError};
use crate::ports::objects::{ByteRange, ObjectKey, ObjectStore};
use crate::ports::upload_spool::{Appended, Assembled, IncomingBytes, SpoolError, UploadSpool};

const SUFFIX: &str = ".piece";
const CONTENT_TYPE: &str = "application/octet-stream";

/// The spool over a bucket. Several nodes may have one over the same bucket.
#[derive(Clone)]
pub struct S3Spool {
    objects: Arc<dyn ObjectStore>,
    directory: Arc<Path>,
    /// Uploads with a running append of this node.
    busy: Arc<Mutex<HashSet<UploadId>>>,
    /// Tells this node's files apart.
    files: Arc<AtomicU64>,
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

/// A file of this node that goes when this is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0)); // What stays is removed at the next start.
    }
}

/// Why the loop over a stream ended.
enum End {
    Stream,
    Broken(Cause),
    TooLong,
    DiskFull,
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    [K::StorageFull, K::QuotaExceeded, K::FileTooLarge].contains(&error.kind())
}

impl S3Spool {
    /// The spool over `objects`, with `directory` for the bytes of requests that run: it belongs to this
    /// process alone, is made if it is missing, and emptied of what a crash left. Blocks.
    pub fn open(objects: Arc<dyn ObjectStore>, directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        fs::create_dir_all(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.to_str().is_some_and(|path| path.ends_with(SUFFIX)) {
                fs::remove_file(path)?;
            }
        }
        let files = Arc::new(AtomicU64::new(0));
        Ok(Self { objects, directory: directory.into(), busy: Arc::default(), files })
    }

    fn lock(&self, upload: UploadId) -> Result<Busy, StoreError> {
        if !self.busy.lock().insert(upload) {
            return Err(StoreError::Conflict);
        }
        Ok(Busy { upload, busy: Arc::clone(&self.busy) })
    }

    /// A new file of this node.
    async fn scratch(&self, upload: UploadId) -> io::Result<(Scratch, File)> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{upload}-{number}{SUFFIX}"));
        let mut file = File::create_new(&path).await?;
        file.set_max_buf_size(SPOOL_BUFFER_BYTES);
        Ok((Scratch(path), file))
    }

    /// All pieces of an upload, those that count and those that do not.
    async fn pieces(&self, upload: UploadId) -> Result<Vec<Piece>, StoreError> {
        let prefix = pieces::prefix(upload).map_err(StoreError::unavailable)?;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page =
                self.objects.list_prefix(&prefix, after.as_ref(), OBJECT_PAGE_LEN_MAX).await?;
            let piece = |(key, len): (&ObjectKey, u64)| Some(pieces::parse(key, len)?.1);
            found
                .extend(page.objects.iter().map(|entry| (&entry.key, entry.len)).filter_map(piece));
            match page.next {
                Some(_) if found.len() > 2 * SPOOL_PIECES_MAX => {
                    return Err(StoreError::unavailable("an upload has too many pieces"));
                }
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Takes a request's bytes into `file`; answers how many.
    async fn receive(
        file: &mut File,
        mut bytes: IncomingBytes,
        room: u64,
    ) -> Result<(u64, End), StoreError> {
        let mut received = 0;
        let end = loop {
            let mut piece = match bytes.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(cause)) => break End::Broken(cause),
                None => break End::Stream,
            };
            let rest = room - received;
            let is_surplus = piece.len() as u64 > rest;
            if is_surplus {
                piece.truncate(rest as usize);
            }
            match file.write_all(&piece).await {
                Ok(()) => received += piece.len() as u64,
                Err(error) if is_full(&error) => break End::DiskFull,
                Err(error) => return Err(StoreError::unavailable(error)),
            }
            if is_surplus {
                break End::TooLong;
            }
        };
        let flushed = file.flush().await;
        if matches!(end, End::DiskFull) || flushed.as_ref().is_err_and(is_full) {
            // The runtime writes behind: only the file itself knows how much of it is there.
            let written = file.metadata().await.map_err(StoreError::unavailable)?.len();
            let received = received.min(written);
            file.set_len(received).await.map_err(StoreError::unavailable)?;
            return Ok((received, End::DiskFull));
        }
        flushed.map_err(StoreError::unavailable)?;
        Ok((received, end))
    }

    /// Removes what `new` has replaced. It no longer counts, so a failure costs room and nothing else.
    async fn remove_replaced(&self, upload: UploadId, new: Piece, old: Vec<Piece>) {
        for piece in old {
            if piece.offset < new.offset || piece.claim >= new.claim {
                continue;
            }
            let Ok(key) = piece.key(upload) else { continue };
            if let Err(error) = self.objects.delete(&key).await {
                tracing::warn!(%key, %error, "a piece that was replaced stays until the upload ends");
            }
        }
    }

    /// Copies the wanted bytes of a piece to the end of `file`.
    async fn copy(
        &self,
        upload: UploadId,
        (piece, range): (Piece, std::ops::Range<u64>),
        file: &mut File,
    ) -> Result<(), SpoolError> {
        let key = piece.key(upload).map_err(StoreError::unavailable)?;
        let wanted = ByteRange::Span(range.start, range.end);
        let gone = SpoolError::Gap { durable_len: piece.offset };
        let Some(mut read) = self.objects.get(&key, Some(wanted)).await? else { return Err(gone) };
        if read.range != range {
            return Err(gone);
        }
        while let Some(bytes) = read.bytes.next().await {
            file.write_all(&bytes?).await.map_err(|error| {
                if is_full(&error) {
                    SpoolError::InsufficientStorage { durable_len: piece.end() }
                } else {
                    StoreError::unavailable(error).into()
                }
            })?;
        }
        Ok(())
    }
}

#[async_trait]
impl UploadSpool for S3Spool {
    fn is_shared(&self) -> bool {
        true
    }

    async fn append(
        &self,
        upload: UploadId,
        claim: u64,
        offset: u64,
        bytes: IncomingBytes,
        max_len: u64,
    ) -> Result<Appended, SpoolError> {
        let _busy = self.lock(upload)?;
        let old = self.pieces(upload).await?;
        if old.iter().any(|piece| piece.claim >= claim) {
            return Err(StoreError::Conflict.into());
        }
        if old.len() >= SPOOL_PIECES_MAX {
            return Err(StoreError::unavailable("too many pieces: send more at once").into());
        }
        let durable_len = pieces::end(&pieces::chain(old.clone()));
        if durable_len < offset {
            return Err(SpoolError::Gap { durable_len });
        }
        let (scratch, mut file) = self.scratch(upload).await.map_err(StoreError::unavailable)?;
        let room = max_len.saturating_sub(offset);
        let (len, end) = Self::receive(&mut file, bytes, room).await?;
        drop(file);
        let piece = Piece { offset, claim, len };
        // One of no bytes says that an upload is there, or where it ends now.
        if len > 0 || old.is_empty() || durable_len > offset {
            let key = piece.key(upload).map_err(StoreError::unavailable)?;
            let put = self.objects.put_file(&key, CONTENT_TYPE, &scratch.0).await?;
            if put != len {
                let detail = format!("{len} bytes were received, {put} were put");
                let key = key.to_string();
                return Err(StoreError::Corrupt { table: "objects", key, detail }.into());
            }
            self.remove_replaced(upload, piece, old).await;
        }
        let durable_len = piece.end();
        match end {
            End::Stream => Ok(Appended { durable_len, interrupted: None }),
            End::Broken(cause) => Ok(Appended { durable_len, interrupted: Some(cause) }),
            End::TooLong => Err(SpoolError::TooLong { max_len }),
            End::DiskFull => Err(SpoolError::InsufficientStorage { durable_len }),
        }
    }

    async fn durable_len(&self, upload: UploadId) -> Result<Option<u64>, StoreError> {
        let pieces = self.pieces(upload).await?;
        Ok((!pieces.is_empty()).then(|| pieces::end(&pieces::chain(pieces))))
    }

    async fn assemble(&self, upload: UploadId, len: u64) -> Result<Assembled, SpoolError> {
        let mut pieces = self.pieces(upload).await?;
        pieces.retain(|piece| piece.offset < len); // What lies behind was never recorded.
        let chain = pieces::chain(pieces);
        let durable_len = pieces::end(&chain);
        if durable_len < len {
            return Err(SpoolError::Gap { durable_len });
        }
        let (scratch, mut file) = self.scratch(upload).await.map_err(StoreError::unavailable)?;
        for cut in pieces::cuts(&chain, len) {
            self.copy(upload, cut, &mut file).await?;
        }
        file.flush().await.map_err(StoreError::unavailable)?;
        Ok(Assembled::copied(scratch.0.clone(), scratch))
    }

    async fn remove(&self, upload: UploadId) -> Result<(), StoreError> {
        let _busy = self.lock(upload)?;
        let prefix = pieces::prefix(upload).map_err(StoreError::unavailable)?;
        while self.objects.delete_prefix(&prefix, OBJECT_PAGE_LEN_MAX).await? == OBJECT_PAGE_LEN_MAX
        {
        }
        Ok(())
    }

    async fn sweep(
        &self,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        let everything = pieces::everything().map_err(StoreError::unavailable)?;
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page =
                self.objects.list_prefix(&everything, cursor.as_ref(), OBJECT_PAGE_LEN_MAX).await?;
            for (upload, _) in page.objects.iter().filter_map(|at| pieces::parse(&at.key, at.len)) {
                if after.is_some_and(|after| upload <= after) || found.last() == Some(&upload) {
                    continue;
                }
                if found.len() == limit {
                    return Ok(found);
                }
                found.push(upload);
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(found),
            }
        }
    }
}
