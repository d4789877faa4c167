//! Orders in redb.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::tables::{ORDERS, ORDERS_BY_BUYER, ORDERS_BY_MERCHANT};
use crate::domain::id::{AccountId, OrderId};
use crate::domain::order::Order;
use crate::ports::error::StoreError;
use crate::ports::orders::{OrderStore, WriteOnce};
use crate::records;

fn order(id: OrderId, bytes: &[u8]) -> Result<Order, StoreError> {
    records::order::decode(id, bytes).map_err(damaged("orders", id))
}

/// Writes `row` under `key` unless something is there.
pub(super) fn insert_once(
    txn: &WriteTransaction,
    table: TableDefinition<u128, &[u8]>,
    key: u128,
    row: &[u8],
) -> Result<WriteOnce, StoreError> {
    let mut table = txn.open_table(table).map_err(io)?;
    let first = table.get(key).map_err(io)?.map(|first| first.value() == row);
    match first {
        Some(true) => Ok(WriteOnce::Exists),
        Some(false) => Ok(WriteOnce::ExistsDifferently),
        None => {
            table.insert(key, row).map_err(io)?;
            Ok(WriteOnce::Written)
        }
    }
}

fn listed(
    txn: &ReadTransaction,
    list: TableDefinition<(u128, u128), ()>,
    owner: AccountId,
    before: Option<OrderId>,
    limit: usize,
) -> Result<Vec<Order>, StoreError> {
    let list = txn.open_table(list).map_err(io)?;
    let orders = txn.open_table(ORDERS).map_err(io)?;
    let range = (owner.bits(), 0)..(owner.bits(), before.map_or(u128::MAX, OrderId::bits));
    let mut found = Vec::new();
    for entry in list.range(range).map_err(io)?.rev().take(limit) {
        let id = OrderId::from_bits(entry.map_err(io)?.0.value().1);
        let row = orders.get(id.bits()).map_err(io)?;
        let row = row.ok_or_else(|| corrupt("orders", id, "listed but missing"))?;
        found.push(order(id, row.value())?);
    }
    Ok(found)
}

#[async_trait]
impl OrderStore for Embedded {
    async fn insert(&self, new: &Order) -> Result<WriteOnce, StoreError> {
        let row = records::order::encode(new);
        let (id, buyer, merchants) = (new.id.bits(), new.buyer.bits(), new.merchants());
        self.write(move |txn| {
            let outcome = insert_once(txn, ORDERS, id, &row)?;
            if outcome == WriteOnce::Written {
                let mut by_buyer = txn.open_table(ORDERS_BY_BUYER).map_err(io)?;
                by_buyer.insert((buyer, id), ()).map_err(io)?;
                let mut by_merchant = txn.open_table(ORDERS_BY_MERCHANT).map_err(io)?;
                for merchant in &merchants {
                    by_merchant.insert((merchant.bits(), id), ()).map_err(io)?;
                }
            }
            Ok(outcome)
        })
        .await
    }

    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(ORDERS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            found.map(|row| order(id, row.value())).transpose()
        })
    }

    async fn by_buyer(
        &self,
        buyer: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        self.read(|txn| listed(txn, ORDERS_BY_BUYER, buyer, before, limit))
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        self.read(|txn| listed(txn, ORDERS_BY_MERCHANT, merchant, before, limit))
    }

    async fn all(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<Order>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(ORDERS).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let mut found = Vec::new();
            for entry in table.range(start..).map_err(io)?.take(limit) {
                let (id, row) = entry.map_err(io)?;
                found.push(order(OrderId::from_bits(id.value()), row.value())?);
            }
            Ok(found)
        })
    }
}
