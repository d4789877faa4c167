//! What every keeper of orders promises.

use std::collections::BTreeSet;
use std::sync::Arc;

use vitrine::domain::id::{AccountId, OrderId};
use vitrine::domain::order::Order;
use vitrine::ports::orders::{OrderStore, WriteOnce};

use crate::shop_rows::order;
use crate::stores;

stores::over_every_store!(OrderStore);

/// The whole contract.
pub async fn suite(store: Arc<dyn OrderStore>) {
    an_order_is_written_once(&*store).await;
    lists_are_newest_first_and_of_one_owner(&*store).await;
    all_are_walked_once(&*store).await;
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
}

/// The whole store, of which only orders with ids from `first` on count.
async fn walked(store: &dyn OrderStore, limit: usize, first: u128) -> BTreeSet<u128> {
    let page = async |after, limit| store.all(after, limit).await;
    let found = stores::walk(limit, |order: &Order| order.id, page).await;
    ids(&found).into_iter().filter(|&id| id >= first).collect()
}

async fn all_are_walked_once(store: &dyn OrderStore) {
    for id in [305, 301, 304, 302, 303] {
        store.insert(&order(id, 4, &[31])).await.unwrap();
    }
    for limit in [1, 2, 5, 100] {
        assert_eq!(walked(store, limit, 301).await, (301..=305).collect());
    }
    let page = store.all(None, 100).await.unwrap();
    assert!(page.contains(&order(304, 4, &[31])), "orders come whole");
}

/// Orders and lists are there after a reopening, and an order is still written once.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn OrderStore>) {
    let store = open().await;
    for id in [1, 2, 3] {
        assert_eq!(store.insert(&order(id, 5, &[41])).await.unwrap(), WriteOnce::Written);
    }
    drop(store);
    let store = open().await;
    assert_eq!(store.get(OrderId::from_bits(2)).await.unwrap(), Some(order(2, 5, &[41])));
    assert_eq!(store.insert(&order(2, 5, &[41])).await.unwrap(), WriteOnce::Exists);
    assert_eq!(store.insert(&order(2, 5, &[42])).await.unwrap(), WriteOnce::ExistsDifferently);
    let (buyer, merchant) = (AccountId::from_bits(5), AccountId::from_bits(41));
    assert_eq!(ids(&store.by_buyer(buyer, None, 10).await.unwrap()), [3, 2, 1]);
    assert_eq!(ids(&store.by_merchant(merchant, None, 10).await.unwrap()), [3, 2, 1]);
    assert_eq!(walked(&*store, 2, 1).await, BTreeSet::from([1, 2, 3]));
}
