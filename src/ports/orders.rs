//! Orders, one partition each, and the lists that are read by buyer and by merchant.

use async_trait::async_trait;

use crate::domain::id::{AccountId, OrderId};
use crate::domain::order::Order;
use crate::ports::error::StoreError;

/// The answer to a write that happens once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteOnce {
    /// Written by this call.
    Written,
    /// It was there already, the same.
    Exists,
    /// Something else is there under that id: the caller's bug.
    ExistsDifferently,
}

/// Keeps orders.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Writes an order, once per id. The lists follow the write; a crash between both is healed by
    /// repeating the insert.
    async fn insert(&self, order: &Order) -> Result<WriteOnce, StoreError>;

    /// The order.
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// Orders of one buyer, newest id first, strictly below `before`, at most `limit`.
    async fn by_buyer(
        &self,
        buyer: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError>;

    /// Orders with a line of one merchant, newest id first, strictly below `before`, at most `limit`.
    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError>;

    /// All orders, each exactly once, at most `limit`: what an auditor walks. They come in an order of
    /// the store's own, which goes on behind `after`, the last one of the page before. A page is shorter
    /// than `limit` only when it is the last.
    async fn all(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<Order>, StoreError>;
}
