//! From an upload to a playing clip: fetch the source, transcode, put the objects, publish.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use crate::domain::clip::{Clip, ClipFailure, ClipMedia, ClipState};
use crate::domain::id::ClipId;
use crate::domain::media_failure::MediaFailure;
use crate::ports::error::StoreError;
use crate::ports::objects::{ObjectKey, ObjectPrefix, ObjectStore};
use crate::ports::transcoder::{
    OutputFile, TranscodeError, TranscodeEvent, TranscodeReport, Transcoder,
};
use crate::services::publish::Publish;
use crate::services::uploads::source_key;

/// The transcoder says which files are done; so many may wait to be put.
const EVENTS_MAX: usize = 64;
/// Progress is written down in steps of this size: a clip row is no ticker.
const PROGRESS_STEP_PERMILLE: u16 = 50;
/// Objects removed per request when media are purged.
const PURGE_BATCH: u32 = 500;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The clip is not there yet: its creator's request died between queue and store, or is not done.
    #[error("there is no such clip yet")]
    NoClip,
    /// The source is gone.
    #[error("the upload's bytes are gone")]
    NoSource,
    /// The transcoder failed; a refused source is not a failed job.
    #[error("the clip could not be transcoded: {}", chain(.0))]
    Transcode(TranscodeError),
    /// The transcoder named a file that cannot be an object.
    #[error("the transcoder made a file with the unusable name `{0}`")]
    FileName(String),
    /// The scratch directory fails.
    #[error("the scratch directory fails: {0}")]
    Scratch(#[from] std::io::Error),
    /// Every try ended with its worker.
    #[error("its worker died at each of {0} tries")]
    WorkersLost(u32),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JobError {
    /// Whether a store was away: nothing is wrong with the job itself.
    pub fn is_outage(&self) -> bool {
        let away = |error: &StoreError| {
            matches!(error, StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))
        };
        matches!(self, Self::Store(error) if away(error))
    }
}

fn chain(error: &TranscodeError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// Does the jobs that make and remove media.
pub struct MediaJobs {
    publish: Arc<Publish>,
    objects: Arc<dyn ObjectStore>,
    transcoder: Arc<dyn Transcoder>,
    scratch: PathBuf,
}

impl MediaJobs {
    /// Works in `scratch`, which holds nothing that must survive.
    pub fn new(
        publish: Arc<Publish>,
        objects: Arc<dyn ObjectStore>,
        transcoder: Arc<dyn Transcoder>,
        scratch: PathBuf,
    ) -> Self {
        Self { publish, objects, transcoder, scratch }
    }

    /// Makes a clip's media under a prefix of its own per attempt, so that two workers that both believe
    /// in their lease cannot mix their files.
    pub async fn transcode(&self, id: ClipId, attempt: u64) -> Result<(), JobError> {
        let clip = self.publish.clip(id).await?.ok_or(JobError::NoClip)?;
        match &clip.state {
            ClipState::Processing { .. } => {}
            // A crash may have come between publication and announcement.
            ClipState::Ready { .. } => return Ok(self.publish.announce(id).await?),
            ClipState::Failed { .. } | ClipState::Removed { .. } => return Ok(()),
        }
        let room = Room::open(&self.scratch, id, attempt).await?;
        let outcome = self.transcode_in(&room, &clip, attempt).await;
        room.close().await;
        match outcome {
            Err(JobError::Transcode(TranscodeError::Rejected(failure))) => {
                tracing::info!(clip = %id, code = failure.code(), "a source was refused");
                self.publish.failed(id, &told(failure)).await?;
            }
            other => other?,
        }
        // The source has served; a crash before this line leaves it to the expiry of uploads.
        Ok(self.objects.delete(&source_key(clip.upload)).await?)
    }

    async fn transcode_in(&self, room: &Room, clip: &Clip, attempt: u64) -> Result<(), JobError> {
        self.fetch(clip, &room.source()).await?;
        let prefix = ClipMedia::prefix_of(clip.id, attempt);
        let (events, seen) = mpsc::channel(EVENTS_MAX);
        let output = room.output();
        let source = room.source();
        // Both at once: finished segments go up while later ones are still encoded.
        let transcode = async {
            let report = self.transcoder.transcode(&source, &output, events).await;
            report.map_err(JobError::Transcode)
        };
        let put = self.put_files(clip.id, &output, &prefix, seen);
        let (report, ()) = tokio::try_join!(transcode, put)?;
        // The master playlist makes the clip playable, so it goes last.
        self.put_file(&output, &prefix, &report.master).await?;
        self.publish.ready(clip.id, &media(prefix, &report)).await?;
        Ok(())
    }

    /// Copies the upload's bytes from the object store to `to`.
    async fn fetch(&self, clip: &Clip, to: &Path) -> Result<(), JobError> {
        let found = self.objects.get(&source_key(clip.upload), None).await?;
        let mut bytes = found.ok_or(JobError::NoSource)?.bytes;
        let mut file = fs::File::create(to).await?;
        while let Some(piece) = bytes.next().await {
            file.write_all(&piece?).await?;
        }
        file.flush().await?;
        Ok(())
    }

    /// Puts each finished file but the master playlist, and notes the progress.
    async fn put_files(
        &self,
        clip: ClipId,
        output: &Path,
        prefix: &str,
        mut events: mpsc::Receiver<TranscodeEvent>,
    ) -> Result<(), JobError> {
        let mut told_permille = 0;
        while let Some(event) = events.recv().await {
            match event {
                TranscodeEvent::Probed { .. } => {}
                TranscodeEvent::Progress(share) => {
                    let permille = (share.clamp(0.0, 1.0) * 1_000.0) as u16;
                    if permille >= told_permille + PROGRESS_STEP_PERMILLE {
                        told_permille = permille;
                        self.publish.progress(clip, permille).await?;
                    }
                }
                TranscodeEvent::File(file) if is_master(&file) => {}
                TranscodeEvent::File(file) => self.put_file(output, prefix, &file.path).await?,
            }
        }
        Ok(())
    }

    async fn put_file(&self, output: &Path, prefix: &str, path: &Path) -> Result<(), JobError> {
        let name = path.to_string_lossy();
        let key = ObjectKey::parse(format!("{prefix}/{name}"))
            .map_err(|_| JobError::FileName(name.clone().into_owned()))?;
        self.objects.put_file(&key, content_type(&name), &output.join(path)).await?;
        Ok(())
    }

    /// Tells the creator that the clip will not be made.
    pub async fn give_up(&self, clip: ClipId, error: &JobError) -> Result<(), StoreError> {
        let failure = match error {
            JobError::Transcode(error) => error.failure(),
            JobError::NoClip
            | JobError::NoSource
            | JobError::FileName(_)
            | JobError::Scratch(_)
            | JobError::WorkersLost(_)
            | JobError::Store(_) => MediaFailure::Internal,
        };
        self.publish.failed(clip, &told(failure)).await
    }

    /// Removes all media of a clip that was taken down.
    pub async fn purge(&self, clip: ClipId) -> Result<(), JobError> {
        let prefix = ObjectPrefix::parse(format!("clips/{clip}/"))
            .map_err(|_| JobError::FileName(clip.to_string()))?;
        while self.objects.delete_prefix(&prefix, PURGE_BATCH).await? == PURGE_BATCH {}
        Ok(())
    }
}

fn told(failure: MediaFailure) -> ClipFailure {
    ClipFailure { code: failure.code().to_owned(), detail: failure.sentence().to_owned() }
}

fn media(prefix: String, report: &TranscodeReport) -> ClipMedia {
    ClipMedia {
        prefix,
        duration_ms: report.duration_ms.try_into().unwrap_or(u32::MAX),
        width: report.width,
        height: report.height,
        has_storyboard: true,
    }
}

fn is_master(file: &OutputFile) -> bool {
    file.path == Path::new("master.m3u8")
}

/// The media type that players and browsers expect of a file.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("m4s") => "video/iso.segment",
        Some("mp4") => "video/mp4",
        Some("jpg") => "image/jpeg",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// A directory for one attempt.
struct Room {
    path: PathBuf,
}

impl Room {
    async fn open(scratch: &Path, clip: ClipId, attempt: u64) -> Result<Self, JobError> {
        let path = scratch.join(format!("{clip}-{attempt}"));
        fs::create_dir_all(&path).await?;
        Ok(Self { path })
    }

    fn source(&self) -> PathBuf {
        self.path.join("source")
    }

    fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    async fn close(self) {
        if let Err(error) = fs::remove_dir_all(&self.path).await {
            tracing::warn!(path = %self.path.display(), %error, "scratch files are left over");
        }
    }
}

impl Drop for Room {
    /// A dropped attempt leaves nothing behind either.
    fn drop(&mut self) {
        if self.path.exists() {
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}
