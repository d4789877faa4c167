//! What every keeper of the sandbox's challenges promises, and what the sandbox makes of it.

use std::sync::Arc;

use vitrine::adapters::embedded::Embedded;
use vitrine::adapters::payments::sandbox::Sandbox;
use vitrine::domain::id::{AccountId, OrderId, PaymentId};
use vitrine::domain::money::{Currency, Money};
use vitrine::domain::payment::{Authorization, DeclineReason, Lookup, PaymentRequest};
use vitrine::domain::time::Timestamp;
use vitrine::ports::payments::{ChallengeAnswer, ChallengeStore, PaymentProvider as _};

use crate::stores;

stores::over_every_store!(ChallengeStore);

const BUYER: AccountId = AccountId::from_bits(1);
const OTHER: AccountId = AccountId::from_bits(2);

fn at(ms: i64) -> Timestamp {
    stores::NOW.plus_ms(ms)
}

fn payment(ms: i64, n: u128) -> PaymentId {
    PaymentId::new(at(ms), n)
}

/// Runs every case over an empty store.
pub async fn suite(store: Arc<dyn ChallengeStore>) {
    the_first_answer_of_its_buyer_stands(&*store).await;
}

async fn the_first_answer_of_its_buyer_stands(store: &dyn ChallengeStore) {
    let id = payment(0, 1);
    assert_eq!(store.answer(id, BUYER, true).await.unwrap(), ChallengeAnswer::Missing);
    for _ in 0..2 {
        assert_eq!(store.ask(id, BUYER).await.unwrap(), None);
    }
    assert_eq!(store.answer(id, OTHER, true).await.unwrap(), ChallengeAnswer::Missing);
    for _ in 0..2 {
        assert_eq!(store.answer(id, BUYER, false).await.unwrap(), ChallengeAnswer::Taken);
    }
    let late = store.answer(id, BUYER, true).await.unwrap();
    assert_eq!(late, ChallengeAnswer::AnsweredDifferently);
    assert_eq!(store.ask(id, BUYER).await.unwrap(), Some(false));
}

/// In a cluster challenges end by themselves.
#[tokio::test]
async fn old_ones_can_be_forgotten() {
    let store = &stores::in_memory();
    for ms in [-30, -20, -10] {
        store.ask(payment(ms, u128::MAX), BUYER).await.unwrap();
    }
    assert_eq!(store.forget(at(-30), 10).await.unwrap(), 0, "none before that instant");
    assert_eq!(store.forget(at(-10), 1).await.unwrap(), 1, "at most the limit");
    let answer = store.answer(payment(-30, u128::MAX), BUYER, true).await.unwrap();
    assert_eq!(answer, ChallengeAnswer::Missing, "the oldest first");
    assert_eq!(store.forget(at(-10), 10).await.unwrap(), 1);
    let answer = store.answer(payment(-10, u128::MAX), BUYER, true).await.unwrap();
    assert_eq!(answer, ChallengeAnswer::Taken);
}

/// Challenges and answers outlive the process.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn ChallengeStore>) {
    let (waiting, answered) = (payment(0, 1), payment(0, 2));
    let store = open().await;
    store.ask(waiting, BUYER).await.unwrap();
    store.ask(answered, BUYER).await.unwrap();
    store.answer(answered, BUYER, true).await.unwrap();
    drop(store);
    let store = open().await;
    assert_eq!(store.ask(answered, BUYER).await.unwrap(), Some(true));
    assert_eq!(store.answer(waiting, BUYER, true).await.unwrap(), ChallengeAnswer::Taken);
}

fn request(n: u128, method: &str) -> PaymentRequest {
    PaymentRequest {
        payment: payment(0, n),
        account: BUYER,
        order: OrderId::from_bits(1),
        amount: Money::new(500, Currency::USD),
        method: method.into(),
    }
}

#[tokio::test]
async fn each_method_of_the_sandbox_has_its_fate() {
    let store = Arc::new(Embedded::in_memory().unwrap());
    let sandbox = Sandbox::new(Arc::clone(&store) as _);
    let authorized = Authorization::Authorized { amount: Money::new(500, Currency::USD) };
    let declined = Authorization::Declined(DeclineReason::Declined);
    let refused = Authorization::Declined(DeclineReason::ChallengeRefused);
    for (n, method, first, later) in [
        (1, "pm_approve", authorized, authorized),
        (2, "pm_decline", declined, declined),
        (3, "pm_timeout", Authorization::Unknown, authorized),
        (4, "pm_action", Authorization::RequiresAction, Authorization::RequiresAction),
    ] {
        let request = request(n, method);
        assert!(sandbox.accepts(method));
        assert_eq!(sandbox.authorize(&request).await, first, "{method}");
        assert_eq!(sandbox.lookup(&request).await, Lookup::Found(later), "{method}");
    }
    for (n, approve, fate) in [(4, true, authorized), (5, false, refused)] {
        let request = request(n, "pm_action");
        sandbox.authorize(&request).await;
        store.answer(request.payment, BUYER, approve).await.unwrap();
        assert_eq!(sandbox.lookup(&request).await, Lookup::Found(fate));
    }
    assert!(!sandbox.accepts("4242424242424242"));
}
