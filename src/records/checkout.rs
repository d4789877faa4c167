//! Checkouts.

use serde::{Deserialize, Serialize};

use crate::domain::checkout::{
    Attempt, CancelKey, Checkout, CheckoutState, Completion, CompletionOutcome, Demand,
    Fingerprint, Refusal, UndoEnd,
};
use crate::domain::id::{AccountId, CheckoutId, OrderId, PaymentId, VariantId};
use crate::domain::money::Money;
use crate::domain::order::Address;
use crate::domain::payment::DeclineReason;
use crate::domain::time::Timestamp;
use crate::records::order_parts::{AddressRow, LineRow, TotalsRow, line, totals};
use crate::records::{Damaged, currency, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    buyer: u128,
    created_at_ms: i64,
    expires_at_ms: i64,
    state: StateRow,
    lines: Vec<LineRow>,
    demand: Vec<(u128, u32, u32)>,
    totals: TotalsRow,
    email: String,
    shipping_address: AddressRow,
    shipping_option: String,
    fingerprint: Fingerprint,
    completions: Vec<CompletionRow>,
    cancel: Option<(u128, Fingerprint)>,
}

#[derive(Serialize, Deserialize)]
struct AttemptRow {
    order: u128,
    payment: u128,
    provider: String,
    method: String,
    started_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
enum StateRow {
    Opening { lease_until_ms: i64 },
    Open { held: bool },
    Completing { attempt: AttemptRow, awaiting_action: bool, lease_until_ms: i64 },
    Undoing { attempt: Option<AttemptRow>, end: UndoEndRow, lease_until_ms: i64 },
    Completed { attempt: AttemptRow },
    Expired,
    Canceled,
    Refused(RefusalRow),
}

#[derive(Serialize, Deserialize)]
enum UndoEndRow {
    Reopen(RefusalRow),
    Cancel,
    Expire,
}

#[derive(Serialize, Deserialize)]
enum RefusalRow {
    OutOfStock { variant: u128, available: u32 },
    PriceChanged { variant: u128, minor: i64, currency: String, quote: String },
    Declined(String),
}

#[derive(Serialize, Deserialize)]
enum OutcomeRow {
    Placed,
    Refused(RefusalRow),
    Closed,
}

#[derive(Serialize, Deserialize)]
struct CompletionRow {
    key: u128,
    fingerprint: Fingerprint,
    outcome: Option<OutcomeRow>,
}

impl From<&Attempt> for AttemptRow {
    fn from(attempt: &Attempt) -> Self {
        Self {
            order: attempt.order.bits(),
            payment: attempt.payment.bits(),
            provider: attempt.provider.clone(),
            method: attempt.method.clone(),
            started_at_ms: attempt.started_at.unix_ms(),
        }
    }
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            order: OrderId::from_bits(row.order),
            payment: PaymentId::from_bits(row.payment),
            provider: row.provider,
            method: row.method,
            started_at: Timestamp::from_unix_ms(row.started_at_ms),
        }
    }
}

impl From<&Refusal> for RefusalRow {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::OutOfStock { variant, available } => {
                Self::OutOfStock { variant: variant.bits(), available: *available }
            }
            Refusal::PriceChanged { variant, price, quote } => Self::PriceChanged {
                variant: variant.bits(),
                minor: price.minor(),
                currency: price.currency().code().to_owned(),
                quote: quote.clone(),
            },
            Refusal::Declined(reason) => Self::Declined(reason.as_str().to_owned()),
        }
    }
}

fn refusal(row: RefusalRow) -> Result<Refusal, Damaged> {
    Ok(match row {
        RefusalRow::OutOfStock { variant, available } => {
            Refusal::OutOfStock { variant: VariantId::from_bits(variant), available }
        }
        RefusalRow::PriceChanged { variant, minor, currency, quote } => {
            let price = Money::new(minor, self::currency(&currency)?);
            Refusal::PriceChanged { variant: VariantId::from_bits(variant), price, quote }
        }
        RefusalRow::Declined(word) => Refusal::Declined(
            DeclineReason::from_word(&word)
                .ok_or_else(|| Damaged::new(format!("decline `{word}`")))?,
        ),
    })
}

impl From<&CheckoutState> for StateRow {
    fn from(state: &CheckoutState) -> Self {
        match state {
            CheckoutState::Opening { lease_until } => {
                Self::Opening { lease_until_ms: lease_until.unix_ms() }
            }
            CheckoutState::Open { held } => Self::Open { held: *held },
            CheckoutState::Completing { attempt, awaiting_action, lease_until } => {
                Self::Completing {
                    attempt: attempt.into(),
                    awaiting_action: *awaiting_action,
                    lease_until_ms: lease_until.unix_ms(),
                }
            }
            CheckoutState::Undoing { attempt, end, lease_until } => Self::Undoing {
                attempt: attempt.as_ref().map(AttemptRow::from),
                end: match end {
                    UndoEnd::Reopen(refusal) => UndoEndRow::Reopen(refusal.into()),
                    UndoEnd::Cancel => UndoEndRow::Cancel,
                    UndoEnd::Expire => UndoEndRow::Expire,
                },
                lease_until_ms: lease_until.unix_ms(),
            },
            CheckoutState::Completed { attempt } => Self::Completed { attempt: attempt.into() },
            CheckoutState::Expired => Self::Expired,
            CheckoutState::Canceled => Self::Canceled,
            CheckoutState::Refused(refusal) => Self::Refused(refusal.into()),
        }
    }
}

fn state(row: StateRow) -> Result<CheckoutState, Damaged> {
    Ok(match row {
        StateRow::Opening { lease_until_ms } => {
            CheckoutState::Opening { lease_until: Timestamp::from_unix_ms(lease_until_ms) }
        }
        StateRow::Open { held } => CheckoutState::Open { held },
        StateRow::Completing { attempt, awaiting_action, lease_until_ms } => {
            CheckoutState::Completing {
                attempt: attempt.into(),
                awaiting_action,
                lease_until: Timestamp::from_unix_ms(lease_until_ms),
            }
        }
        StateRow::Undoing { attempt, end, lease_until_ms } => CheckoutState::Undoing {
            attempt: attempt.map(Attempt::from),
            end: match end {
                UndoEndRow::Reopen(row) => UndoEnd::Reopen(refusal(row)?),
                UndoEndRow::Cancel => UndoEnd::Cancel,
                UndoEndRow::Expire => UndoEnd::Expire,
            },
            lease_until: Timestamp::from_unix_ms(lease_until_ms),
        },
        StateRow::Completed { attempt } => CheckoutState::Completed { attempt: attempt.into() },
        StateRow::Expired => CheckoutState::Expired,
        StateRow::Canceled => CheckoutState::Canceled,
        StateRow::Refused(row) => CheckoutState::Refused(refusal(row)?),
    })
}

impl From<&Completion> for CompletionRow {
    fn from(completion: &Completion) -> Self {
        let outcome = completion.outcome.as_ref().map(|outcome| match outcome {
            CompletionOutcome::Placed => OutcomeRow::Placed,
            CompletionOutcome::Refused(refusal) => OutcomeRow::Refused(refusal.into()),
            CompletionOutcome::Closed => OutcomeRow::Closed,
        });
        Self { key: completion.key, fingerprint: completion.fingerprint, outcome }
    }
}

fn completion(row: CompletionRow) -> Result<Completion, Damaged> {
    let outcome = row.outcome.map(|outcome| {
        Ok::<_, Damaged>(match outcome {
            OutcomeRow::Placed => CompletionOutcome::Placed,
            OutcomeRow::Refused(row) => CompletionOutcome::Refused(refusal(row)?),
            OutcomeRow::Closed => CompletionOutcome::Closed,
        })
    });
    Ok(Completion { key: row.key, fingerprint: row.fingerprint, outcome: outcome.transpose()? })
}

impl From<&Checkout> for Row {
    fn from(checkout: &Checkout) -> Self {
        Self {
            buyer: checkout.buyer.bits(),
            created_at_ms: checkout.created_at.unix_ms(),
            expires_at_ms: checkout.expires_at.unix_ms(),
            state: StateRow::from(&checkout.state),
            lines: checkout.lines.iter().map(LineRow::from).collect(),
            demand: checkout
                .demand
                .iter()
                .map(|one| (one.variant.bits(), one.units, one.round))
                .collect(),
            totals: TotalsRow::from(&checkout.totals),
            email: checkout.email.clone(),
            shipping_address: AddressRow::from(&checkout.shipping_address),
            shipping_option: checkout.shipping_option.clone(),
            fingerprint: checkout.fingerprint,
            completions: checkout.completions.iter().map(CompletionRow::from).collect(),
            cancel: checkout.cancel.map(|cancel| (cancel.key, cancel.fingerprint)),
        }
    }
}

/// The bytes of `checkout` without its id and version, which a store's condition needs beside them.
pub fn encode(checkout: &Checkout) -> Vec<u8> {
    to_bytes(&Row::from(checkout))
}

/// The checkout that these bytes are.
pub fn decode(id: CheckoutId, version: u64, bytes: &[u8]) -> Result<Checkout, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let (totals, currency) = totals(&row.totals)?;
    let demand =
        |(variant, units, round)| Demand { variant: VariantId::from_bits(variant), units, round };
    Ok(Checkout {
        id,
        buyer: AccountId::from_bits(row.buyer),
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        expires_at: Timestamp::from_unix_ms(row.expires_at_ms),
        state: state(row.state)?,
        lines: row.lines.into_iter().map(|row| line(row, currency)).collect(),
        demand: row.demand.into_iter().map(demand).collect(),
        totals,
        email: row.email,
        shipping_address: Address::from(row.shipping_address),
        shipping_option: row.shipping_option,
        fingerprint: row.fingerprint,
        completions: row.completions.into_iter().map(completion).collect::<Result<_, _>>()?,
        cancel: row.cancel.map(|(key, fingerprint)| CancelKey { key, fingerprint }),
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checkout::demand_of;
    use crate::domain::money::Currency;
    use crate::records::order_parts::tests::{address, lines, sums};
    use crate::records::testing::check;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn attempt() -> Attempt {
        Attempt {
            order: OrderId::from_bits(1),
            payment: PaymentId::from_bits(2),
            provider: "sandbox".into(),
            method: "pm_action".into(),
            started_at: at(3),
        }
    }

    fn checkout(state: CheckoutState, outcome: Option<CompletionOutcome>) -> Checkout {
        let lines = lines();
        Checkout {
            id: CheckoutId::from_bits(1),
            buyer: AccountId::from_bits(2),
            created_at: at(3),
            expires_at: at(600_000),
            state,
            demand: demand_of(&lines),
            totals: sums(),
            lines,
            email: "vera@shop.example".into(),
            shipping_address: address(),
            shipping_option: "express".into(),
            fingerprint: [9; 32],
            cancel: outcome.is_some().then_some(CancelKey { key: 8, fingerprint: [8; 32] }),
            completions: vec![Completion { key: u128::MAX, fingerprint: [7; 32], outcome }],
            version: 4,
        }
    }

    #[test]
    fn every_state_and_outcome_comes_back() {
        let price = Refusal::PriceChanged {
            variant: VariantId::from_bits(1),
            price: Money::new(5, Currency::USD),
            quote: "q".into(),
        };
        let stock = Refusal::OutOfStock { variant: VariantId::from_bits(5), available: 2 };
        let declined = Refusal::Declined(DeclineReason::CaptureRefused);
        let lease_until = at(50);
        let undoing = |end| CheckoutState::Undoing { attempt: Some(attempt()), end, lease_until };
        let completing =
            CheckoutState::Completing { attempt: attempt(), awaiting_action: true, lease_until };
        let timeless = CheckoutState::Undoing { attempt: None, end: UndoEnd::Expire, lease_until };
        let refused = |refusal| Some(CompletionOutcome::Refused(refusal));
        for (pinned, state, outcome) in [
            (0x3ffc_3db7_0da2_c609, CheckoutState::Opening { lease_until }, None),
            (0x14d7_a669_c8af_9e9d, CheckoutState::Open { held: true }, refused(price)),
            (0x76fa_5fae_71b8_c119, completing, refused(stock.clone())),
            (0xcaa3_3645_934e_2548, undoing(UndoEnd::Reopen(declined.clone())), refused(declined)),
            (0xfc8f_5686_9fc3_7c44, undoing(UndoEnd::Cancel), Some(CompletionOutcome::Closed)),
            (0x4fe2_52aa_439a_b84a, timeless, None),
            (
                0x7193_fb83_b18e_fedc,
                CheckoutState::Completed { attempt: attempt() },
                Some(CompletionOutcome::Placed),
            ),
            (0x1b65_9e17_0291_2bf0, CheckoutState::Expired, None),
            (0xb563_04be_18a6_018d, CheckoutState::Canceled, None),
            (0xcf16_c41b_c8ee_16e9, CheckoutState::Refused(stock), None),
        ] {
            let checkout = checkout(state, outcome);
            check(&checkout, &encode(&checkout), pinned, |bytes| decode(checkout.id, 4, bytes));
        }
    }
}
