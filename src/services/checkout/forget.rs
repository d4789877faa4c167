//! What a reconciler asks for once nobody comes back to a purchase: its memory goes, its order stays.

use crate::domain::checkout::Demand;
use crate::domain::limits::CHECKOUT_MEMORY_MS;
use crate::ports::error::StoreError;
use crate::services::checkout::Checkouts;

impl Checkouts {
    /// Forgets at most `limit` checkouts that are long over, with the keys that they remember and their
    /// holds; answers how many.
    pub async fn forget_finished(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.now().plus_ms(-CHECKOUT_MEMORY_MS);
        let mut gone = 0;
        for id in self.ports.checkouts.finished(before, limit).await? {
            let Some(row) = self.ports.checkouts.get(id).await? else { continue };
            // Holds first: their ids follow from the checkout's key. If that were used anew, a hold that
            // was left would be taken for the new purchase's own.
            let mut left = false;
            for demand in &row.demand {
                for round in 0..=demand.round {
                    let hold = self.hold_id(id, &Demand { round, ..*demand });
                    left |= !self.ports.inventory.forget_hold(demand.variant, hold).await?;
                }
            }
            if left {
                continue; // It has still to expire.
            }
            match self.ports.checkouts.forget(&row).await {
                Ok(()) => gone += 1,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }
}
