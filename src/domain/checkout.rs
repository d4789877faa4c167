//! An attempt to buy, from the first hold to the order.
//!
//! ```text
//! opening ⇒ open | refused | expired
//! open ⇒ completing | canceling | expired
//! completing ⇒ completed | open (declined, out of stock) | undoing
//! undoing ⇒ open | canceled | expired
//! ```
//!
//! The row is the memory of a line of steps over other partitions (stock, payment, order, journal).
//! Before a step that cannot be taken back, the decision for it is in the row: the ids of order and
//! payment before money is asked for, and *undoing* before anything is given back. So whoever reads the
//! row after a crash knows which way to go on. A lease keeps two processes from doing so at once; it is
//! a courtesy, not a guard: all steps are idempotent.

use crate::domain::id::{AccountId, CheckoutId, OrderId, PaymentId, VariantId};
use crate::domain::limits::HOLD_TTL_MS;
use crate::domain::money::Money;
use crate::domain::order::{Address, Line, Totals};
use crate::domain::payment::{DeclineReason, PaymentRequest, PaymentState};
use crate::domain::time::Timestamp;

/// The digest of a request body: a repeated key must come with the same one.
pub type Fingerprint = [u8; 32];

/// Why a checkout could not be opened or completed. It is remembered under the key of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Too few units.
    OutOfStock {
        /// Of what.
        variant: VariantId,
        /// What could still be had.
        available: u32,
    },
    /// The quoted price no longer stands.
    PriceChanged {
        /// Of what.
        variant: VariantId,
        /// The present price.
        price: Money,
        /// A signed quote for it.
        quote: String,
    },
    /// No money came.
    Declined(DeclineReason),
}

/// The units of one variant that the checkout needs, and under which hold it keeps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// What.
    pub variant: VariantId,
    /// How many, summed over the lines.
    pub units: u32,
    /// Which try to hold it, from 0: each has its own hold id.
    pub round: u32,
}

/// One try to pay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The order that it will place.
    pub order: OrderId,
    /// The payment that it asks for.
    pub payment: PaymentId,
    /// The provider's name.
    pub provider: String,
    /// The provider's name for the means of payment.
    pub method: String,
    /// When it began; the order's date.
    pub started_at: Timestamp,
}

/// Where an undoing ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UndoEnd {
    /// Open for another try; the refusal is the answer of this one.
    Reopen(Refusal),
    /// Given up by the buyer.
    Cancel,
    /// Over by time.
    Expire,
}

/// Where a checkout stands, with what is known there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutState {
    /// Stock is being held.
    Opening {
        /// Whose work it is ends here.
        lease_until: Timestamp,
    },
    /// The buyer may pay.
    Open {
        /// Whether stock is held; it is not after a refused try.
        held: bool,
    },
    /// A payment is on its way.
    Completing {
        /// Which.
        attempt: Attempt,
        /// Whether the buyer is at the bank.
        awaiting_action: bool,
        /// Whose work it is ends here.
        lease_until: Timestamp,
    },
    /// Money and stock are being given back.
    Undoing {
        /// The payment to void, if one was asked for.
        attempt: Option<Attempt>,
        /// What it becomes then.
        end: UndoEnd,
        /// Whose work it is ends here.
        lease_until: Timestamp,
    },
    /// The order is placed.
    Completed {
        /// With what.
        attempt: Attempt,
    },
    /// Too late.
    Expired,
    /// Given up by the buyer.
    Canceled,
    /// It never opened.
    Refused(Refusal),
}

/// What the API calls the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckoutStatus {
    /// The buyer may pay, or is paying.
    Open,
    /// The order is placed.
    Completed,
    /// Too late.
    Expired,
    /// Given up.
    Canceled,
}

impl CheckoutStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }
}

/// How a try to complete ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompletionOutcome {
    /// The order is placed.
    Placed,
    /// It was refused.
    Refused(Refusal),
    /// The checkout ended before the payment did.
    Closed,
}

/// The memory of one key of `complete`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The digest of account, route and key.
    pub key: u128,
    /// The digest of the body.
    pub fingerprint: Fingerprint,
    /// How it ended; `None` while it runs.
    pub outcome: Option<CompletionOutcome>,
}

/// The memory of the key that canceled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CancelKey {
    /// The digest of account, route and key.
    pub key: u128,
    /// The digest of the body.
    pub fingerprint: Fingerprint,
}

/// An attempt to buy. One partition; each change is one conditional write on `version`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkout {
    /// Who it is; derived from the key that opened it.
    pub id: CheckoutId,
    /// Who buys.
    pub buyer: AccountId,
    /// When it began.
    pub created_at: Timestamp,
    /// Until when it may be paid. A refused try moves it, since the buyer is there.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: CheckoutState,
    /// What is bought.
    pub lines: Vec<Line>,
    /// The units to hold, in variant order.
    pub demand: Vec<Demand>,
    /// For how much.
    pub totals: Totals,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// The code of the shipping option.
    pub shipping_option: String,
    /// The digest of the body that opened it.
    pub fingerprint: Fingerprint,
    /// The keys that tried to complete it, at most `COMPLETIONS_PER_CHECKOUT_MAX`.
    pub completions: Vec<Completion>,
    /// The key that canceled it.
    pub cancel: Option<CancelKey>,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

impl Checkout {
    /// What the API calls the state at `now`; `None` while it is not a checkout to anyone: before it
    /// opens and after it was refused.
    pub fn status(&self, now: Timestamp) -> Option<CheckoutStatus> {
        match &self.state {
            CheckoutState::Opening { .. } | CheckoutState::Refused(_) => None,
            CheckoutState::Open { .. } if self.is_over(now) => Some(CheckoutStatus::Expired),
            CheckoutState::Open { .. }
            | CheckoutState::Completing { .. }
            | CheckoutState::Undoing { .. } => Some(CheckoutStatus::Open),
            CheckoutState::Completed { .. } => Some(CheckoutStatus::Completed),
            CheckoutState::Expired => Some(CheckoutStatus::Expired),
            CheckoutState::Canceled => Some(CheckoutStatus::Canceled),
        }
    }

    /// Whether the time to pay is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Whether its stock is kept.
    pub fn is_held(&self) -> bool {
        match self.state {
            CheckoutState::Open { held } => held,
            CheckoutState::Opening { .. } | CheckoutState::Completing { .. } => true,
            CheckoutState::Undoing { .. }
            | CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => false,
        }
    }

    /// When a reconciler must look at it; `None` once nothing can change any more.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            CheckoutState::Opening { lease_until }
            | CheckoutState::Completing { lease_until, .. }
            | CheckoutState::Undoing { lease_until, .. } => Some(*lease_until),
            CheckoutState::Open { .. } => Some(self.expires_at),
            CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => None,
        }
    }

    /// Whether someone is at work on it at `now`.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        match &self.state {
            CheckoutState::Opening { lease_until }
            | CheckoutState::Completing { lease_until, .. }
            | CheckoutState::Undoing { lease_until, .. } => now < *lease_until,
            CheckoutState::Open { .. }
            | CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => false,
        }
    }

    /// The payment that is on its way or made.
    pub fn attempt(&self) -> Option<&Attempt> {
        match &self.state {
            CheckoutState::Completing { attempt, .. } | CheckoutState::Completed { attempt } => {
                Some(attempt)
            }
            CheckoutState::Undoing { attempt, .. } => attempt.as_ref(),
            CheckoutState::Opening { .. }
            | CheckoutState::Open { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => None,
        }
    }

    /// The payment as the buyer sees it.
    pub fn payment(&self) -> Option<(PaymentId, PaymentState)> {
        match &self.state {
            CheckoutState::Completing { attempt, awaiting_action, .. } => {
                let state = match awaiting_action {
                    true => PaymentState::RequiresAction,
                    false => PaymentState::Pending,
                };
                Some((attempt.payment, state))
            }
            CheckoutState::Completed { attempt } => Some((attempt.payment, PaymentState::Captured)),
            CheckoutState::Opening { .. }
            | CheckoutState::Open { .. }
            | CheckoutState::Undoing { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => None,
        }
    }

    /// What `attempt` asks of its provider.
    pub fn payment_request(&self, attempt: &Attempt) -> PaymentRequest {
        PaymentRequest {
            payment: attempt.payment,
            account: self.buyer,
            order: attempt.order,
            amount: self.totals.grand_total,
            method: attempt.method.clone(),
        }
    }

    /// The next version in another state.
    #[must_use]
    pub fn moved(mut self, state: CheckoutState) -> Self {
        self.state = state;
        self.version += 1;
        self
    }

    /// The next version, in which every running key has its answer.
    #[must_use]
    pub fn answered(mut self, state: CheckoutState, outcome: &CompletionOutcome) -> Self {
        for completion in &mut self.completions {
            completion.outcome.get_or_insert_with(|| outcome.clone());
        }
        self.moved(state)
    }

    /// Open again after a refused try, with a full time to choose another method.
    #[must_use]
    pub fn reopened(mut self, refusal: Refusal, now: Timestamp) -> Self {
        self.expires_at = now.plus_ms(HOLD_TTL_MS);
        self.answered(CheckoutState::Open { held: false }, &CompletionOutcome::Refused(refusal))
    }

    /// The answer that opened it: what the first response showed, whatever happened since.
    #[must_use]
    pub fn as_opened(&self) -> Self {
        Self {
            state: CheckoutState::Open { held: true },
            expires_at: self.created_at.plus_ms(HOLD_TTL_MS),
            ..self.clone()
        }
    }

    /// The memory of a key of `complete`.
    pub fn completion(&self, key: u128) -> Option<&Completion> {
        self.completions.iter().find(|completion| completion.key == key)
    }
}

/// The units per variant, in variant order: two lines of one variant are one demand.
pub fn demand_of(lines: &[Line]) -> Vec<Demand> {
    let mut demand: Vec<Demand> = lines
        .iter()
        .map(|line| Demand { variant: line.variant, units: line.quantity, round: 0 })
        .collect();
    demand.sort_by_key(|one| one.variant);
    demand.dedup_by(|next, first| {
        let same = next.variant == first.variant;
        if same {
            first.units += next.units; // LINES_PER_CHECKOUT_MAX · UNITS_PER_LINE_MAX fits.
        }
        same
    });
    demand
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;
    use crate::domain::order::fixtures::line;

    fn checkout(state: CheckoutState) -> Checkout {
        let lines = vec![line(1, 100, 1)];
        Checkout {
            id: CheckoutId::from_bits(1),
            buyer: AccountId::from_bits(1),
            created_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH.plus_ms(HOLD_TTL_MS),
            state,
            demand: demand_of(&lines),
            totals: Totals::of(&lines, Money::new(1, Currency::USD), 0).unwrap(),
            lines,
            email: "a@b.example".into(),
            shipping_address: Address {
                name: "A".into(),
                line1: "B".into(),
                line2: None,
                city: "C".into(),
                region: None,
                postal_code: "1".into(),
                country: "US".into(),
            },
            shipping_option: "standard".into(),
            fingerprint: [0; 32],
            completions: vec![Completion { key: 1, fingerprint: [1; 32], outcome: None }],
            cancel: None,
            version: 3,
        }
    }

    #[test]
    fn demand_is_summed_per_variant_in_order() {
        let mut other = line(1, 100, 5);
        other.variant = VariantId::from_bits(1);
        let demand = demand_of(&[line(1, 100, 2), other, line(1, 100, 3)]);
        let seen: Vec<(u128, u32)> =
            demand.iter().map(|one| (one.variant.bits(), one.units)).collect();
        assert_eq!(seen, [(1, 5), (2, 5)]);
    }

    #[test]
    fn an_open_checkout_is_over_at_its_end_but_a_paying_one_is_not() {
        let end = Timestamp::EPOCH.plus_ms(HOLD_TTL_MS);
        let open = checkout(CheckoutState::Open { held: true });
        assert_eq!(open.status(end.plus_ms(-1)), Some(CheckoutStatus::Open));
        assert_eq!(open.status(end), Some(CheckoutStatus::Expired));
        let undoing =
            CheckoutState::Undoing { attempt: None, end: UndoEnd::Cancel, lease_until: end };
        assert_eq!(checkout(undoing).status(end), Some(CheckoutStatus::Open));
    }

    #[test]
    fn a_refused_try_answers_its_key_once_and_leaves_time_for_another() {
        let now = Timestamp::from_unix_ms(5);
        let refusal = Refusal::Declined(DeclineReason::Declined);
        let open = checkout(CheckoutState::Open { held: true }).reopened(refusal.clone(), now);
        assert_eq!(open.version, 4);
        assert_eq!(open.expires_at, now.plus_ms(HOLD_TTL_MS));
        let first = CompletionOutcome::Refused(refusal);
        assert_eq!(open.completion(1).unwrap().outcome.as_ref(), Some(&first));
        let later = open.answered(CheckoutState::Canceled, &CompletionOutcome::Placed);
        assert_eq!(later.completion(1).unwrap().outcome.as_ref(), Some(&first));
        assert_eq!(later.due_at(), None);
    }
}
