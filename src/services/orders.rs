//! Orders as buyers and merchants see them.

use std::sync::Arc;

use crate::domain::id::{AccountId, OrderId};
use crate::domain::money::Money;
use crate::domain::order::{Order, Totals};
use crate::ports::error::StoreError;
use crate::ports::orders::OrderStore;
use crate::ports::signer::Signer;
use crate::services::cursor::{self, CursorError, Page};

/// Why orders are not shown.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// There is no such order, or it is someone else's.
    #[error("there is no such order")]
    NotFound,
    /// The cursor is not this list's.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Shows orders.
pub struct Orders {
    orders: Arc<dyn OrderStore>,
    signer: Arc<dyn Signer>,
}

impl Orders {
    /// Reads from this store.
    pub fn new(orders: Arc<dyn OrderStore>, signer: Arc<dyn Signer>) -> Self {
        Self { orders, signer }
    }

    /// One of the buyer's orders.
    pub async fn get(&self, buyer: AccountId, id: OrderId) -> Result<Order, OrdersError> {
        let found = self.orders.get(id).await?.filter(|order| order.buyer == buyer);
        found.ok_or(OrdersError::NotFound)
    }

    /// The buyer's orders, newest first.
    pub async fn list(
        &self,
        buyer: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Order>, OrdersError> {
        let list = format!("orders {buyer}");
        let before = self.before(&list, cursor)?;
        let found = self.orders.by_buyer(buyer, before, limit + 1).await?;
        Ok(Page::cut(found, limit, self.signer.as_ref(), &list, |order| order.id.bits()))
    }

    /// Orders with lines of the merchant, newest first. Of an order over several merchants each sees
    /// only their own lines and what those cost.
    pub async fn list_sold(
        &self,
        merchant: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Order>, OrdersError> {
        let list = format!("sold {merchant}");
        let before = self.before(&list, cursor)?;
        let found = self.orders.by_merchant(merchant, before, limit + 1).await?;
        let shown = found.into_iter().map(|order| part_of(merchant, order)).collect();
        Ok(Page::cut(shown, limit, self.signer.as_ref(), &list, |order| order.id.bits()))
    }

    fn before(&self, list: &str, cursor: Option<&str>) -> Result<Option<OrderId>, CursorError> {
        let place = cursor.map(|cursor| cursor::verify(self.signer.as_ref(), list, cursor));
        Ok(place.transpose()?.map(OrderId::from_bits))
    }
}

fn part_of(merchant: AccountId, mut order: Order) -> Order {
    if order.merchants().len() > 1 {
        order.lines.retain(|line| line.merchant == merchant);
        let nothing = Money::zero(order.totals.items.currency());
        // A part of a sum that was made once cannot overflow.
        order.totals = Totals::of(&order.lines, nothing, 0).unwrap_or(order.totals);
    }
    order
}
