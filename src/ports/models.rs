//! Stored models: what was learned up to some event, so that a start need not learn it again.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// Keeps models under names of its own.
#[async_trait]
pub trait Models: Send + Sync {
    /// Keeps a model; answers its name. Names grow with time.
    async fn save(&self, model: Bytes) -> Result<String, StoreError>;

    /// The names of the models that are there, the latest first.
    async fn names(&self) -> Result<Vec<String>, StoreError>;

    /// A model, if it is there.
    async fn load(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// Keeps a model from being forgotten for a while: a process began with it, so slates can only be
    /// recomputed from it.
    async fn keep(&self, name: &str) -> Result<(), StoreError>;

    /// Forgets all but the latest `latest` models and those that were asked to be kept since `before`;
    /// answers how many went.
    async fn forget(&self, latest: usize, before: Timestamp) -> Result<usize, StoreError>;
}
