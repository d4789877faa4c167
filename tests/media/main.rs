//! Does the transcoder turn what people upload into HLS that players accept?
//!
//! Sources are made at run time with the `ffmpeg` command; results are judged with `ffprobe`, with
//! `ffmpeg` as a decoder, and by reading boxes and playlists here, never with the engine's own
//! code. Bytes are not compared: an encoder with threads does not repeat itself.

mod judge;
mod refusals;
mod sources;
mod supervision;
mod support;
