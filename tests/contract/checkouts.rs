//! What every keeper of checkouts promises.

use std::sync::Arc;

use futures_util::future::join_all;
use vitrine::domain::checkout::{CheckoutState, Refusal, UndoEnd};
use vitrine::domain::id::{AccountId, CheckoutId, VariantId};
use vitrine::domain::payment::DeclineReason;
use vitrine::ports::checkouts::CheckoutStore;
use vitrine::ports::error::StoreError;

use crate::shop_rows::{at, attempt, checkout};
use crate::stores;
use crate::stores::refused;

stores::over_every_store!(CheckoutStore);

/// The whole contract.
pub async fn suite(store: Arc<dyn CheckoutStore>) {
    every_state_comes_back_as_it_was(&*store).await;
    one_of_many_writers_wins(&store).await;
    what_is_due_follows_the_row(&*store).await;
    what_is_over_can_be_forgotten(&*store).await;
}

async fn every_state_comes_back_as_it_was(store: &dyn CheckoutStore) {
    let stock = Refusal::OutOfStock { variant: VariantId::from_bits(5), available: 2 };
    let declined = Refusal::Declined(DeclineReason::CaptureRefused);
    let lease_until = at(50);
    let undoing = |end| CheckoutState::Undoing { attempt: Some(attempt()), end, lease_until };
    let states = [
        CheckoutState::Opening { lease_until },
        CheckoutState::Open { held: false },
        CheckoutState::Completing { attempt: attempt(), awaiting_action: true, lease_until },
        undoing(UndoEnd::Reopen(declined)),
        undoing(UndoEnd::Cancel),
        CheckoutState::Undoing { attempt: None, end: UndoEnd::Expire, lease_until },
        CheckoutState::Completed { attempt: attempt() },
        CheckoutState::Expired,
        CheckoutState::Canceled,
        CheckoutState::Refused(stock),
    ];
    for (place, state) in states.into_iter().enumerate() {
        let row = checkout(100 + place as u128, 1, 1, state);
        assert_eq!(store.get(row.id).await.unwrap(), None);
        store.put(&row).await.unwrap();
        assert_eq!(store.get(row.id).await.unwrap(), Some(row));
    }
}

async fn one_of_many_writers_wins(store: &Arc<dyn CheckoutStore>) {
    for version in 1..=3 {
        let writers = (0..20).map(|writer| {
            let store = Arc::clone(store);
            let mut row = checkout(200, 2, version, CheckoutState::Open { held: true });
            row.email = format!("writer-{writer}@shop.example");
            async move { store.put(&row).await.map(|()| row) }
        });
        let (won, lost): (Vec<_>, Vec<_>) =
            join_all(writers).await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| matches!(answer, Err(StoreError::Conflict))));
        let stored = store.get(CheckoutId::from_bits(200)).await.unwrap();
        assert_eq!(stored, won.into_iter().next().unwrap().ok());
    }
    refused(store.put(&checkout(200, 2, 5, CheckoutState::Expired)).await);
}

async fn what_is_due_follows_the_row(store: &dyn CheckoutStore) {
    let buyer = AccountId::from_bits(3);
    let due = |now: i64| async move {
        let found = store.due(at(now), 1_000).await.unwrap();
        let ours = found.into_iter().map(CheckoutId::bits).filter(|id| (300..310).contains(id));
        ours.collect::<Vec<_>>()
    };
    let opening = |ms| CheckoutState::Opening { lease_until: at(ms) };
    store.put(&checkout(302, 3, 1, opening(2_000))).await.unwrap();
    store.put(&checkout(301, 3, 1, opening(3_000))).await.unwrap();
    assert_eq!(due(1_999).await, []);
    assert_eq!(due(3_000).await, [302, 301], "the oldest first");
    assert_eq!(store.unfinished(buyer, 10).await.unwrap(), 2);
    assert_eq!(store.unfinished(buyer, 1).await.unwrap(), 1, "counted up to the limit");

    store.put(&checkout(302, 3, 2, CheckoutState::Open { held: true })).await.unwrap();
    assert_eq!(due(3_000).await, [301]);
    assert_eq!(due(600_000).await, [301, 302], "an open one is due at its end");
    store.put(&checkout(302, 3, 3, CheckoutState::Canceled)).await.unwrap();
    assert_eq!(due(600_000).await, [301]);
    assert_eq!(store.unfinished(buyer, 10).await.unwrap(), 1);
    assert_eq!(store.due(at(600_000), 1).await.unwrap().len(), 1, "at most the limit");
}

/// Rows and lists are there after a reopening, and the guard with them.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn CheckoutStore>) {
    let lease = |ms| CheckoutState::Opening { lease_until: at(ms) };
    let store = open().await;
    store.put(&checkout(1, 9, 1, lease(20))).await.unwrap();
    store.put(&checkout(2, 9, 1, lease(10))).await.unwrap();
    store.put(&checkout(3, 9, 1, CheckoutState::Canceled)).await.unwrap();
    drop(store);

    let store = open().await;
    let ids = [2, 1].map(CheckoutId::from_bits);
    assert_eq!(store.due(at(20), 10).await.unwrap(), ids);
    assert_eq!(store.unfinished(AccountId::from_bits(9), 10).await.unwrap(), 2);
    let first = checkout(1, 9, 1, lease(20));
    assert_eq!(store.get(first.id).await.unwrap(), Some(first.clone()));
    refused(store.put(&first).await);
    store.put(&checkout(1, 9, 2, CheckoutState::Completed { attempt: attempt() })).await.unwrap();
    drop(store);

    let store = open().await;
    assert_eq!(store.due(at(i64::MAX - 1), 10).await.unwrap(), ids[..1]);
    assert_eq!(store.unfinished(AccountId::from_bits(9), 10).await.unwrap(), 1);
    refused(store.put(&checkout(1, 9, 2, CheckoutState::Expired)).await);
}

async fn what_is_over_can_be_forgotten(store: &dyn CheckoutStore) {
    let finished = |before: i64, limit: usize| async move {
        let found = store.finished(at(before), limit).await.unwrap();
        let ours = found.into_iter().map(CheckoutId::bits).filter(|id| (400..410).contains(id));
        ours.collect::<Vec<_>>()
    };
    let ended = |id, version, state, ms| {
        let mut row = checkout(id, 4, version, state);
        row.expires_at = at(ms);
        row
    };
    let open = ended(401, 1, CheckoutState::Open { held: true }, -9_000);
    store.put(&open).await.unwrap();
    store.put(&ended(402, 1, CheckoutState::Open { held: true }, -8_000)).await.unwrap();
    assert_eq!(finished(0, 1_000).await, [], "not while it is not over, however late");
    assert!(matches!(store.forget(&open).await, Err(StoreError::Conflict)));
    let first = ended(401, 2, CheckoutState::Canceled, -7_000);
    let second = ended(402, 2, CheckoutState::Completed { attempt: attempt() }, -8_000);
    let refused = CheckoutState::Refused(Refusal::Declined(DeclineReason::Declined));
    let third = ended(403, 1, refused, -6_000);
    for row in [&first, &second, &third] {
        store.put(row).await.unwrap();
    }
    assert_eq!(finished(-6_000, 1_000).await, [402, 401], "the oldest first, none of that instant");
    assert_eq!(finished(0, 1_000).await, [402, 401, 403]);
    assert_eq!(store.finished(at(0), 1).await.unwrap().len(), 1, "at most the limit");
    assert!(matches!(store.forget(&open).await, Err(StoreError::Conflict)), "an older version");
    for _ in 0..2 {
        store.forget(&first).await.unwrap();
        assert_eq!(store.get(first.id).await.unwrap(), None);
    }
    assert_eq!(finished(0, 1_000).await, [402, 403]);
    assert_eq!(store.get(second.id).await.unwrap(), Some(second));
}
