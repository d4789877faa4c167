//! A provider without a bank: what becomes of a payment follows from its method alone.
//!
//! | method | authorize | a later look-up |
//! |---|---|---|
//! | `pm_approve` | authorized | authorized |
//! | `pm_decline` | declined | declined |
//! | `pm_timeout` | no answer | authorized |
//! | `pm_action` | requires action | as the challenge was answered |
//!
//! Only the answers to challenges are kept, in memory and bounded. A restart forgets them, and the
//! buyer is asked again.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::domain::id::{AccountId, PaymentId};
use crate::domain::limits::SANDBOX_CHALLENGES_MAX;
use crate::domain::payment::{Authorization, Capture, DeclineReason, Lookup, PaymentRequest, Void};
use crate::ports::payments::{ChallengeAnswer, ChallengeDesk, PaymentProvider};

#[derive(Default)]
struct Challenges {
    open: HashMap<PaymentId, (AccountId, Option<bool>)>,
    order: VecDeque<PaymentId>,
}

impl Challenges {
    /// The answer to the payment's challenge; asks for one first if need be.
    fn ask(&mut self, request: &PaymentRequest) -> Option<bool> {
        if let Some((_, answer)) = self.open.get(&request.payment) {
            return *answer;
        }
        if self.open.len() >= SANDBOX_CHALLENGES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        self.open.insert(request.payment, (request.account, None));
        self.order.push_back(request.payment);
        None
    }
}

/// The sandbox.
#[derive(Default)]
pub struct Sandbox {
    challenges: Mutex<Challenges>,
}

impl Sandbox {
    /// A sandbox that was asked for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn fate(&self, request: &PaymentRequest) -> Authorization {
        let authorized = Authorization::Authorized { amount: request.amount };
        match request.method.as_str() {
            "pm_approve" | "pm_timeout" => authorized,
            "pm_action" => match self.challenges.lock().ask(request) {
                Some(true) => authorized,
                Some(false) => Authorization::Declined(DeclineReason::ChallengeRefused),
                None => Authorization::RequiresAction,
            },
            _ => Authorization::Declined(DeclineReason::Declined),
        }
    }
}

#[async_trait]
impl PaymentProvider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn accepts(&self, method: &str) -> bool {
        ["pm_approve", "pm_decline", "pm_timeout", "pm_action"].contains(&method)
    }

    async fn authorize(&self, request: &PaymentRequest) -> Authorization {
        match request.method.as_str() {
            "pm_timeout" => Authorization::Unknown,
            _ => self.fate(request),
        }
    }

    async fn lookup(&self, request: &PaymentRequest) -> Lookup {
        Lookup::Found(self.fate(request))
    }

    async fn capture(&self, request: &PaymentRequest) -> Capture {
        match request.method.as_str() {
            "pm_decline" => Capture::Refused,
            _ => Capture::Captured { amount: request.amount },
        }
    }

    async fn void(&self, _: &PaymentRequest) -> Void {
        Void::Voided
    }

    fn next_action(&self, payment: PaymentId) -> (&'static str, String) {
        ("sandbox_challenge", format!("/v1/sandbox/payments/{payment}/challenge"))
    }
}

#[async_trait]
impl ChallengeDesk for Sandbox {
    async fn answer(
        &self,
        payment: PaymentId,
        account: AccountId,
        approve: bool,
    ) -> ChallengeAnswer {
        let mut challenges = self.challenges.lock();
        match challenges.open.get_mut(&payment) {
            Some((owner, answer)) if *owner == account => {
                if *answer.get_or_insert(approve) == approve {
                    ChallengeAnswer::Taken
                } else {
                    ChallengeAnswer::AnsweredDifferently
                }
            }
            Some(_) | None => ChallengeAnswer::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrderId;
    use crate::domain::money::{Currency, Money};

    fn request(payment: u128, method: &str) -> PaymentRequest {
        PaymentRequest {
            payment: PaymentId::from_bits(payment),
            account: AccountId::from_bits(1),
            order: OrderId::from_bits(1),
            amount: Money::new(500, Currency::USD),
            method: method.into(),
        }
    }

    #[tokio::test]
    async fn each_method_has_its_fate() {
        let sandbox = Sandbox::new();
        let authorized = Authorization::Authorized { amount: Money::new(500, Currency::USD) };
        let declined = Authorization::Declined(DeclineReason::Declined);
        for (method, first, later) in [
            ("pm_approve", authorized, authorized),
            ("pm_decline", declined, declined),
            ("pm_timeout", Authorization::Unknown, authorized),
            ("pm_action", Authorization::RequiresAction, Authorization::RequiresAction),
        ] {
            let request = request(1, method);
            assert!(sandbox.accepts(method));
            assert_eq!(sandbox.authorize(&request).await, first, "{method}");
            assert_eq!(sandbox.lookup(&request).await, Lookup::Found(later), "{method}");
        }
        assert!(!sandbox.accepts("4242424242424242"));
    }

    #[tokio::test]
    async fn a_challenge_is_answered_once_and_by_its_buyer_only() {
        let sandbox = Sandbox::new();
        let pending = request(7, "pm_action");
        let (buyer, other) = (AccountId::from_bits(1), AccountId::from_bits(2));
        let unknown = sandbox.answer(pending.payment, buyer, true).await;
        assert_eq!(unknown, ChallengeAnswer::Missing);
        sandbox.authorize(&pending).await;
        let foreign = sandbox.answer(pending.payment, other, true).await;
        assert_eq!(foreign, ChallengeAnswer::Missing);
        for _ in 0..2 {
            let taken = sandbox.answer(pending.payment, buyer, false).await;
            assert_eq!(taken, ChallengeAnswer::Taken);
        }
        let late = sandbox.answer(pending.payment, buyer, true).await;
        assert_eq!(late, ChallengeAnswer::AnsweredDifferently);
        let refused = Authorization::Declined(DeclineReason::ChallengeRefused);
        assert_eq!(sandbox.lookup(&pending).await, Lookup::Found(refused));
    }
}
