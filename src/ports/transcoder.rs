//! Makes playable renditions of an uploaded video.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::media_failure::MediaFailure;
use crate::ports::error::Cause;

/// Makes playable renditions of an uploaded video.
///
/// # Contract
///
/// - `source` is a local file. Its name and extension mean nothing; it is never modified.
/// - `output` is a directory that is missing or empty, and the call's alone while it runs. After an
///   error it is gone again, whatever happened in between.
/// - Each [`TranscodeEvent::File`] names a file that is complete and will not change: it may be
///   uploaded at once. A media playlist comes after all it names, `master.m3u8` after everything
///   else. Until that one is published, viewers see nothing.
/// - Progress never falls, and reaches 1 only when every file has been reported.
/// - Events are waited for: a slow receiver slows the work, a dropped one does not stop it.
/// - Dropping the future ends the work and frees its processes; `output` may then hold files, but
///   no master playlist of an unfinished run.
#[async_trait]
pub trait Transcoder: Send + Sync {
    /// Makes all renditions, playlists, the poster and the storyboard of `source` in `output`.
    async fn transcode(
        &self,
        source: &Path,
        output: &Path,
        events: mpsc::Sender<TranscodeEvent>,
    ) -> Result<TranscodeReport, TranscodeError>;
}

/// What happens while a video is being transcoded.
#[derive(Clone, Debug, PartialEq)]
pub enum TranscodeEvent {
    /// The source was understood and work begins.
    Probed {
        /// Length that its header claims or its timestamps show, in milliseconds.
        duration_ms: u64,
        /// Upright width of the source in pixels.
        width: u32,
        /// Upright height of the source in pixels.
        height: u32,
    },
    /// Share of the work that is done, 0..=1.
    Progress(f64),
    /// One more file is complete.
    File(OutputFile),
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Where it is, relative to the output directory; `/` between parts, plain ASCII.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// What came out of a finished transcode. Paths are relative to the output directory.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscodeReport {
    /// Length of the renditions in milliseconds.
    pub duration_ms: u64,
    /// Width of the largest rendition in pixels.
    pub width: u32,
    /// Height of the largest rendition in pixels.
    pub height: u32,
    /// Frames per second of all renditions.
    pub fps: f64,
    /// The renditions, largest first.
    pub renditions: Vec<Rendition>,
    /// Whether there is sound.
    pub has_audio: bool,
    /// Whether the source ended well before the length that its header claims.
    pub truncated: bool,
    /// The master playlist.
    pub master: PathBuf,
    /// The still picture shown before playback, a JPEG.
    pub poster: PathBuf,
    /// The description of the storyboard sheet, JSON.
    pub storyboard: PathBuf,
    /// Every file, in the order of completion; the master playlist is last.
    pub files: Vec<OutputFile>,
}

/// One size of a clip, as its master playlist announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// The directory that holds it.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Peak bit rate with sound, in bits per second (RFC 8216, section 4.3.4.2).
    pub bandwidth: u64,
    /// Mean bit rate with sound, in bits per second.
    pub average_bandwidth: u64,
    /// Codecs of picture and sound (RFC 6381).
    pub codecs: String,
}

/// Why there are no renditions.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// The source is at fault: it would fail again, so tell its creator.
    #[error("the source is refused: {}", .0.code())]
    Rejected(MediaFailure),
    /// Took longer than it may. The node may be overloaded, or the source may be a trap: try again,
    /// but not forever.
    #[error("the transcode took longer than {} s", .0.as_secs())]
    TimedOut(Duration),
    /// We are at fault: try again.
    #[error("the transcode failed")]
    Failed(#[source] Cause),
}

impl TranscodeError {
    /// Whether another try may succeed.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Rejected(_) => false,
            Self::TimedOut(_) | Self::Failed(_) => true,
        }
    }

    /// What to tell the creator once no further try is made.
    pub const fn failure(&self) -> MediaFailure {
        match self {
            Self::Rejected(failure) => *failure,
            Self::TimedOut(_) => MediaFailure::Timeout,
            Self::Failed(_) => MediaFailure::Internal,
        }
    }

    /// A [`TranscodeError::Failed`] with that cause.
    pub fn failed(cause: impl Into<Cause>) -> Self {
        Self::Failed(cause.into())
    }
}
