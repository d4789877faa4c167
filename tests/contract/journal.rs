//! What every journal promises.

use std::collections::BTreeSet;
use std::sync::Arc;

use vitrine::domain::id::{AccountId, OrderId, TransferId};
use vitrine::domain::ledger::{
    LedgerAccount, Transfer, TransferKind, captured_postings, placed_postings,
};
use vitrine::domain::policy::ShopPolicy;
use vitrine::ports::journal::Journal;
use vitrine::ports::orders::WriteOnce;

use crate::shop_rows::{at, order};
use crate::stores;

stores::over_every_store!(Journal);

/// The whole contract.
pub async fn suite(store: Arc<dyn Journal>) {
    a_transfer_is_written_once(&*store).await;
    all_are_walked_once_and_by_owner(&*store).await;
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

fn ids(found: &[Transfer]) -> BTreeSet<u128> {
    found.iter().map(|transfer| transfer.id().bits()).collect()
}

async fn all(store: &dyn Journal, limit: usize) -> Vec<Transfer> {
    let page = async |after, limit| store.all(after, limit).await;
    stores::walk(limit, Transfer::id, page).await
}

async fn of(store: &dyn Journal, owner: u128, limit: usize) -> Vec<Transfer> {
    let owner = AccountId::from_bits(owner);
    let page = async |after, limit| store.by_owner(owner, after, limit).await;
    stores::walk(limit, Transfer::id, page).await
}

async fn all_are_walked_once_and_by_owner(store: &dyn Journal) {
    let written = [placed(203, &[32]), placed(201, &[31, 32]), captured(202), placed(204, &[32])];
    for transfer in &written {
        store.append(transfer).await.unwrap();
    }
    for limit in [1, 2, 3, 100] {
        let found = all(store, limit).await;
        let ours = ids(&found).into_iter().filter(|&id| id > 200);
        assert_eq!(ours.collect::<Vec<_>>(), [201, 202, 203, 204]);
        assert!(written.iter().all(|transfer| found.contains(transfer)), "transfers come whole");
        assert_eq!(ids(&of(store, 32, limit).await), BTreeSet::from([201, 203, 204]));
    }
    assert_eq!(ids(&of(store, 31, 2).await), BTreeSet::from([201]));
    assert_eq!(ids(&of(store, 33, 2).await), BTreeSet::new());
    // The creator of an attributed line is an owner too.
    let earned = of(store, 3, 100).await;
    let creator = LedgerAccount::CreatorPayable(AccountId::from_bits(3));
    assert!(
        earned.iter().all(|transfer| {
            transfer.postings().iter().any(|posting| posting.account == creator)
        })
    );
    assert!(ids(&earned).contains(&203));
}

/// Transfers and lists are there after a reopening, and a transfer is still written once.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn Journal>) {
    let store = open().await;
    for transfer in [placed(1, &[42]), captured(2), placed(3, &[42])] {
        assert_eq!(store.append(&transfer).await.unwrap(), WriteOnce::Written);
    }
    drop(store);
    let store = open().await;
    assert_eq!(store.append(&placed(3, &[42])).await.unwrap(), WriteOnce::Exists);
    assert_eq!(store.append(&placed(3, &[43])).await.unwrap(), WriteOnce::ExistsDifferently);
    assert_eq!(store.get(TransferId::from_bits(2)).await.unwrap(), Some(captured(2)));
    assert_eq!(ids(&all(&*store, 2).await), BTreeSet::from([1, 2, 3]));
    assert_eq!(ids(&of(&*store, 42, 1).await), BTreeSet::from([1, 3]));
    assert_eq!(ids(&of(&*store, 43, 1).await), BTreeSet::new(), "a refusal lists nothing");
}
