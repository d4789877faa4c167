//! Implementations of the ports. An adapter translates and decides nothing; siblings never name each
//! other.

pub mod embedded;
pub mod payments;

pub mod ffmpeg;
pub mod fs;
pub mod images;
pub mod lanes;
pub mod models;
pub mod observed;
pub mod public_urls;
pub mod redis;
pub mod s3;
pub mod s3_server;
pub mod scylla;
pub mod sim;
pub mod system;
