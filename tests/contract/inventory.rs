//! What every keeper of stock promises.

use std::sync::Arc;

use futures_util::future::join_all;
use vitrine::adapters::embedded::Embedded;
use vitrine::domain::id::{CheckoutId, HoldId, VariantId};
use vitrine::domain::stock::{
    AdjustRefusal, Hold, HoldEvent, HoldRefusal, HoldState, StockEdit, StockReason,
};
use vitrine::domain::time::Timestamp;
use vitrine::ports::inventory::{AdjustAnswer, Adjustment, HoldAnswer, InventoryStore};

/// The whole contract. Each part has variants of its own, so that a backend may be used again.
pub async fn check(store: Arc<dyn InventoryStore>) {
    corrections_are_made_once_per_key(&*store, VariantId::from_bits(1)).await;
    the_last_units_are_held_once(&store, VariantId::from_bits(2)).await;
    holds_end_once_and_are_found_again(&*store, VariantId::from_bits(3)).await;
    what_is_due_is_listed_in_order(&*store, VariantId::from_bits(4)).await;
    an_audit_counts_anew(&*store).await;
}

#[tokio::test]
async fn embedded() {
    check(Arc::new(Embedded::in_memory().unwrap())).await;
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn hold(variant: VariantId, id: u128, units: u32) -> Hold {
    Hold {
        id: HoldId::from_bits(id),
        variant,
        checkout: CheckoutId::from_bits(7),
        units,
        expires_at: at(1_000 + id as i64),
    }
}

async fn adjust(
    store: &dyn InventoryStore,
    variant: VariantId,
    edit: StockEdit,
    key: u128,
    body: u8,
) -> AdjustAnswer {
    let reason = StockReason::Count;
    let adjustment = Adjustment { variant, edit, reason, key, fingerprint: [body; 32], at: at(1) };
    store.adjust(&adjustment).await.unwrap()
}

async fn stocked(store: &dyn InventoryStore, variant: VariantId, units: i64) {
    let made = adjust(store, variant, StockEdit::Delta(units), u128::MAX, 0).await;
    assert!(matches!(made, AdjustAnswer::Made(Ok(_))), "{made:?}");
}

async fn sums(store: &dyn InventoryStore, variant: VariantId) -> (u32, u32, u32) {
    let level = store.levels(&[variant]).await.unwrap()[0];
    (level.on_hand, level.held, level.holds)
}

async fn corrections_are_made_once_per_key(store: &dyn InventoryStore, variant: VariantId) {
    let fresh = store.levels(&[variant]).await.unwrap()[0];
    assert_eq!((fresh.on_hand, fresh.version), (0, 0), "a variant begins with nothing");
    let made = adjust(store, variant, StockEdit::Delta(5), 1, 1).await;
    let AdjustAnswer::Made(Ok(change)) = made else { panic!("{made:?}") };
    assert_eq!((change.before.on_hand, change.after.on_hand, change.after.version), (0, 5, 1));
    let again = adjust(store, variant, StockEdit::Delta(5), 1, 1).await;
    assert_eq!(again, AdjustAnswer::Repeated(Ok(change.after)));
    let other = adjust(store, variant, StockEdit::Delta(6), 1, 2).await;
    assert_eq!(other, AdjustAnswer::KeyReused);

    let stale = StockEdit::Set { on_hand: 9, version: 0 };
    let refusal = Err(AdjustRefusal::VersionChanged { current: 1 });
    assert_eq!(adjust(store, variant, stale, 2, 1).await, AdjustAnswer::Made(refusal));
    adjust(store, variant, StockEdit::Delta(1), 3, 1).await;
    let refusal = Err(AdjustRefusal::VersionChanged { current: 1 });
    assert_eq!(adjust(store, variant, stale, 2, 1).await, AdjustAnswer::Repeated(refusal));
    assert_eq!(sums(store, variant).await, (6, 0, 0));
}

async fn the_last_units_are_held_once(store: &Arc<dyn InventoryStore>, variant: VariantId) {
    stocked(&**store, variant, 10).await;
    let tries = (0..40).map(|id| {
        let store = Arc::clone(store);
        async move { store.hold(&hold(variant, id, 1)).await.unwrap() }
    });
    let answers = join_all(tries).await;
    let held = answers.iter().filter(|answer| matches!(answer, HoldAnswer::Stands(..))).count();
    assert_eq!(held, 10);
    let refused = HoldAnswer::Refused(HoldRefusal::OutOfStock { available: 0 });
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 30);
    assert_eq!(sums(&**store, variant).await, (10, 10, 10));
}

async fn holds_end_once_and_are_found_again(store: &dyn InventoryStore, variant: VariantId) {
    stocked(store, variant, 10).await;
    for id in 1..=3 {
        let first = store.hold(&hold(variant, id, 2)).await.unwrap();
        assert!(
            matches!(first, HoldAnswer::Stands(HoldState::Pending, change) if change.after != change.before)
        );
        let again = store.hold(&hold(variant, id, 2)).await.unwrap();
        assert!(
            matches!(again, HoldAnswer::Stands(HoldState::Pending, change) if change.after == change.before)
        );
    }
    let other = store.hold(&hold(variant, 1, 3)).await.unwrap();
    assert_eq!(other, HoldAnswer::HeldDifferently);
    assert_eq!(sums(store, variant).await, (10, 6, 3));

    let early = HoldEvent::Expire { now: at(1_002) };
    let late = HoldEvent::Expire { now: at(1_003) };
    for (id, event, state, expected) in [
        (1, HoldEvent::Post, HoldState::Posted, (8, 4, 2)),
        (1, HoldEvent::Post, HoldState::Posted, (8, 4, 2)),
        (2, HoldEvent::Release, HoldState::Released, (8, 2, 1)),
        (2, HoldEvent::Post, HoldState::Released, (8, 2, 1)),
        (3, early, HoldState::Pending, (8, 2, 1)),
        (3, late, HoldState::Expired, (8, 0, 0)),
        (3, HoldEvent::Post, HoldState::Expired, (8, 0, 0)),
        (1, HoldEvent::Release, HoldState::Released, (10, 0, 0)),
        (1, HoldEvent::Release, HoldState::Released, (10, 0, 0)),
    ] {
        let settled = store.settle(variant, HoldId::from_bits(id), event).await.unwrap();
        assert_eq!(settled.map(|(state, _)| state), Some(state), "{id} {event:?}");
        assert_eq!(sums(store, variant).await, expected, "{id} {event:?}");
    }
    // A late repeat of an ended hold takes nothing.
    let late = store.hold(&hold(variant, 2, 2)).await.unwrap();
    assert!(matches!(late, HoldAnswer::Stands(HoldState::Released, _)), "{late:?}");
    assert_eq!(sums(store, variant).await, (10, 0, 0));
    let missing = store.settle(variant, HoldId::from_bits(99), HoldEvent::Post).await.unwrap();
    assert_eq!(missing, None);
}

async fn what_is_due_is_listed_in_order(store: &dyn InventoryStore, variant: VariantId) {
    stocked(store, variant, 10).await;
    for id in [30_002, 30_001, 30_003] {
        store.hold(&hold(variant, id, 1)).await.unwrap();
    }
    let due = |now: i64, limit: usize| async move {
        let found = store.due(at(now), limit).await.unwrap();
        let ours = found.into_iter().filter(|(found, _)| *found == variant);
        ours.map(|(_, hold)| hold.bits()).collect::<Vec<_>>()
    };
    assert_eq!(due(31_002, 100).await, [30_001, 30_002]);
    store.settle(variant, HoldId::from_bits(30_001), HoldEvent::Post).await.unwrap();
    assert_eq!(due(31_003, 100).await, [30_002, 30_003]);
}

async fn an_audit_counts_anew(store: &dyn InventoryStore) {
    let mut after = None;
    let mut seen = 0;
    loop {
        let page = store.audit(after, 2).await.unwrap();
        for audit in &page {
            assert_eq!(u64::from(audit.level.held), audit.held, "{audit:?}");
            assert_eq!(u64::from(audit.level.holds), audit.holds, "{audit:?}");
            assert!(after.is_none_or(|after| after < audit.variant));
            seen += 1;
        }
        let Some(last) = page.last() else { break };
        after = Some(last.variant);
    }
    assert!(seen >= 4);
}
