//! Calls to the object store.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use crate::ports::error::StoreError;
use crate::ports::objects::{
    ByteRange, ListCursor, ObjectKey, ObjectMeta, ObjectPage, ObjectPrefix, ObjectRead, ObjectStore,
};
use crate::telemetry::calls::{Call, Outcome, Store, StoreCalls};

/// Times each call up to its answer; bodies stream on behind it.
pub struct ObservedObjects {
    inner: Arc<dyn ObjectStore>,
    calls: StoreCalls,
}

impl ObservedObjects {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>, calls: StoreCalls) -> Self {
        Self { inner, calls }
    }

    async fn timed<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = work.await;
        let outcome = match &answer {
            Ok(_) => Outcome::Ok,
            Err(StoreError::Conflict) => Outcome::Conflict,
            Err(StoreError::OutcomeUnknown(_)) => Outcome::Unknown,
            Err(StoreError::Unavailable(_)) => Outcome::Unavailable,
            Err(StoreError::Corrupt { .. }) => Outcome::Corrupt,
        };
        self.calls.ended(Store::S3, call, outcome, began);
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl ObjectStore for ObservedObjects {
    async fn put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        self.timed(Call::Write, self.inner.put(key, content_type, bytes)).await
    }

    async fn put_file(
        &self,
        key: &ObjectKey,
        content_type: &str,
        path: &Path,
    ) -> Result<u64, StoreError> {
        self.timed(Call::Write, self.inner.put_file(key, content_type, path)).await
    }

    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<ByteRange>,
    ) -> Result<Option<ObjectRead>, StoreError> {
        self.timed(Call::Read, self.inner.get(key, range)).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        self.timed(Call::Read, self.inner.head(key)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.timed(Call::Write, self.inner.delete(key)).await
    }

    async fn list_prefix(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&ListCursor>,
        limit: u32,
    ) -> Result<ObjectPage, StoreError> {
        self.timed(Call::Read, self.inner.list_prefix(prefix, after, limit)).await
    }

    async fn delete_prefix(&self, prefix: &ObjectPrefix, limit: u32) -> Result<u32, StoreError> {
        self.timed(Call::Write, self.inner.delete_prefix(prefix, limit)).await
    }
}
