//! What every journal promises.

use std::sync::Arc;

use vitrine::adapters::embedded::Embedded;
use vitrine::domain::id::{AccountId, OrderId, TransferId};
use vitrine::domain::ledger::{
    LedgerAccount, Transfer, TransferKind, captured_postings, placed_postings,
};
use vitrine::domain::policy::ShopPolicy;
use vitrine::ports::journal::Journal;
use vitrine::ports::orders::WriteOnce;

use crate::shop_rows::{at, order};

/// The whole contract.
pub async fn check(store: Arc<dyn Journal>) {
    a_transfer_is_written_once(&*store).await;
    lists_are_in_order_and_by_owner(&*store).await;
}

#[tokio::test]
async fn embedded() {
    check(Arc::new(Embedded::in_memory().unwrap())).await;
}

fn placed(id: u128, merchants: &[u128]) -> Transfer {
    let postings = placed_postings(&order(id, 9, merchants), &ShopPolicy::default()).unwrap();
    let (id, order) = (TransferId::from_bits(id), OrderId::from_bits(id));
    Transfer::new(id, TransferKind::OrderPlaced, order, at(5), postings).unwrap()
}

fn captured(id: u128) -> Transfer {
    let postings = captured_postings(&order(id, 9, &[1]));
    let (id, order) = (TransferId::from_bits(id), OrderId::from_bits(id));
    Transfer::new(id, TransferKind::PaymentCaptured, order, at(6), postings).unwrap()
}

async fn a_transfer_is_written_once(store: &dyn Journal) {
    let first = placed(100, &[12, 13]);
    assert_eq!(store.get(first.id()).await.unwrap(), None);
    assert_eq!(store.append(&first).await.unwrap(), WriteOnce::Written);
    assert_eq!(store.append(&first).await.unwrap(), WriteOnce::Exists);
    let other = placed(100, &[13]);
    assert_eq!(store.append(&other).await.unwrap(), WriteOnce::ExistsDifferently);
    assert_eq!(store.get(first.id()).await.unwrap(), Some(first));
}

async fn lists_are_in_order_and_by_owner(store: &dyn Journal) {
    for transfer in [placed(203, &[32]), placed(201, &[31, 32]), captured(202)] {
        store.append(&transfer).await.unwrap();
    }
    let ids = |found: Vec<Transfer>| found.iter().map(|one| one.id().bits()).collect::<Vec<_>>();
    let after = Some(TransferId::from_bits(200));
    assert_eq!(ids(store.all(after, 2).await.unwrap()), [201, 202]);
    assert_eq!(ids(store.all(after, 9).await.unwrap()), [201, 202, 203]);
    let owner = AccountId::from_bits(32);
    assert_eq!(ids(store.by_owner(owner, None, 9).await.unwrap()), [201, 203]);
    let after = Some(TransferId::from_bits(201));
    assert_eq!(ids(store.by_owner(owner, after, 9).await.unwrap()), [203]);
    // The creator of an attributed line is an owner too.
    let creator = AccountId::from_bits(3);
    let earned = store.by_owner(creator, None, 100).await.unwrap();
    assert!(earned.iter().all(|transfer| {
        let accounts = transfer.postings().iter().map(|posting| posting.account);
        accounts.into_iter().any(|account| account == LedgerAccount::CreatorPayable(creator))
    }));
    assert!(ids(earned).contains(&203));
}
