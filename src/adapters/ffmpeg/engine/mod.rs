//! Turns one video file into HLS: runs in the child process only.
//!
//! ```text
//! sniff → source ─ packets ─┬─ decode → pacing → scaler ─┬─ rendition thread (x264 → package)
//!                           │                            ├─ rendition thread …
//!                           │                            └─ rendition thread (+ still)
//!                           └─ sound (decode → resample → AAC → package)
//! then: playlist (media playlists as tracks end, the master last)
//! ```
//!
//! The source is decoded once. Its pictures are put on a constant frame grid before any filter sees
//! them, so that "a segment begins at frame n" is exact in every rendition.

mod damage;
mod fault;
mod output;
mod pacing;
mod package;
mod pipeline;
mod playlist;
mod rendition;
mod scaler;
mod settings;
mod sniff;
mod sound;
mod source;
mod still;

pub use fault::Fault;
pub use output::Listener;
pub use pipeline::transcode;
pub use settings::Settings;
