//! Purchases as the feed learns of them: events of the server's own.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::event::{Event, EventKind};
use crate::domain::id::EventId;
use crate::domain::order::Purchase;
use crate::ports::error::StoreError;
use crate::ports::purchases::PurchaseSink;
use crate::services::engagement::Engagement;

/// Turns purchases into events.
pub struct PurchaseEvents {
    engagement: Arc<Engagement>,
}

impl PurchaseEvents {
    /// Takes only what it needs.
    pub fn new(engagement: Arc<Engagement>) -> Self {
        Self { engagement }
    }
}

#[async_trait]
impl PurchaseSink for PurchaseEvents {
    async fn purchased(&self, purchase: Purchase) -> Result<(), StoreError> {
        let event = |line: &crate::domain::order::PurchasedLine| Event {
            // The same line always has the same id, so a repetition is dropped. Ids of orders have 74
            // random bits; adding a line's small index keeps them apart.
            id: EventId(purchase.order.bits().wrapping_add(u128::from(line.index) << 64)),
            kind: EventKind::Purchase,
            clip: line.attribution.map(|claim| claim.clip),
            creator: line.attribution.map(|claim| claim.creator),
            product: Some(line.product),
            slate: line.attribution.map(|claim| claim.slate),
            position: line.attribution.map(|claim| claim.position),
            occurred_at: purchase.placed_at,
        };
        let events = purchase.lines.iter().map(event).collect();
        self.engagement.record(purchase.buyer, events).await.map(drop)
    }
}
