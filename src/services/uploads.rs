//! Resumable uploads: bytes to the spool, then the record, then the object store.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::domain::time::Timestamp;
use crate::domain::upload::{Upload, UploadError, UploadMetadata, UploadState};
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::{Cause, StoreError};
use crate::ports::objects::{ObjectKey, ObjectStore};
use crate::ports::upload_spool::{IncomingBytes, SpoolError, UploadSpool};
use crate::ports::uploads::{UploadRecord, UploadStore};

/// Why an upload cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum UploadsError {
    /// None of that id, or another account's.
    #[error("there is no such upload")]
    NotFound,
    /// The upload's own state forbids it.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Larger than this installation takes.
    #[error("an upload has at most {0} bytes")]
    TooLarge(u64),
    /// The account has too many unfinished ones.
    #[error("at most {0} uploads may be unfinished: finish or delete one")]
    TooMany(usize),
    /// Another request is writing to it at this moment.
    #[error("another request is writing to this upload")]
    Busy,
    /// The checksum does not fit the bytes; they were dropped.
    #[error("the bytes do not have the stated checksum")]
    ChecksumMismatch,
    /// No room on the disk.
    #[error("there is no room for more bytes")]
    InsufficientStorage,
    /// The client broke off; what came before is kept.
    #[error("the body broke off")]
    Interrupted(#[source] Cause),
    /// A clip was made of it: it can no longer be removed.
    #[error("a clip was made of this upload")]
    Used,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an installation allows.
#[derive(Clone, Copy, Debug)]
pub struct UploadPolicy {
    /// Largest upload in bytes.
    pub bytes_max: u64,
    /// How long an upload is kept after its last byte.
    pub ttl_ms: i64,
    /// Unfinished uploads of one account.
    pub per_account_max: usize,
}

/// An upload after a request, as its owner sees it.
pub type Received = UploadRecord;

/// Says after the last byte whether the bytes had the stated checksum.
pub type ChecksumVerdict = Box<dyn FnOnce() -> bool + Send>;

/// Takes uploads.
pub struct Uploads {
    store: Arc<dyn UploadStore>,
    spool: Arc<dyn UploadSpool>,
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: UploadPolicy,
    /// Appends that may outlive their request.
    appends: TaskTracker,
    /// Ends them.
    breaking_off: CancellationToken,
    /// Uploads that an append is writing to.
    writing: Arc<Mutex<HashSet<UploadId>>>,
}

/// Keeps other appends away from an upload until dropped.
///
/// It spans from the look at the record to its next version. The spool's own guard is shorter: a second
/// append that had read the old offset would cut off bytes between their flush and their record, which
/// is then answered for bytes that are gone.
struct Writing {
    upload: UploadId,
    writing: Arc<Mutex<HashSet<UploadId>>>,
}

impl Writing {
    fn begin(
        upload: UploadId,
        writing: &Arc<Mutex<HashSet<UploadId>>>,
    ) -> Result<Self, UploadsError> {
        if !writing.lock().insert(upload) {
            return Err(UploadsError::Busy);
        }
        Ok(Self { upload, writing: Arc::clone(writing) })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writing.lock().remove(&self.upload);
    }
}

/// The object that holds an upload's bytes.
pub fn source_key(id: UploadId) -> ObjectKey {
    ObjectKey::parse(format!("uploads/{id}")).expect("an id is a safe key")
}

/// The record counts on bytes that are not there.
fn lacking(id: UploadId, recorded_len: u64, durable_len: u64) -> StoreError {
    let detail = format!("the record says {recorded_len}, the spool has {durable_len} bytes");
    StoreError::Corrupt { table: "uploads", key: id.to_string(), detail }
}

/// The same bytes, broken off at `stop`.
fn until(bytes: IncomingBytes, stop: CancellationToken) -> IncomingBytes {
    let next = async |(mut bytes, stop): (IncomingBytes, CancellationToken)| {
        let piece = tokio::select! {
            biased;
            () = stop.cancelled() => Some(Err(Cause::from("the server stops"))),
            piece = bytes.next() => piece,
        };
        piece.map(|piece| (piece, (bytes, stop)))
    };
    Box::pin(futures_util::stream::unfold((bytes, stop), next))
}

impl Uploads {
    /// Keeps records in `store`, bytes on their way in `spool`, whole files in `objects`.
    pub fn new(
        store: Arc<dyn UploadStore>,
        spool: Arc<dyn UploadSpool>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: UploadPolicy,
    ) -> Self {
        Self {
            store,
            spool,
            objects,
            clock,
            entropy,
            policy,
            appends: TaskTracker::new(),
            breaking_off: CancellationToken::new(),
            writing: Arc::default(),
        }
    }

    /// Ends every append that runs, as if its client had hung up, and waits until what had arrived is
    /// kept: for a clean shutdown, after the time that open requests are given.
    pub async fn drain(&self) {
        self.appends.close();
        self.breaking_off.cancel();
        self.appends.wait().await;
    }

    /// What is allowed.
    pub fn policy(&self) -> UploadPolicy {
        self.policy
    }

    /// Opens an upload of `length` bytes.
    pub async fn create(
        &self,
        owner: AccountId,
        length: u64,
        metadata: UploadMetadata,
    ) -> Result<UploadRecord, UploadsError> {
        let max = self.policy.per_account_max;
        if length > self.policy.bytes_max {
            return Err(UploadsError::TooLarge(self.policy.bytes_max));
        }
        if self.store.open_of(owner, max).await? >= max {
            return Err(UploadsError::TooMany(max));
        }
        let now = self.clock.now();
        let record = UploadRecord {
            id: UploadId::new(now, self.entropy.bits()),
            owner,
            upload: Upload::new(length, metadata, now.plus_ms(self.policy.ttl_ms))?,
            stored: false,
            clip: None,
            version: 1,
        };
        self.store.put(&record).await?;
        Ok(record)
    }

    /// The upload, for its owner.
    pub async fn get(&self, owner: AccountId, id: UploadId) -> Result<UploadRecord, UploadsError> {
        let record = self.store.get(id).await?.filter(|record| record.owner == owner);
        let record = record.ok_or(UploadsError::NotFound)?;
        if record.clip.is_none() && record.upload.is_expired(self.clock.now()) {
            return Err(UploadError::Expired.into());
        }
        Ok(record)
    }

    /// Appends `bytes` at `offset`. The offset is written down only after the bytes are on the disk, so
    /// it is true whatever happens in between.
    ///
    /// It goes on when the caller is dropped, as happens when a client hangs up: what has arrived is
    /// kept and counted.
    pub async fn append(
        self: &Arc<Self>,
        owner: AccountId,
        id: UploadId,
        offset: u64,
        bytes: IncomingBytes,
        checksum: Option<ChecksumVerdict>,
    ) -> Result<UploadRecord, UploadsError> {
        let this = Arc::clone(self);
        let bytes = until(bytes, self.breaking_off.clone());
        let append = async move { this.append_here(owner, id, offset, bytes, checksum).await };
        self.appends.spawn(append).await.unwrap_or_else(|error| {
            Err(StoreError::unavailable(error).into()) // It panicked; the offset was not moved.
        })
    }

    async fn append_here(
        &self,
        owner: AccountId,
        id: UploadId,
        offset: u64,
        bytes: IncomingBytes,
        checksum: Option<ChecksumVerdict>,
    ) -> Result<UploadRecord, UploadsError> {
        let _writing = Writing::begin(id, &self.writing)?;
        let record = self.get(owner, id).await?;
        if record.upload.accept(offset, self.clock.now())? == 0 {
            return self.settle(record).await; // A repeat of the last request: all is there.
        }
        let record = self.claim(record).await?;
        let (length, claim) = (record.upload.length(), record.version);
        let (durable_len, end) = match self.spool.append(id, claim, offset, bytes, length).await {
            Ok(appended) => {
                (appended.durable_len, appended.interrupted.map(UploadsError::Interrupted))
            }
            Err(SpoolError::InsufficientStorage { durable_len }) => {
                (durable_len, Some(UploadsError::InsufficientStorage))
            }
            Err(SpoolError::TooLong { max_len }) => {
                return Err(UploadError::OutOfBounds { end: max_len + 1, length }.into());
            }
            Err(SpoolError::Gap { durable_len }) => {
                return Err(lacking(id, offset, durable_len).into());
            }
            Err(SpoolError::Store(StoreError::Conflict)) => return Err(UploadsError::Busy),
            Err(SpoolError::Store(error)) => return Err(error.into()),
        };
        // Bytes with a wrong or incomplete checksum are not recorded; the next append cuts them off.
        if let Some(verdict) = checksum {
            if let Some(error) = end {
                return Err(error);
            }
            if !verdict() {
                return Err(UploadsError::ChecksumMismatch);
            }
            return self.advance(record, offset, durable_len).await;
        }
        let record = self.advance(record, offset, durable_len).await?;
        end.map_or(Ok(record), Err)
    }

    /// Makes this append the only one that may move the record, where other nodes could append too: who
    /// claimed before loses the race for the record, and its bytes do not count.
    async fn claim(&self, mut record: UploadRecord) -> Result<UploadRecord, UploadsError> {
        if self.spool.is_shared() {
            record.version += 1;
            match self.store.put(&record).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => return Err(UploadsError::Busy),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(record)
    }

    async fn advance(
        &self,
        mut record: UploadRecord,
        from: u64,
        to: u64,
    ) -> Result<UploadRecord, UploadsError> {
        let until = self.clock.now().plus_ms(self.policy.ttl_ms);
        record.upload = record.upload.received(from, to)?.kept_until(until);
        record.version += 1;
        match self.store.put(&record).await {
            Ok(()) => self.settle(record).await,
            Err(StoreError::Conflict) => {
                self.drop_orphans(record.id).await;
                Err(UploadsError::Busy)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Another node may have ended or completed the upload while bytes came in here: nobody else would
    /// remove them.
    async fn drop_orphans(&self, id: UploadId) {
        let now = self.store.get(id).await;
        if now.is_ok_and(|record| record.is_none_or(|record| record.stored))
            && let Err(error) = self.spool.remove(id).await
        {
            tracing::warn!(%error, "bytes of an ended upload stay until the next start of a node");
        }
    }

    /// Moves a complete upload into the object store, once.
    async fn settle(&self, mut record: UploadRecord) -> Result<UploadRecord, UploadsError> {
        match record.upload.state() {
            UploadState::Receiving { .. } => return Ok(record),
            UploadState::Complete if record.stored => return Ok(record),
            UploadState::Complete => {}
        }
        let key = source_key(record.id);
        if record.upload.length() == 0 {
            self.objects.put(&key, "application/octet-stream", bytes::Bytes::new()).await?;
        } else {
            let length = record.upload.length();
            let file = match self.spool.assemble(record.id, length).await {
                Ok(file) => file,
                Err(SpoolError::Store(error)) => return Err(error.into()),
                Err(SpoolError::InsufficientStorage { .. }) => {
                    return Err(UploadsError::InsufficientStorage);
                }
                Err(SpoolError::Gap { durable_len }) => {
                    // A twin of this request on another node may have moved and removed the bytes.
                    return match self.store.get(record.id).await? {
                        Some(now) if now.stored => Ok(now),
                        Some(_) => Err(lacking(record.id, length, durable_len).into()),
                        None => Err(UploadsError::NotFound),
                    };
                }
                Err(error @ SpoolError::TooLong { .. }) => {
                    return Err(StoreError::unavailable(error).into());
                }
            };
            self.objects.put_file(&key, "application/octet-stream", file.path()).await?;
        }
        record.stored = true;
        record.version += 1;
        match self.store.put(&record).await {
            Ok(()) => self.spool.remove(record.id).await?,
            // A twin of this request was faster; both moved the same bytes.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(record)
    }

    /// Binds a complete upload to the clip that is made of it. The first binding stays: a repeat gets
    /// the first clip.
    pub async fn bind(
        &self,
        owner: AccountId,
        id: UploadId,
        clip: ClipId,
    ) -> Result<ClipId, UploadsError> {
        loop {
            let record = self.get(owner, id).await?;
            if let Some(first) = record.clip {
                return Ok(first);
            }
            record.upload.require_complete(self.clock.now())?;
            let mut record = self.settle(record).await?;
            record.clip = Some(clip);
            record.version += 1;
            match self.store.put(&record).await {
                Ok(()) => return Ok(clip),
                // Each lost race means that another request bound or settled it: the loop ends.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends an upload and drops its bytes.
    pub async fn terminate(&self, owner: AccountId, id: UploadId) -> Result<(), UploadsError> {
        let record = self.store.get(id).await?.filter(|record| record.owner == owner);
        let record = record.ok_or(UploadsError::NotFound)?;
        if record.clip.is_some() {
            return Err(UploadsError::Used);
        }
        match self.drop_all(record).await {
            Err(StoreError::Conflict) => Err(UploadsError::Busy),
            other => Ok(other?),
        }
    }

    /// Drops uploads whose time was over at `now`; answers how many, at most `limit`.
    pub async fn expire(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let gone = self.store.expired(now, limit).await?;
        let mut dropped = 0;
        for record in gone {
            match self.drop_all(record).await {
                Ok(()) => dropped += 1,
                // It was continued or named at the last moment, and lives.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(dropped)
    }

    /// Removes files without a record, which a crash can leave: once, at the start.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let (mut after, mut swept) = (None, 0);
        loop {
            let page = self.spool.sweep(after, RECONCILER_BATCH_MAX).await?;
            for id in &page {
                // The record comes before the file, so a file without one is a leftover.
                if self.store.get(*id).await?.is_none_or(|record| record.stored) {
                    self.spool.remove(*id).await?;
                    swept += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == RECONCILER_BATCH_MAX => after = Some(*last),
                Some(_) | None => return Ok(swept),
            }
        }
    }

    /// Ends the record first, so that nobody continues or names it meanwhile, then drops the bytes, then
    /// the record: a crash in between leaves an ended record, which is dropped again.
    async fn drop_all(&self, mut record: UploadRecord) -> Result<(), StoreError> {
        let id = record.id;
        record.upload = record.upload.ended();
        record.version += 1;
        self.store.put(&record).await?;
        self.spool.remove(id).await?;
        self.objects.delete(&source_key(id)).await?;
        self.store.remove(id).await
    }
}
