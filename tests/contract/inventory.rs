//! What every keeper of stock promises.

use std::sync::Arc;

use futures_util::future::join_all;
use vitrine::domain::id::{CheckoutId, HoldId, VariantId};
use vitrine::domain::stock::{
    AdjustRefusal, Hold, HoldEvent, HoldRefusal, HoldState, StockEdit, StockReason,
};
use vitrine::domain::time::Timestamp;
use vitrine::ports::inventory::{AdjustAnswer, Adjustment, HoldAnswer, InventoryStore, StockAudit};

use crate::stores;

stores::over_every_store!(InventoryStore);

/// The whole contract. Each part has variants of its own.
pub async fn suite(store: Arc<dyn InventoryStore>) {
    corrections_are_made_once_per_key(&*store, VariantId::from_bits(1)).await;
    the_last_units_are_held_once(&store, VariantId::from_bits(2)).await;
    holds_end_once_and_are_found_again(&*store, VariantId::from_bits(3)).await;
    what_is_due_is_listed_in_order(&*store, VariantId::from_bits(4)).await;
    an_audit_counts_anew(&*store).await;
    ended_holds_can_be_forgotten(&*store, VariantId::from_bits(5)).await;
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

/// The hold number `id` of that variant; no other variant has the same.
fn hold_id(variant: VariantId, id: u128) -> HoldId {
    HoldId::from_bits(variant.bits() << 64 | id)
}

fn hold(variant: VariantId, id: u128, units: u32) -> Hold {
    Hold {
        id: hold_id(variant, id),
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
        let settled = store.settle(variant, hold_id(variant, id), event).await.unwrap();
        assert_eq!(settled.map(|(state, _)| state), Some(state), "{id} {event:?}");
        assert_eq!(sums(store, variant).await, expected, "{id} {event:?}");
    }
    // A late repeat of an ended hold takes nothing.
    let late = store.hold(&hold(variant, 2, 2)).await.unwrap();
    assert!(matches!(late, HoldAnswer::Stands(HoldState::Released, _)), "{late:?}");
    assert_eq!(sums(store, variant).await, (10, 0, 0));
    let missing = store.settle(variant, hold_id(variant, 99), HoldEvent::Post).await.unwrap();
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
        ours.map(|(_, hold)| hold).collect::<Vec<_>>()
    };
    let [first, second, third] = [30_001, 30_002, 30_003].map(|id| hold_id(variant, id));
    assert_eq!(due(31_002, 100).await, [first, second]);
    store.settle(variant, first, HoldEvent::Post).await.unwrap();
    assert_eq!(due(31_003, 100).await, [second, third]);
}

/// All variants, with sums that agree.
async fn audited(store: &dyn InventoryStore, limit: usize) -> Vec<StockAudit> {
    let page = async |after, limit| store.audit(after, limit).await;
    let found = stores::walk(limit, |audit: &StockAudit| audit.variant, page).await;
    for audit in &found {
        assert_eq!(u64::from(audit.level.held), audit.held, "{audit:?}");
        assert_eq!(u64::from(audit.level.holds), audit.holds, "{audit:?}");
    }
    found
}

async fn an_audit_counts_anew(store: &dyn InventoryStore) {
    let variants = (11..=15).map(VariantId::from_bits);
    for variant in variants.clone() {
        stocked(store, variant, 10).await;
        for id in 0..variant.bits() - 11 {
            store.hold(&hold(variant, id, 2)).await.unwrap();
        }
    }
    for limit in [1, 2, 3, 100] {
        let found = audited(store, limit).await;
        for variant in variants.clone() {
            let audit = found.iter().find(|audit| audit.variant == variant).unwrap();
            let holds = variant.bits() as u64 - 11;
            assert_eq!((audit.level.on_hand, audit.held, audit.holds), (10, holds * 2, holds));
        }
    }
}

/// Levels, holds and answers are there after each reopening.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn InventoryStore>) {
    let variant = VariantId::from_bits(1);
    let store = open().await;
    let made = adjust(&*store, variant, StockEdit::Delta(10), 1, 1).await;
    let AdjustAnswer::Made(Ok(change)) = made else { panic!("{made:?}") };
    for id in 1..=3 {
        store.hold(&hold(variant, id, 2)).await.unwrap();
    }
    store.settle(variant, hold_id(variant, 1), HoldEvent::Post).await.unwrap();
    drop(store);

    let store = open().await;
    assert_eq!(sums(&*store, variant).await, (8, 4, 2));
    let again = adjust(&*store, variant, StockEdit::Delta(10), 1, 1).await;
    assert_eq!(again, AdjustAnswer::Repeated(Ok(change.after)));
    let first = store.hold(&hold(variant, 1, 2)).await.unwrap();
    assert!(matches!(first, HoldAnswer::Stands(HoldState::Posted, _)), "{first:?}");
    let due = store.due(at(1_003), 10).await.unwrap();
    assert_eq!(due, [2, 3].map(|id| (variant, hold_id(variant, id))));
    let expire = HoldEvent::Expire { now: at(1_002) };
    store.settle(variant, hold_id(variant, 2), expire).await.unwrap();
    drop(store);

    let store = open().await;
    assert_eq!(sums(&*store, variant).await, (8, 2, 1));
    let due = store.due(at(1_003), 10).await.unwrap();
    assert_eq!(due, [(variant, hold_id(variant, 3))]);
    assert_eq!(audited(&*store, 10).await.len(), 1);
}

async fn ended_holds_can_be_forgotten(store: &dyn InventoryStore, variant: VariantId) {
    stocked(store, variant, 10).await;
    let id = |n| hold_id(variant, n);
    for n in 1..=2 {
        store.hold(&hold(variant, n, 2)).await.unwrap();
    }
    store.settle(variant, id(1), HoldEvent::Post).await.unwrap();
    let before = sums(store, variant).await;
    assert!(store.forget_hold(variant, id(1)).await.unwrap());
    assert!(!store.forget_hold(variant, id(2)).await.unwrap(), "a pending one stays");
    assert!(store.forget_hold(variant, id(99)).await.unwrap(), "one that never was is gone");
    assert_eq!(sums(store, variant).await, before);
    assert_eq!(store.settle(variant, id(1), HoldEvent::Release).await.unwrap(), None);
    let stands = store.settle(variant, id(2), HoldEvent::Release).await.unwrap();
    assert!(matches!(stands, Some((HoldState::Released, _))), "{stands:?}");
    assert!(store.forget_hold(variant, id(2)).await.unwrap());
    assert_eq!(sums(store, variant).await, (8, 0, 0));
}

/// In a cluster keys end by themselves.
#[tokio::test]
async fn keys_of_old_corrections_can_be_forgotten() {
    let (store, variant) = (&stores::in_memory(), VariantId::from_bits(6));
    let adjust = |key: u128, ms: i64| async move {
        let adjustment = Adjustment {
            variant,
            edit: StockEdit::Delta(1),
            reason: StockReason::Count,
            key,
            fingerprint: [1; 32],
            at: at(ms),
        };
        matches!(store.adjust(&adjustment).await.unwrap(), AdjustAnswer::Made(Ok(_)))
    };
    for (key, ms) in [(1, -500), (2, -400), (3, -300), (4, -200)] {
        assert!(adjust(key, ms).await);
    }
    assert_eq!(
        store.forget_adjustments(at(-500), 10).await.unwrap(),
        0,
        "none before that instant"
    );
    assert_eq!(store.forget_adjustments(at(-200), 2).await.unwrap(), 2, "at most the limit");
    assert_eq!(store.forget_adjustments(at(-200), 2).await.unwrap(), 1);
    assert_eq!(store.forget_adjustments(at(-200), 2).await.unwrap(), 0);
    assert_eq!(sums(store, variant).await, (4, 0, 0), "the stock stays");
    assert!(!adjust(4, 0).await, "a younger key still finds its answer");
    assert!(adjust(1, 0).await);
}
