//! The way of a purchase to the feed's event log.

use async_trait::async_trait;

use crate::domain::order::Purchase;
use crate::ports::error::StoreError;

/// Takes purchases in.
#[async_trait]
pub trait PurchaseSink: Send + Sync {
    /// Records a purchase, each line once by order and line index. Durable when it answers.
    async fn purchased(&self, purchase: Purchase) -> Result<(), StoreError>;
}
