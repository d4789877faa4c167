//! The steps over stock: hold, post, give back. Each is idempotent by the hold's id.

use futures_util::future::{join_all, try_join_all};

use crate::domain::change::Change;
use crate::domain::checkout::{Checkout, Demand, Refusal};
use crate::domain::id::{CheckoutId, HoldId};
use crate::domain::limits::HOLD_TTL_MS;
use crate::domain::stock::{Hold, HoldEvent, HoldRefusal, HoldState};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::inventory::{HoldAnswer, StockChange};
use crate::services::checkout::Checkouts;

/// What became of a request to hold all that a checkout needs.
pub(super) enum Holding {
    /// All is held; these products changed their word.
    Held(Vec<Change>),
    /// Something is missing; what was taken is back.
    Refused(Refusal),
    /// A hold of this round ended before.
    Lost,
}

impl Checkouts {
    /// The hold of one demand in its present round.
    pub(super) fn hold_id(&self, checkout: CheckoutId, demand: &Demand) -> HoldId {
        let parts: [&[u8]; 4] = [
            b"hold",
            &checkout.bits().to_be_bytes(),
            &demand.variant.bits().to_be_bytes(),
            &demand.round.to_be_bytes(),
        ];
        HoldId::derived(self.ports.signer.derive(&parts))
    }

    /// Holds `wanted`, which is in variant order, so that two checkouts never wait for each other's
    /// leftovers in a circle.
    pub(super) async fn hold_all(
        &self,
        row: &Checkout,
        wanted: &[Demand],
        until: Timestamp,
    ) -> Result<Holding, StoreError> {
        let mut changes = Vec::new();
        for (index, demand) in wanted.iter().enumerate() {
            let hold = Hold {
                id: self.hold_id(row.id, demand),
                variant: demand.variant,
                checkout: row.id,
                units: demand.units,
                expires_at: until,
            };
            match self.hold_one(&hold).await? {
                HoldAnswer::Stands(HoldState::Pending | HoldState::Posted, change) => {
                    note(&mut changes, row, demand, &change);
                }
                HoldAnswer::Stands(HoldState::Released | HoldState::Expired, _) => {
                    return Ok(Holding::Lost);
                }
                HoldAnswer::Refused(refusal) => {
                    self.release(row, &wanted[..index]).await?;
                    let available = match refusal {
                        HoldRefusal::OutOfStock { available } => available,
                        HoldRefusal::TooManyHolds => {
                            return Err(StoreError::unavailable("too many buyers hold it at once"));
                        }
                    };
                    let variant = demand.variant;
                    return Ok(Holding::Refused(Refusal::OutOfStock { variant, available }));
                }
                HoldAnswer::HeldDifferently => {
                    return Err(StoreError::Corrupt {
                        table: "holds",
                        key: hold.id.to_string(),
                        detail: "the hold is another one's".to_owned(),
                    });
                }
            }
        }
        Ok(Holding::Held(changes))
    }

    async fn hold_one(&self, hold: &Hold) -> Result<HoldAnswer, StoreError> {
        match self.ports.inventory.hold(hold).await {
            // The hold's id is in the partition: asking again finds out what happened.
            Err(StoreError::OutcomeUnknown(_)) => self.ports.inventory.hold(hold).await,
            answer => answer,
        }
    }

    async fn settle_one(
        &self,
        row: &Checkout,
        demand: &Demand,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError> {
        let id = self.hold_id(row.id, demand);
        match self.ports.inventory.settle(demand.variant, id, event).await {
            Err(StoreError::OutcomeUnknown(_)) => {
                self.ports.inventory.settle(demand.variant, id, event).await
            }
            answer => answer,
        }
    }

    /// Turns the holds into sales. Answers the demands whose hold is gone; empty when all is sold.
    pub(super) async fn post_all(&self, row: &Checkout) -> Result<Vec<Demand>, StoreError> {
        let steps = row.demand.iter().map(|demand| self.settle_one(row, demand, HoldEvent::Post));
        let settled = try_join_all(steps).await?;
        let lost = row.demand.iter().zip(settled).filter(|(_, settled)| {
            !settled.as_ref().is_some_and(|(state, _)| *state == HoldState::Posted)
        });
        Ok(lost.map(|(demand, _)| *demand).collect())
    }

    /// Gives back what the present round holds or sold, and tells the feed.
    pub(super) async fn release(
        &self,
        row: &Checkout,
        demands: &[Demand],
    ) -> Result<(), StoreError> {
        let steps = demands.iter().map(|demand| self.settle_one(row, demand, HoldEvent::Release));
        let mut changes = Vec::new();
        for (demand, settled) in demands.iter().zip(join_all(steps).await) {
            if let Some((_, change)) = settled? {
                note(&mut changes, row, demand, &change);
            }
        }
        self.announce(&changes).await;
        Ok(())
    }

    /// When a hold that is taken now ends.
    pub(super) fn hold_until(&self) -> Timestamp {
        self.now().plus_ms(HOLD_TTL_MS)
    }
}

fn note(changes: &mut Vec<Change>, row: &Checkout, demand: &Demand, change: &StockChange) {
    let line = row.lines.iter().find(|line| line.variant == demand.variant);
    if let Some(line) = line.filter(|_| change.crossed()) {
        changes.push(Change::StockChanged(line.product));
    }
}
