//! Links to objects that clients may read for a while.

use crate::domain::time::Timestamp;

/// Makes the URLs under which objects are played and shown.
pub trait MediaLinks: Send + Sync {
    /// The URL that stands for the objects' prefix `prefix` (without a slash at the end): append `/` and
    /// the rest of a key. Good for some hours from `now`; the same for all callers within a while, so
    /// that answers which contain it can be kept ready.
    fn base(&self, prefix: &str, now: Timestamp) -> String;
}
