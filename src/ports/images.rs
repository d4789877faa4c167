//! Makes pictures from outside safe and small.

use async_trait::async_trait;
use bytes::Bytes;

/// Why a picture is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Not a JPEG, PNG or WebP, or a damaged one.
    #[error("the file is not a readable JPEG, PNG or WebP picture")]
    Unreadable,
    /// More pixels than are decoded here: decoding costs memory in proportion.
    #[error("the picture has more than {0} pixels on one side")]
    TooLarge(u32),
}

/// Decodes and encodes pictures, off the threads that serve requests.
#[async_trait]
pub trait Images: Send + Sync {
    /// The picture as a JPEG, upright, without metadata, on white where it was transparent, its longer
    /// side at most `side_px_max` pixels; never enlarged.
    async fn normalize(&self, bytes: Bytes, side_px_max: u32) -> Result<Bytes, ImageError>;
}
