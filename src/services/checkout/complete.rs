//! Paying a checkout.

use crate::domain::catalog::FieldError;
use crate::domain::checkout::{Attempt, Checkout, CheckoutState, CompletionOutcome};
use crate::domain::id::{AccountId, CheckoutId, OrderId, PaymentId};
use crate::domain::limits::CONFLICT_RETRIES_MAX;
use crate::domain::order::Order;
use crate::ports::error::StoreError;
use crate::services::checkout::next::{Keyed, Next, to_complete};
use crate::services::checkout::{CheckoutError, Checkouts, Rest};
use crate::services::idempotency::{Replayable, RequestKey};

/// How a buyer wants to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayRequest {
    /// The provider's name.
    pub provider: String,
    /// The provider's name for the means of payment.
    pub method: String,
}

/// What the buyer must do before the order is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextAction {
    /// The kind of action.
    pub kind: &'static str,
    /// Where.
    pub url: String,
}

/// The answer to a payment that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The checkout by now.
    pub checkout: Checkout,
    /// The order; `None` while the buyer must act.
    pub order: Option<Order>,
}

impl Checkouts {
    /// Pays a checkout and places its order, once per key. A refusal is remembered under the key. While
    /// the buyer must act, or the payment's outcome is not known, the same key goes on instead.
    pub async fn complete(
        &self,
        buyer: AccountId,
        id: CheckoutId,
        pay: &PayRequest,
        key: &RequestKey,
    ) -> Result<Replayable<Completed>, CheckoutError> {
        self.check_method(pay)?;
        let route = format!("POST /v1/checkouts/{id}/complete");
        let keyed = Keyed {
            key: key.digest(self.ports.signer.as_ref(), buyer, &route),
            fingerprint: key.fingerprint,
        };
        for _ in 0..CONFLICT_RETRIES_MAX {
            let row = self.get(buyer, id).await?;
            let attempt = self.attempt(pay);
            let (next, fresh, ours) =
                match to_complete(&row, keyed, attempt, self.now(), self.lease())? {
                    Next::Replay(outcome) => return self.replayed(row, outcome).await,
                    Next::Start(next) => (next, true, true),
                    Next::Resume(next) => (next, false, true),
                    Next::Settle(next) => (next, false, false),
                    Next::Canceled { .. } => return Err(CheckoutError::NotFound),
                };
            match self.save(&next).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            }
            let rest = self.drive(next, fresh).await?;
            if ours {
                return answer(rest);
            }
        }
        Err(CheckoutError::InProgress)
    }

    /// What the buyer must do about a payment that waits for them.
    pub fn next_action(&self, checkout: &Checkout) -> Option<NextAction> {
        let CheckoutState::Completing { attempt, awaiting_action: true, .. } = &checkout.state
        else {
            return None;
        };
        let (kind, url) = self.provider(&attempt.provider)?.next_action(attempt.payment);
        Some(NextAction { kind, url })
    }

    fn check_method(&self, pay: &PayRequest) -> Result<(), CheckoutError> {
        let fault = match self.provider(&pay.provider) {
            None => FieldError::at("/payment/provider", "is not a provider of this shop"),
            Some(provider) if !provider.accepts(&pay.method) => {
                let detail = format!("is not a payment method of `{}`", provider.name());
                FieldError::at("/payment/method", detail)
            }
            Some(_) => return Ok(()),
        };
        Err(CheckoutError::Invalid(vec![fault]))
    }

    /// The ids of order and payment are made here and saved before any money is asked for.
    fn attempt(&self, pay: &PayRequest) -> Attempt {
        let now = self.now();
        Attempt {
            order: OrderId::new(now, self.ports.entropy.bits()),
            payment: PaymentId::new(now, self.ports.entropy.bits()),
            provider: pay.provider.clone(),
            method: pay.method.clone(),
            started_at: now,
        }
    }

    async fn replayed(
        &self,
        row: Checkout,
        outcome: CompletionOutcome,
    ) -> Result<Replayable<Completed>, CheckoutError> {
        match outcome {
            CompletionOutcome::Refused(refusal) => {
                Err(CheckoutError::Refused { refusal, replayed: true })
            }
            CompletionOutcome::Closed => Err(CheckoutError::Expired),
            CompletionOutcome::Placed => {
                let order = match row.attempt() {
                    Some(attempt) => self.ports.orders.get(attempt.order).await?,
                    None => None,
                };
                Ok(Replayable::again(Completed { checkout: row, order }))
            }
        }
    }
}

fn answer(rest: Rest) -> Result<Replayable<Completed>, CheckoutError> {
    match rest {
        Rest::Placed(checkout, order) => {
            Ok(Replayable::first(Completed { checkout: *checkout, order: Some(*order) }))
        }
        Rest::AwaitingAction(checkout) => {
            Ok(Replayable::first(Completed { checkout: *checkout, order: None }))
        }
        Rest::Refused(refusal) => Err(CheckoutError::Refused { refusal, replayed: false }),
        Rest::Opened(_) => Err(CheckoutError::InProgress),
        Rest::Expired | Rest::Canceled(_) => Err(CheckoutError::Expired),
    }
}
