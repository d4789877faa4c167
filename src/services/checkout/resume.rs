//! What reconcilers ask for: go on where a request fell silent, and end what nobody paid.

use crate::domain::checkout::{Checkout, CheckoutState, UndoEnd};
use crate::domain::id::CheckoutId;
use crate::domain::limits::{CHECKOUT_LEASE_MS, PAYMENT_POLL_MS};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::services::checkout::next::taken_over;
use crate::services::checkout::{CheckoutError, Checkouts};

/// What became of a batch of due checkouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Swept {
    /// Due in all, whichever kind.
    pub seen: usize,
    /// Moved on.
    pub changed: usize,
}

impl Checkouts {
    /// Ends open checkouts whose time is over, and finishes or ends those that never opened. Looks at
    /// `limit` due checkouts at most.
    pub async fn expire_due(&self, limit: usize) -> Result<Swept, StoreError> {
        self.sweep(limit, |row, now| match &row.state {
            CheckoutState::Open { .. } => {
                let end = UndoEnd::Expire;
                let lease_until = now.plus_ms(CHECKOUT_LEASE_MS);
                let state = CheckoutState::Undoing { attempt: None, end, lease_until };
                Some(row.clone().moved(state))
            }
            CheckoutState::Opening { .. } => Some(taken_over(row, now.plus_ms(CHECKOUT_LEASE_MS))),
            CheckoutState::Completing { .. }
            | CheckoutState::Undoing { .. }
            | CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => None,
        })
        .await
    }

    /// Finds out what became of payments, and finishes or undoes what a crash left. Looks at `limit`
    /// due checkouts at most.
    pub async fn resume_due(&self, limit: usize) -> Result<Swept, StoreError> {
        self.sweep(limit, |row, now| match &row.state {
            CheckoutState::Completing { .. } | CheckoutState::Undoing { .. } => {
                Some(taken_over(row, now.plus_ms(CHECKOUT_LEASE_MS)))
            }
            CheckoutState::Opening { .. }
            | CheckoutState::Open { .. }
            | CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled
            | CheckoutState::Refused(_) => None,
        })
        .await
    }

    async fn sweep(
        &self,
        limit: usize,
        claim: impl Fn(&Checkout, Timestamp) -> Option<Checkout>,
    ) -> Result<Swept, StoreError> {
        let due = self.ports.checkouts.due(self.now(), limit).await?;
        let mut swept = Swept { seen: due.len(), changed: 0 };
        for id in due {
            let now = self.now();
            let Some(row) = self.ports.checkouts.get(id).await? else { continue };
            if row.due_at().is_none_or(|due_at| due_at > now) {
                continue; // It moved on since the list was read.
            }
            let Some(next) = claim(&row, now) else { continue };
            match self.save(&next).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error),
            }
            if self.resumed(id, next).await? {
                swept.changed += 1;
            }
        }
        Ok(swept)
    }

    /// Whether the row came to rest. One that did not is looked at again after a while, so that a
    /// silent provider does not keep the others waiting.
    async fn resumed(&self, id: CheckoutId, row: Checkout) -> Result<bool, StoreError> {
        match self.drive(row, false).await {
            Ok(_) => Ok(true),
            Err(CheckoutError::Store(error @ StoreError::Unavailable(_))) => Err(error),
            // One bad row must not keep the others waiting.
            Err(error) => {
                tracing::info!(checkout = %id, %error, "a checkout does not come to rest yet");
                let later = self.now().plus_ms(PAYMENT_POLL_MS);
                if let Some(row) = self.ports.checkouts.get(id).await?
                    && !row.is_leased(self.now())
                    && row.attempt().is_some()
                    && row.due_at().is_some()
                {
                    // A conflict means that someone went on: all the better.
                    drop(self.ports.checkouts.put(&taken_over(&row, later)).await);
                }
                Ok(false)
            }
        }
    }
}
