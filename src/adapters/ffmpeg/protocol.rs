//! The lines a child prints and its supervisor reads: one JSON object each.
//!
//! ```text
//! {"event":"probe","duration_ms":8000,"width":720,"height":1280}
//! {"event":"file","path":"v360/init.mp4","bytes":812}
//! {"event":"progress","done":0.25}
//! {"event":"done", …}                                   the last line of a success
//! {"event":"error","code":"no_video","message":"…"}     the last line of a failure
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::media_failure::MediaFailure;
use crate::ports::transcoder::{OutputFile, Rendition, TranscodeEvent, TranscodeReport};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// The source was understood.
    Probe {
        /// Length in milliseconds.
        duration_ms: u64,
        /// Upright width in pixels.
        width: u32,
        /// Upright height in pixels.
        height: u32,
    },
    /// Work goes on.
    Progress {
        /// Share of the work that is done, 0..=1.
        done: f64,
    },
    /// A file is complete.
    File {
        /// Relative to the output directory.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// All is well.
    Done(DoneLine),
    /// All is lost.
    Error {
        /// A code of [`MediaFailure`].
        code: String,
        /// A detail for the log.
        message: String,
    },
}

/// What came out; the files were told one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoneLine {
    duration_ms: u64,
    width: u32,
    height: u32,
    fps: f64,
    renditions: Vec<RenditionLine>,
    has_audio: bool,
    truncated: bool,
    master: String,
    poster: String,
    storyboard: String,
    /// How many files were told.
    file_count: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RenditionLine {
    name: String,
    width: u32,
    height: u32,
    bandwidth: u64,
    average_bandwidth: u64,
    codecs: String,
}

impl Line {
    /// The last line of a failed child.
    pub fn error(failure: MediaFailure, message: String) -> Self {
        Self::Error { code: failure.code().to_owned(), message }
    }
}

impl From<&TranscodeEvent> for Line {
    fn from(event: &TranscodeEvent) -> Self {
        match event {
            TranscodeEvent::Probed { duration_ms, width, height } => {
                Self::Probe { duration_ms: *duration_ms, width: *width, height: *height }
            }
            TranscodeEvent::Progress(done) => Self::Progress { done: *done },
            TranscodeEvent::File(OutputFile { path, bytes }) => {
                Self::File { path: path.to_string_lossy().into_owned(), bytes: *bytes }
            }
        }
    }
}

impl From<&TranscodeReport> for DoneLine {
    fn from(report: &TranscodeReport) -> Self {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let renditions = report.renditions.iter().cloned().map(RenditionLine::from).collect();
        Self {
            duration_ms: report.duration_ms,
            width: report.width,
            height: report.height,
            fps: report.fps,
            renditions,
            has_audio: report.has_audio,
            truncated: report.truncated,
            master: text(&report.master),
            poster: text(&report.poster),
            storyboard: text(&report.storyboard),
            file_count: report.files.len(),
        }
    }
}

impl DoneLine {
    /// The report, if `files` are all it speaks of and contain what it names.
    pub fn into_report(self, files: Vec<OutputFile>) -> Option<TranscodeReport> {
        let told = |path: &str| files.iter().any(|file| file.path.to_str() == Some(path));
        let master_is_last = files.last().is_some_and(|f| f.path.to_str() == Some(&self.master));
        let complete = files.len() == self.file_count
            && master_is_last
            && told(&self.poster)
            && told(&self.storyboard)
            && !self.renditions.is_empty();
        complete.then(|| TranscodeReport {
            duration_ms: self.duration_ms,
            width: self.width,
            height: self.height,
            fps: self.fps,
            renditions: self.renditions.into_iter().map(Rendition::from).collect(),
            has_audio: self.has_audio,
            truncated: self.truncated,
            master: self.master.into(),
            poster: self.poster.into(),
            storyboard: self.storyboard.into(),
            files,
        })
    }
}

impl From<Rendition> for RenditionLine {
    fn from(rendition: Rendition) -> Self {
        let Rendition { name, width, height, bandwidth, average_bandwidth, codecs } = rendition;
        Self { name, width, height, bandwidth, average_bandwidth, codecs }
    }
}

impl From<RenditionLine> for Rendition {
    fn from(line: RenditionLine) -> Self {
        let RenditionLine { name, width, height, bandwidth, average_bandwidth, codecs } = line;
        Self { name, width, height, bandwidth, average_bandwidth, codecs }
    }
}
