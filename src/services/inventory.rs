//! Stock as merchants see and correct it, and the sweep of holds that nobody paid.

use std::sync::Arc;

use crate::domain::change::Change;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::limits::IDEMPOTENCY_TTL_MS;
use crate::domain::stock::{AdjustRefusal, HoldEvent, StockEdit, StockLevel, StockReason};
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::inventory::{AdjustAnswer, Adjustment, InventoryStore};
use crate::ports::signer::Signer;
use crate::services::idempotency::{Replayable, RequestKey};

/// The route whose keys correct stock.
const ADJUST_ROUTE: &str = "POST /v1/inventory/adjustments";

/// Why stock is not shown or corrected.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no such variant, or it is someone else's.
    #[error("there is no such variant")]
    NotFound,
    /// The correction is not possible.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: AdjustRefusal,
        /// Whether the key's first request got this answer already.
        replayed: bool,
    },
    /// The key came with another body before.
    #[error("the key belongs to another correction")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A correction as a merchant asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdjustRequest {
    /// Of what.
    pub variant: VariantId,
    /// How.
    pub edit: StockEdit,
    /// Why.
    pub reason: StockReason,
}

/// Shows and corrects stock.
pub struct Inventory {
    stock: Arc<dyn InventoryStore>,
    catalog: Arc<dyn CatalogStore>,
    changes: Arc<dyn ChangeLog>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn Signer>,
}

impl Inventory {
    /// Takes only what it needs to know whose stock it is.
    pub fn new(
        stock: Arc<dyn InventoryStore>,
        catalog: Arc<dyn CatalogStore>,
        changes: Arc<dyn ChangeLog>,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn Signer>,
    ) -> Self {
        Self { stock, catalog, changes, clock, signer }
    }

    /// The stock of one of the merchant's variants.
    pub async fn get(
        &self,
        merchant: AccountId,
        variant: VariantId,
    ) -> Result<StockLevel, InventoryError> {
        self.check_owner(merchant, variant).await?;
        let levels = self.stock.levels(&[variant]).await?;
        Ok(levels.first().copied().unwrap_or_default())
    }

    /// Corrects the stock of one of the merchant's variants, once per key.
    pub async fn adjust(
        &self,
        merchant: AccountId,
        request: AdjustRequest,
        key: &RequestKey,
    ) -> Result<Replayable<StockLevel>, InventoryError> {
        let product = self.check_owner(merchant, request.variant).await?;
        let adjustment = Adjustment {
            variant: request.variant,
            edit: request.edit,
            reason: request.reason,
            key: key.digest(self.signer.as_ref(), merchant, ADJUST_ROUTE),
            fingerprint: key.fingerprint,
            at: self.clock.now(),
        };
        let answer = match self.stock.adjust(&adjustment).await {
            // The key is in the row: asking again finds out what happened.
            Err(StoreError::OutcomeUnknown(_)) => self.stock.adjust(&adjustment).await?,
            answer => answer?,
        };
        match answer {
            AdjustAnswer::Made(Ok(change)) => {
                if change.crossed() {
                    self.changes.append(&[Change::StockChanged(product)]).await?;
                }
                Ok(Replayable::first(change.after))
            }
            AdjustAnswer::Repeated(Ok(level)) => Ok(Replayable::again(level)),
            AdjustAnswer::Made(Err(refusal)) => {
                Err(InventoryError::Refused { refusal, replayed: false })
            }
            AdjustAnswer::Repeated(Err(refusal)) => {
                Err(InventoryError::Refused { refusal, replayed: true })
            }
            AdjustAnswer::KeyReused => Err(InventoryError::KeyReused),
        }
    }

    async fn check_owner(
        &self,
        merchant: AccountId,
        variant: VariantId,
    ) -> Result<ProductId, InventoryError> {
        let owners = self.catalog.owners(&[variant]).await?;
        let &(_, product) = owners.first().ok_or(InventoryError::NotFound)?;
        let found = self.catalog.get(product).await?;
        match found {
            Some(found) if found.merchant == merchant => Ok(product),
            Some(_) | None => Err(InventoryError::NotFound),
        }
    }

    /// Forgets at most `limit` keys of corrections whose time is over; answers how many.
    pub async fn forget_adjustments(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.clock.now().plus_ms(-IDEMPOTENCY_TTL_MS);
        self.stock.forget_adjustments(before, limit).await
    }

    /// Takes back at most `limit` holds whose time is over; answers how many it looked at.
    pub async fn release_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due = self.stock.due(now, limit).await?;
        let mut crossed = Vec::new();
        for &(variant, hold) in &due {
            let event = HoldEvent::Expire { now };
            let settled = self.stock.settle(variant, hold, event).await?;
            if settled.is_some_and(|(_, change)| change.crossed()) {
                crossed.push(variant);
            }
        }
        let owners = self.catalog.owners(&crossed).await?;
        let changes: Vec<Change> =
            owners.into_iter().map(|(_, product)| Change::StockChanged(product)).collect();
        if !changes.is_empty() {
            self.changes.append(&changes).await?;
        }
        Ok(due.len())
    }
}
