//! Whether a store can still be relied on.

use async_trait::async_trait;

/// Tells when a store has failed for good.
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Waits until the store can no longer write and only a restart helps, such as after the disk
    /// refused a commit. What was acknowledged before is safe.
    async fn failed(&self);
}
