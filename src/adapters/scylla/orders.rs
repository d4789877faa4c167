//! Orders in CQL.

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::once::{Once, month_of_id};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{KEYS_PER_READ, Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::id::{AccountId, OrderId};
use crate::domain::order::Order;
use crate::ports::error::StoreError;
use crate::ports::orders::{OrderStore, WriteOnce};
use crate::records;

const ONCE: Once = Once {
    insert: Cql::conditional("INSERT INTO orders (id, body) VALUES (?, ?) IF NOT EXISTS"),
    read: Cql::serial_read("SELECT body FROM orders WHERE id = ?"),
};
const GET: Cql = Cql::read("SELECT id, body FROM orders WHERE id = ?");
const GET_MANY: Cql = Cql::read("SELECT id, body FROM orders WHERE id IN ?");
const LIST_BUYER: Cql = Cql::write("INSERT INTO orders_by_buyer (buyer, order_id) VALUES (?, ?)");
const LIST_MERCHANT: Cql =
    Cql::write("INSERT INTO orders_by_merchant (merchant, month, order_id) VALUES (?, ?, ?)");
const LIST_MONTH: Cql = Cql::write("INSERT INTO merchant_months (merchant, month) VALUES (?, ?)");
const BY_BUYER: Cql =
    Cql::read("SELECT order_id FROM orders_by_buyer WHERE buyer = ? AND order_id < ? LIMIT ?");
const MONTHS: Cql =
    Cql::read("SELECT month FROM merchant_months WHERE merchant = ? AND month <= ?");
const BY_MERCHANT: Cql = Cql::read(
    "SELECT order_id FROM orders_by_merchant WHERE merchant = ? AND month = ? AND order_id < ? \
     LIMIT ?",
);
const WALK: Cql = Cql::read("SELECT id, body FROM orders LIMIT ?");
const WALK_ON: Cql = Cql::read("SELECT id, body FROM orders WHERE token(id) > token(?) LIMIT ?");

type Row = (Uuid, Vec<u8>);

fn order((id, body): Row) -> Result<Order, StoreError> {
    let id = OrderId::from_bits(id.as_u128());
    records::order::decode(id, &body).map_err(|damage| corrupt("orders", id, damage))
}

#[async_trait]
impl OrderStore for Scylla {
    async fn insert(&self, new: &Order) -> Result<WriteOnce, StoreError> {
        let (id, month) = (sorted(new.id.bits()), month_of_id(new.id.bits()));
        let mut merchants: Vec<AccountId> = new.lines.iter().map(|line| line.merchant).collect();
        merchants.sort_unstable();
        merchants.dedup();
        let lists = merchants.into_iter().map(|merchant| async move {
            let merchant = uuid(merchant.bits());
            self.run(LIST_MONTH, (merchant, month)).await?;
            self.run(LIST_MERCHANT, (merchant, month, &id[..])).await
        });
        let (by_merchant, by_buyer) = tokio::join!(
            futures_util::future::try_join_all(lists),
            self.run(LIST_BUYER, (uuid(new.buyer.bits()), &id[..])),
        );
        by_merchant.map(drop).and(by_buyer)?;
        self.write_once(&ONCE, uuid(new.id.bits()), &records::order::encode(new)).await
    }

    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.row(GET, (uuid(id.bits()),)).await?.map(order).transpose()
    }

    async fn by_buyer(
        &self,
        buyer: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        let mut end = before.map_or(u128::MAX, OrderId::bits);
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = (limit - found.len()).min(KEYS_PER_READ);
            let key = (uuid(buyer.bits()), &sorted(end)[..], wanted as i32);
            let listed: Vec<(Vec<u8>,)> = self.rows(BY_BUYER, key).await?;
            let Some((last,)) = listed.last() else { break };
            end = unsorted("orders_by_buyer", last)?;
            // An order that was refused was listed before, perhaps for others than the first one.
            let mut orders = self.listed_orders(&listed).await?;
            orders.retain(|order| order.buyer == buyer);
            found.append(&mut orders);
            if listed.len() < wanted {
                break;
            }
        }
        Ok(found)
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        let mut end = before.map_or(u128::MAX, OrderId::bits);
        let merchant = uuid(merchant.bits());
        let months: Vec<(i32,)> = self.rows(MONTHS, (merchant, month_of_id(end))).await?;
        let mut found = Vec::new();
        for (month,) in months {
            while found.len() < limit {
                let wanted = (limit - found.len()).min(KEYS_PER_READ);
                let key = (merchant, month, &sorted(end)[..], wanted as i32);
                let listed: Vec<(Vec<u8>,)> = self.rows(BY_MERCHANT, key).await?;
                let Some((last,)) = listed.last() else { break };
                end = unsorted("orders_by_merchant", last)?;
                let mut orders = self.listed_orders(&listed).await?;
                orders.retain(|order| {
                    order.lines.iter().any(|line| uuid(line.merchant.bits()) == merchant)
                });
                found.append(&mut orders);
                if listed.len() < wanted {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn all(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<Order>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<Row> = match after {
            None => self.rows(WALK, (limit,)).await?,
            Some(after) => self.rows(WALK_ON, (uuid(after.bits()), limit)).await?,
        };
        rows.into_iter().map(order).collect()
    }
}

impl Scylla {
    /// The orders of a list, newest first. One that was listed and not written is left out.
    async fn listed_orders(&self, listed: &[(Vec<u8>,)]) -> Result<Vec<Order>, StoreError> {
        let ids: Result<Vec<Uuid>, StoreError> =
            listed.iter().map(|(id,)| Ok(uuid(unsorted("orders", id)?))).collect();
        let rows: Vec<Row> = self.rows(GET_MANY, (ids?,)).await?;
        let mut orders = rows.into_iter().map(order).collect::<Result<Vec<_>, _>>()?;
        orders.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
        Ok(orders)
    }
}
