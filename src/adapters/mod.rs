//! Implementations of the ports. An adapter translates and decides nothing; siblings never name each
//! other.

pub mod ffmpeg;
