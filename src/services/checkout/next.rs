//! What a request to complete or cancel means for a row: pure decisions, one table each.

use crate::domain::checkout::{
    Attempt, CancelKey, Checkout, CheckoutState, CheckoutStatus, Completion, CompletionOutcome,
    Fingerprint, Refusal, UndoEnd,
};
use crate::domain::limits::COMPLETIONS_PER_CHECKOUT_MAX;
use crate::domain::payment::DeclineReason;
use crate::domain::time::Timestamp;
use crate::services::checkout::CheckoutError;

/// What to do next.
pub(super) enum Next {
    /// The key's first request was answered like this.
    Replay(CompletionOutcome),
    /// Save this row, then pay; the payment was never asked for.
    Start(Checkout),
    /// Save this row, then go on with what an earlier request left.
    Resume(Checkout),
    /// As [`Self::Resume`], and look at the row again afterwards: it was another request's.
    Settle(Checkout),
    /// It is canceled already.
    Canceled {
        /// By this very key.
        replayed: bool,
    },
}

/// A request's key with the digest of its body.
#[derive(Clone, Copy)]
pub(super) struct Keyed {
    pub(super) key: u128,
    pub(super) fingerprint: Fingerprint,
}

/// The same row under a new lease: the one who held it fell silent.
pub(super) fn taken_over(row: &Checkout, lease_until: Timestamp) -> Checkout {
    let state = match row.state.clone() {
        CheckoutState::Opening { .. } => CheckoutState::Opening { lease_until },
        CheckoutState::Completing { attempt, .. } => {
            CheckoutState::Completing { attempt, awaiting_action: false, lease_until }
        }
        CheckoutState::Undoing { attempt, end, .. } => {
            CheckoutState::Undoing { attempt, end, lease_until }
        }
        // These hold no lease; nobody is at work on them.
        CheckoutState::Open { held } => CheckoutState::Open { held },
        CheckoutState::Completed { attempt } => CheckoutState::Completed { attempt },
        CheckoutState::Expired => CheckoutState::Expired,
        CheckoutState::Canceled => CheckoutState::Canceled,
        CheckoutState::Refused(refusal) => CheckoutState::Refused(refusal),
    };
    row.clone().moved(state)
}

/// What `complete` with this key and this attempt means for `row`.
pub(super) fn to_complete(
    row: &Checkout,
    keyed: Keyed,
    attempt: Attempt,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Next, CheckoutError> {
    let known = row.completion(keyed.key);
    if let Some(known) = known {
        if known.fingerprint != keyed.fingerprint {
            return Err(CheckoutError::KeyReused);
        }
        if let Some(outcome) = &known.outcome {
            return Ok(Next::Replay(outcome.clone()));
        }
    }
    let busy = || row.is_leased(now);
    match &row.state {
        CheckoutState::Opening { .. } | CheckoutState::Refused(_) => Err(CheckoutError::NotFound),
        CheckoutState::Open { .. } if row.is_over(now) => Err(CheckoutError::Expired),
        CheckoutState::Open { held } => {
            let mut row = with_key(row, keyed)?;
            if !held {
                row.demand.iter_mut().for_each(|demand| demand.round += 1);
            }
            let state = CheckoutState::Completing { attempt, awaiting_action: false, lease_until };
            Ok(Next::Start(row.moved(state)))
        }
        CheckoutState::Completing { attempt: first, awaiting_action: true, .. } => {
            if (&first.provider, &first.method) == (&attempt.provider, &attempt.method) {
                let row = with_key(row, keyed)?;
                return Ok(Next::Resume(taken_over(&row, lease_until)));
            }
            let end = UndoEnd::Reopen(Refusal::Declined(DeclineReason::Superseded));
            let state = CheckoutState::Undoing { attempt: Some(first.clone()), end, lease_until };
            Ok(Next::Settle(row.clone().moved(state)))
        }
        CheckoutState::Completing { .. } | CheckoutState::Undoing { .. } if busy() => {
            Err(CheckoutError::InProgress)
        }
        CheckoutState::Completing { .. } | CheckoutState::Undoing { .. } => {
            let next = taken_over(row, lease_until);
            Ok(if known.is_some() { Next::Resume(next) } else { Next::Settle(next) })
        }
        CheckoutState::Completed { .. } => Err(CheckoutError::Closed(CheckoutStatus::Completed)),
        CheckoutState::Expired => Err(CheckoutError::Expired),
        CheckoutState::Canceled => Err(CheckoutError::Closed(CheckoutStatus::Canceled)),
    }
}

fn with_key(row: &Checkout, keyed: Keyed) -> Result<Checkout, CheckoutError> {
    let mut row = row.clone();
    if row.completion(keyed.key).is_none() {
        if row.completions.len() >= COMPLETIONS_PER_CHECKOUT_MAX {
            return Err(CheckoutError::TooMany(
                "this checkout was tried too often: open a new one",
            ));
        }
        let Keyed { key, fingerprint } = keyed;
        row.completions.push(Completion { key, fingerprint, outcome: None });
    }
    Ok(row)
}

/// What `cancel` with this key means for `row`.
pub(super) fn to_cancel(
    row: &Checkout,
    keyed: Keyed,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Next, CheckoutError> {
    let same = row.cancel.is_some_and(|cancel| cancel.key == keyed.key);
    if row.cancel.is_some_and(|cancel| same && cancel.fingerprint != keyed.fingerprint) {
        return Err(CheckoutError::KeyReused);
    }
    let undoing = |attempt: Option<Attempt>| {
        let mut row = row.clone();
        row.cancel = Some(CancelKey { key: keyed.key, fingerprint: keyed.fingerprint });
        row.moved(CheckoutState::Undoing { attempt, end: UndoEnd::Cancel, lease_until })
    };
    match &row.state {
        CheckoutState::Opening { .. } | CheckoutState::Refused(_) => Err(CheckoutError::NotFound),
        CheckoutState::Open { .. } if row.is_over(now) => Err(CheckoutError::Expired),
        CheckoutState::Open { .. } => Ok(Next::Resume(undoing(None))),
        CheckoutState::Completing { attempt, awaiting_action: true, .. } => {
            Ok(Next::Resume(undoing(Some(attempt.clone()))))
        }
        CheckoutState::Completing { .. } | CheckoutState::Undoing { .. } if row.is_leased(now) => {
            Err(CheckoutError::InProgress)
        }
        CheckoutState::Undoing { end: UndoEnd::Cancel, .. } if same => {
            Ok(Next::Resume(taken_over(row, lease_until)))
        }
        CheckoutState::Completing { .. } | CheckoutState::Undoing { .. } => {
            Ok(Next::Settle(taken_over(row, lease_until)))
        }
        CheckoutState::Completed { .. } => Err(CheckoutError::Closed(CheckoutStatus::Completed)),
        CheckoutState::Expired => Err(CheckoutError::Expired),
        CheckoutState::Canceled => Ok(Next::Canceled { replayed: same }),
    }
}
