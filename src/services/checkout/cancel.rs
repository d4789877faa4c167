//! Giving a checkout up.

use crate::domain::checkout::Checkout;
use crate::domain::id::{AccountId, CheckoutId};
use crate::domain::limits::CONFLICT_RETRIES_MAX;
use crate::ports::error::StoreError;
use crate::services::checkout::next::{Keyed, Next, to_cancel};
use crate::services::checkout::{CheckoutError, Checkouts, Rest};
use crate::services::idempotency::{Replayable, RequestKey};

impl Checkouts {
    /// Gives the stock back, and the money of a payment that waits for its buyer.
    pub async fn cancel(
        &self,
        buyer: AccountId,
        id: CheckoutId,
        key: &RequestKey,
    ) -> Result<Replayable<Checkout>, CheckoutError> {
        let route = format!("POST /v1/checkouts/{id}/cancel");
        let keyed = Keyed {
            key: key.digest(self.ports.signer.as_ref(), buyer, &route),
            fingerprint: key.fingerprint,
        };
        for _ in 0..CONFLICT_RETRIES_MAX {
            let row = self.get(buyer, id).await?;
            let (next, ours) = match to_cancel(&row, keyed, self.now(), self.lease())? {
                Next::Canceled { replayed } => return Ok(Replayable { value: row, replayed }),
                Next::Resume(next) | Next::Start(next) => (next, true),
                Next::Settle(next) => (next, false),
                Next::Replay(_) => return Err(CheckoutError::InProgress),
            };
            match self.save(&next).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            }
            match self.drive(next, false).await? {
                Rest::Canceled(row) if ours => return Ok(Replayable::first(*row)),
                Rest::Canceled(_)
                | Rest::Placed(..)
                | Rest::AwaitingAction(_)
                | Rest::Opened(_)
                | Rest::Refused(_)
                | Rest::Expired => {}
            }
        }
        Err(CheckoutError::InProgress)
    }
}
