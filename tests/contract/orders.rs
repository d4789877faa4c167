//! What every keeper of orders promises.

use std::sync::Arc;

use vitrine::adapters::embedded::Embedded;
use vitrine::domain::id::{AccountId, OrderId};
use vitrine::domain::order::Order;
use vitrine::ports::orders::{OrderStore, WriteOnce};

use crate::shop_rows::order;

/// The whole contract.
pub async fn check(store: Arc<dyn OrderStore>) {
    an_order_is_written_once(&*store).await;
    lists_are_newest_first_and_of_one_owner(&*store).await;
}

#[tokio::test]
async fn embedded() {
    check(Arc::new(Embedded::in_memory().unwrap())).await;
}

fn ids(orders: &[Order]) -> Vec<u128> {
    orders.iter().map(|order| order.id.bits()).collect()
}

async fn an_order_is_written_once(store: &dyn OrderStore) {
    let first = order(100, 1, &[11, 12]);
    assert_eq!(store.get(first.id).await.unwrap(), None);
    assert_eq!(store.insert(&first).await.unwrap(), WriteOnce::Written);
    assert_eq!(store.insert(&first).await.unwrap(), WriteOnce::Exists);
    let other = Order { email: "other@shop.example".into(), ..first.clone() };
    assert_eq!(store.insert(&other).await.unwrap(), WriteOnce::ExistsDifferently);
    assert_eq!(store.get(first.id).await.unwrap(), Some(first));
}

async fn lists_are_newest_first_and_of_one_owner(store: &dyn OrderStore) {
    for (id, buyer, merchants) in
        [(201, 2, vec![21]), (202, 3, vec![21, 22]), (203, 2, vec![22, 22])]
    {
        store.insert(&order(id, buyer, &merchants)).await.unwrap();
    }
    let buyer = AccountId::from_bits(2);
    assert_eq!(ids(&store.by_buyer(buyer, None, 10).await.unwrap()), [203, 201]);
    let before = Some(OrderId::from_bits(203));
    assert_eq!(ids(&store.by_buyer(buyer, before, 10).await.unwrap()), [201]);
    assert_eq!(ids(&store.by_buyer(buyer, None, 1).await.unwrap()), [203]);
    let merchant = AccountId::from_bits(22);
    assert_eq!(ids(&store.by_merchant(merchant, None, 10).await.unwrap()), [203, 202]);
    let after = Some(OrderId::from_bits(200));
    assert_eq!(ids(&store.all(after, 2).await.unwrap()), [201, 202]);
}
