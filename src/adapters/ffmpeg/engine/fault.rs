//! Why the engine stopped.

use std::fmt;
use std::io;

use ffmpeg_next as ff;

use crate::domain::media_failure::MediaFailure;

/// Why the engine stopped, with a detail for the log.
#[derive(Debug)]
pub enum Fault {
    /// The source is at fault.
    Rejected(MediaFailure, String),
    /// We are: a full disk, a missing encoder, a closed pipe, a bug.
    Internal(String),
}

impl Fault {
    /// The source is refused for that reason.
    pub fn rejected(failure: MediaFailure, detail: impl fmt::Display) -> Self {
        Self::Rejected(failure, detail.to_string())
    }

    /// We failed at `what`.
    pub fn internal(what: &str, cause: impl fmt::Display) -> Self {
        Self::Internal(format!("{what}: {cause}"))
    }

    /// What the creator is told.
    pub const fn failure(&self) -> MediaFailure {
        match self {
            Self::Rejected(failure, _) => *failure,
            Self::Internal(_) => MediaFailure::Internal,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(_, detail) | Self::Internal(detail) => f.write_str(detail),
        }
    }
}

impl From<ff::Error> for Fault {
    fn from(error: ff::Error) -> Self {
        Self::internal("FFmpeg", error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::internal("I/O", error)
    }
}
