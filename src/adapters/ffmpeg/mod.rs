//! Transcoding with FFmpeg's libraries, in a child process per video.
//!
//! A crash, an endless loop or a memory bomb in a codec costs one video, not the server:
//!
//! | module | runs in | does |
//! |---|---|---|
//! | [`supervisor`] | the server | starts the child, bounds it, checks what it says |
//! | `protocol` | both | the lines between them |
//! | [`child`] | the child | confines itself, then runs the engine |
//! | [`engine`] | the child | decodes once, encodes every rendition, packages CMAF and HLS |
//! | `ffi_ext` | the child | the few calls that have no safe wrapper: all of our `unsafe` |
//!
//! To tighten the sandbox, extend `confine`, which runs before the first byte of the source is
//! read.

pub mod child;
mod confine;
pub mod engine;
mod ffi_ext;
mod protocol;

pub mod supervisor;
