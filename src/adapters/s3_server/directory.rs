//! The data directory: durable atomic replacement, removal, and the sweep at start.
//!
//! ```text
//! lock                            held while the directory is in use
//! objects/<bucket>/…              see `keys`
//! multipart/<upload>/upload.json  what the upload will become, and its parts `00001`, `00002`, …
//! tmp/                            files being written; emptied at start
//! ```
//!
//! Every function blocks and belongs on the blocking pool.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use parking_lot::RwLock;
use s3s::S3Error;
use s3s::S3ErrorCode;
use s3s::S3Result;
use s3s::s3_error;

use super::keys;
use super::record::Record;
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;

/// The open data directory.
pub(super) struct Directory {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    /// Names temporary files and uploads apart.
    counter: AtomicU64,
    /// Shared by those who put files into folders that exist; exclusive for those who make or
    /// remove folders, or who must look before they put.
    tree: RwLock<()>,
    /// Keeps other processes out; released when the process ends, however it ends.
    _lock: File,
}

/// A file being written. It vanishes unless it is put in its place.
pub(super) struct Temp {
    pub(super) file: File,
    path: PathBuf,
    placed: bool,
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Temp {
    /// Writes `record` behind the payload and flushes the file to the disk.
    pub(super) fn seal(&mut self, record: &Record) -> S3Result<()> {
        let encoded = record.encode().map_err(|error| {
            let too_large = error.kind() == io::ErrorKind::InvalidInput;
            if too_large { s3_error!(MetadataTooLarge) } else { io_failed(error) }
        })?;
        self.file.write_all(&encoded).and_then(|()| self.file.sync_all()).map_err(io_failed)
    }

    /// Moves the file to `path` and flushes the folder.
    pub(super) fn place(mut self, path: &Path) -> io::Result<()> {
        let folder = File::open(parent(path))?;
        fs::rename(&self.path, path)?;
        self.placed = true;
        folder.sync_all()
    }
}

/// An object open for reading. What it reads does not change when the object is replaced.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) record: Record,
}

/// What a conditional write asks of the present object.
pub(super) type Condition<'a> = &'a (dyn Fn(Option<&Record>) -> S3Result<()> + Sync);

/// Turns a failed call into an answer: a full disk is 507, all else 500.
pub(super) fn io_failed(error: io::Error) -> S3Error {
    use io::ErrorKind as K;
    if [K::StorageFull, K::QuotaExceeded, K::FileTooLarge].contains(&error.kind()) {
        let mut full = S3Error::with_message(
            S3ErrorCode::Custom("InsufficientStorage".into()),
            "The disk is full.",
        );
        full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
        return full;
    }
    S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Every path here has a parent: it is the root joined with a name.
fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes `folder` and what is missing above it, durably.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    create_folders(parent(folder))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent(folder)),
    }
}

impl Directory {
    /// Opens `root`, making it if needed; refuses one that another process has open. Leftovers of a
    /// crash go: every temporary file, and multipart uploads untouched for `multipart_ttl`.
    pub(super) fn open(
        root: &Path,
        clock: Arc<dyn Clock>,
        multipart_ttl: Duration,
    ) -> io::Result<Self> {
        // Absolute, so that every folder has a parent to flush.
        let root = std::path::absolute(root)?;
        for name in ["objects", "multipart", "tmp"] {
            create_folders(&root.join(name))?;
        }
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open")
            }
            TryLockError::Error(error) => error,
        })?;
        let this =
            Self { root, clock, counter: AtomicU64::new(0), tree: RwLock::new(()), _lock: lock };
        this.sweep(multipart_ttl)?;
        Ok(this)
    }

    fn sweep(&self, multipart_ttl: Duration) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join("tmp"))? {
            fs::remove_file(entry?.path())?;
        }
        let now = UNIX_EPOCH + Duration::from_millis(self.clock.now().unix_ms().max(0) as u64);
        for entry in fs::read_dir(self.root.join("multipart"))? {
            let entry = entry?;
            // Each part that arrives touches the folder.
            let touched = entry.metadata()?.modified()?;
            if now.duration_since(touched).is_ok_and(|age| age >= multipart_ttl) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that no other call of this process gets.
    pub(super) fn next(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn temp(&self) -> io::Result<Temp> {
        let path = self.root.join("tmp").join(self.next().to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok(Temp { file, path, placed: false })
    }

    /// Where buckets are.
    pub(super) fn buckets(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Where the upload `id` keeps its parts. The caller has checked that `id` is a plain name.
    pub(super) fn multipart(&self, id: &str) -> PathBuf {
        self.root.join("multipart").join(id)
    }

    /// The folder of a bucket that exists. The protocol layer allows no separators in its name.
    pub(super) fn bucket(&self, name: &str) -> S3Result<PathBuf> {
        let folder = self.bucket_path(name)?;
        if folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchBucket)) }
    }

    fn bucket_path(&self, name: &str) -> S3Result<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(s3_error!(InvalidBucketName));
        }
        Ok(self.buckets().join(name))
    }

    /// Makes a bucket; `false` when it was there.
    pub(super) fn create_bucket(&self, name: &str) -> S3Result<bool> {
        let folder = self.bucket_path(name)?;
        let _exclusive = self.tree.write();
        if folder.is_dir() {
            return Ok(false);
        }
        create_folders(&folder).map_err(io_failed)?;
        Ok(true)
    }

    /// Removes an empty bucket.
    pub(super) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let folder = self.bucket(name)?;
        let _exclusive = self.tree.write();
        match fs::remove_dir(&folder) {
            Ok(()) => sync_folder(&self.buckets()).map_err(io_failed),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Err(s3_error!(BucketNotEmpty))
            }
            Err(error) if is_absent(&error) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(io_failed(error)),
        }
    }

    /// Opens an object file; `None` when it is not there.
    pub(super) fn open_file(path: &Path) -> S3Result<Option<Opened>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(io_failed(error)),
        };
        let record = Record::read(&file).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "an object's file is damaged");
            io_failed(error)
        })?;
        Ok(Some(Opened { file, record }))
    }

    /// Opens an object; `None` when there is none.
    pub(super) fn open_object(&self, bucket: &str, key: &str) -> S3Result<Option<Opened>> {
        Self::open_file(&keys::path(&self.bucket(bucket)?, key)?)
    }

    /// Makes a sealed file the object `key`, replacing what was there, durably.
    pub(super) fn publish(
        &self,
        temp: Temp,
        bucket: &str,
        key: &str,
        condition: Option<Condition<'_>>,
    ) -> S3Result<()> {
        let bucket = self.bucket(bucket)?;
        let path = keys::path(&bucket, key)?;
        if condition.is_none() {
            let _shared = self.tree.read();
            if parent(&path).is_dir() {
                return temp.place(&path).map_err(io_failed);
            }
        }
        let _exclusive = self.tree.write();
        if !bucket.is_dir() {
            return Err(s3_error!(NoSuchBucket)); // Removed meanwhile; do not bring it back.
        }
        if let Some(condition) = condition {
            condition(Self::open_file(&path)?.map(|opened| opened.record).as_ref())?;
        }
        create_folders(parent(&path)).map_err(io_failed)?;
        temp.place(&path).map_err(io_failed)
    }

    /// Removes objects durably, then the folders that this leaves empty. Answers the outcome of
    /// each key, in order; one that is not there counts as removed.
    pub(super) fn remove(&self, bucket: &str, keys: &[String]) -> S3Result<Vec<S3Result<()>>> {
        let bucket = self.bucket(bucket)?;
        let mut folders = BTreeSet::new();
        let mut remove = |key: &String| -> S3Result<()> {
            let path = keys::path(&bucket, key)?;
            match fs::remove_file(&path) {
                Ok(()) => {
                    folders.insert(parent(&path).to_path_buf());
                    Ok(())
                }
                Err(error) if is_absent(&error) => Ok(()),
                Err(error) => Err(io_failed(error)),
            }
        };
        let outcomes = {
            let _shared = self.tree.read();
            let outcomes = keys.iter().map(&mut remove).collect();
            for folder in &folders {
                sync_folder(folder).map_err(io_failed)?;
            }
            outcomes
        };
        let _exclusive = self.tree.write();
        for folder in folders {
            // A folder that is not empty ends the way up. One that a crash brings back is harmless.
            let mut above = folder.as_path();
            while above != bucket && fs::remove_dir(above).is_ok() {
                above = parent(above);
            }
        }
        Ok(outcomes)
    }
}
