//! What becomes of holds.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::id::{HoldId, VariantId};
use crate::domain::stock::{Hold, HoldEvent, HoldState, StockLevel};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::inventory::{
    AdjustAnswer, Adjustment, HoldAnswer, InventoryStore, StockAudit, StockChange,
};
use crate::telemetry::figures::Figures;

/// Counts holds; a repeated call that changes nothing is not counted.
pub struct ObservedStock {
    inner: Arc<dyn InventoryStore>,
    figures: Arc<Figures>,
}

impl ObservedStock {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn InventoryStore>, figures: Arc<Figures>) -> Self {
        Self { inner, figures }
    }
}

const fn ended(state: HoldState) -> &'static str {
    match state {
        HoldState::Pending => "held",
        HoldState::Posted => "posted",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl InventoryStore for ObservedStock {
    async fn levels(&self, variants: &[VariantId]) -> Result<Vec<StockLevel>, StoreError> {
        self.inner.levels(variants).await
    }

    async fn hold(&self, hold: &Hold) -> Result<HoldAnswer, StoreError> {
        let answer = self.inner.hold(hold).await?;
        match answer {
            HoldAnswer::Stands(_, change) if change.before != change.after => {
                self.figures.shop.hold("held");
            }
            HoldAnswer::Refused(_) => self.figures.shop.hold("refused"),
            HoldAnswer::Stands(..) | HoldAnswer::HeldDifferently => {}
        }
        Ok(answer)
    }

    async fn settle(
        &self,
        variant: VariantId,
        hold: HoldId,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError> {
        let answer = self.inner.settle(variant, hold, event).await?;
        if let Some((state, change)) = answer
            && change.before != change.after
        {
            self.figures.shop.hold(ended(state));
        }
        Ok(answer)
    }

    async fn adjust(&self, adjustment: &Adjustment) -> Result<AdjustAnswer, StoreError> {
        self.inner.adjust(adjustment).await
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(VariantId, HoldId)>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn audit(
        &self,
        after: Option<VariantId>,
        limit: usize,
    ) -> Result<Vec<StockAudit>, StoreError> {
        self.inner.audit(after, limit).await
    }

    async fn forget_hold(&self, variant: VariantId, hold: HoldId) -> Result<bool, StoreError> {
        self.inner.forget_hold(variant, hold).await
    }

    async fn forget_adjustments(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.inner.forget_adjustments(before, limit).await
    }
}
