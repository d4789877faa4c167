//! Where clients fetch a clip's objects.

use crate::domain::time::Timestamp;

/// Makes URLs that let their bearer read the objects below a prefix for a while.
pub trait MediaLinks: Send + Sync {
    /// The URL base for `prefix`, without a slash at the end: `{base}/master.m3u8` plays. It is the same
    /// for all instants of one [`Self::bucket`], and good for longer than that.
    fn base(&self, prefix: &str, now: Timestamp) -> String;

    /// The number of the stretch of time in which bases stay the same.
    fn bucket(&self, now: Timestamp) -> i64;
}
