//! Payments: what is asked of a provider, and the closed set of what it may answer.

use crate::domain::id::{AccountId, OrderId, PaymentId};
use crate::domain::money::Money;

/// What is asked of a provider. The payment's id is the provider's idempotency key: the same request
/// sent twice is one payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentRequest {
    /// Who it is.
    pub payment: PaymentId,
    /// Who pays.
    pub account: AccountId,
    /// The order that will be placed; its id exists before anything is charged.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// The provider's name for the buyer's means of payment; never card data.
    pub method: String,
}

/// Why no money came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeclineReason {
    /// The bank said no.
    Declined,
    /// The buyer failed or refused the bank's challenge.
    ChallengeRefused,
    /// The provider spoke of another amount than was asked: nothing is taken on such a word.
    AmountMismatch,
    /// The buyer chose another method while this one waited.
    Superseded,
    /// The authorization could not be turned into money.
    CaptureRefused,
}

impl DeclineReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::Declined,
        Self::ChallengeRefused,
        Self::AmountMismatch,
        Self::Superseded,
        Self::CaptureRefused,
    ];

    /// A stable word for stores and clients.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::ChallengeRefused => "challenge_refused",
            Self::AmountMismatch => "amount_mismatch",
            Self::Superseded => "superseded",
            Self::CaptureRefused => "capture_refused",
        }
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// A sentence for the buyer.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Declined => "the payment method was declined; try another one",
            Self::ChallengeRefused => "the bank's challenge was not passed; try again",
            Self::AmountMismatch => "the provider answered for another amount; nothing was charged",
            Self::Superseded => "another payment method was chosen",
            Self::CaptureRefused => "the payment could not be captured; nothing was charged",
        }
    }
}

/// The answer to a request to reserve money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authorization {
    /// So much is reserved.
    Authorized {
        /// The amount as the provider echoes it.
        amount: Money,
    },
    /// Nothing is reserved, and this payment never will be.
    Declined(DeclineReason),
    /// The buyer must do something at the bank first.
    RequiresAction,
    /// It may or may not have happened: look the payment up later.
    Unknown,
}

impl Authorization {
    /// This answer, unless it speaks of another amount or currency than was asked: then it counts as
    /// declined, and the caller must void it.
    #[must_use]
    pub fn checked(self, request: &PaymentRequest) -> Self {
        match self {
            Self::Authorized { amount } if amount != request.amount => {
                Self::Declined(DeclineReason::AmountMismatch)
            }
            Self::Authorized { .. } | Self::Declined(_) | Self::RequiresAction | Self::Unknown => {
                self
            }
        }
    }
}

/// What a provider knows of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// The request arrived, with this answer.
    Found(Authorization),
    /// The request never arrived.
    Absent,
}

/// The answer to turning a reservation into money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capture {
    /// The money is ours.
    Captured {
        /// The amount as the provider echoes it.
        amount: Money,
    },
    /// It is not, and never will be under this payment.
    Refused,
    /// It may or may not be; ask again with the same payment.
    Unknown,
}

/// The answer to giving money back, whether it was reserved or taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Void {
    /// The buyer has it all.
    Voided,
    /// Not known; ask again with the same payment.
    Unknown,
}

/// Where a payment stands, as buyers see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaymentState {
    /// Asked for; the outcome is not known yet.
    Pending,
    /// Waits for the buyer.
    RequiresAction,
    /// Paid.
    Captured,
}

impl PaymentState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Captured => "captured",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn another_amount_or_currency_is_no_payment() {
        let request = PaymentRequest {
            payment: PaymentId::from_bits(1),
            account: AccountId::from_bits(1),
            order: OrderId::from_bits(1),
            amount: Money::new(500, Currency::USD),
            method: "pm_approve".into(),
        };
        let right = Authorization::Authorized { amount: Money::new(500, Currency::USD) };
        assert_eq!(right.checked(&request), right);
        for amount in [Money::new(499, Currency::USD), Money::new(500, "EUR".parse().unwrap())] {
            assert_eq!(
                Authorization::Authorized { amount }.checked(&request),
                Authorization::Declined(DeclineReason::AmountMismatch)
            );
        }
    }
}
