//! What may be varied about a transcode.

use std::thread;

use serde::{Deserialize, Serialize};

use crate::domain::limits;

/// More threads per codec cost memory and gain nothing at these sizes.
const CODEC_THREADS_MAX: usize = 4;

/// What may be varied about a transcode; the JSON of `--options`. Every field has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The speed preset of x264.
    pub preset: String,
    /// The constant quality of x264, below the rung's bit rate cap. 23 is its own default.
    pub crf: u8,
    /// Frames per second at most.
    pub fps_max: f64,
    /// Threads of the decoder and of each encoder; zero takes as many as there are cores, up to
    /// four.
    pub threads: usize,
    /// Longest source, in milliseconds.
    pub duration_ms_max: i64,
    /// Shortest source, in milliseconds.
    pub duration_ms_min: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            preset: "veryfast".to_owned(),
            crf: 23,
            fps_max: 30.0,
            threads: 0,
            duration_ms_max: limits::CLIP_DURATION_MS_MAX,
            duration_ms_min: limits::CLIP_DURATION_MS_MIN,
        }
    }
}

impl Settings {
    /// Threads of one codec.
    pub fn codec_threads(&self) -> usize {
        if self.threads > 0 {
            return self.threads;
        }
        thread::available_parallelism().map_or(1, usize::from).min(CODEC_THREADS_MAX)
    }

    /// Longest source in seconds.
    pub fn seconds_max(&self) -> f64 {
        self.duration_ms_max as f64 / 1000.0
    }

    /// Shortest source in seconds.
    pub fn seconds_min(&self) -> f64 {
        self.duration_ms_min as f64 / 1000.0
    }
}
