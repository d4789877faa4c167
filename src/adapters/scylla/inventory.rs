//! Stock and holds in CQL. Changes go through the variant's desk (`stock_desk.rs`).

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::due::DueKind;
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::stock_desk::{HOLD, StockAnswer, StockOrder, SumColumns, level};
use crate::adapters::scylla::{Scylla, corrupt, sorted, uuid};
use crate::domain::id::{HoldId, VariantId};
use crate::domain::stock::{Hold, HoldEvent, HoldState, StockLevel};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::inventory::{
    AdjustAnswer, Adjustment, HoldAnswer, InventoryStore, StockAudit, StockChange,
};
use crate::records::hold_state;

/// Rows of one page of an audit.
const AUDIT_PAGE: usize = 1_000;

const LEVELS: Cql = Cql::read(
    "SELECT variant, on_hand, held, holds, version FROM stock WHERE variant IN ? \
     PER PARTITION LIMIT 1",
);
const STATE: Cql = Cql::read("SELECT state FROM stock WHERE variant = ? AND kind = 1 AND id = ?");
const WALK: Cql =
    Cql::read("SELECT DISTINCT variant, on_hand, held, holds, version FROM stock LIMIT ?");
const WALK_ON: Cql = Cql::read(
    "SELECT DISTINCT variant, on_hand, held, holds, version FROM stock \
     WHERE token(variant) > token(?) LIMIT ?",
);
const HOLDS: Cql = Cql::read("SELECT state, units FROM stock WHERE variant = ? AND kind = ?");

type SumRow = (Uuid, Option<i32>, Option<i32>, Option<i32>, Option<i64>);

const fn sums((_, on_hand, held, holds, version): &SumRow) -> SumColumns {
    (*on_hand, *held, *holds, *version)
}

/// A desk answers each order in kind.
fn mismatch() -> StoreError {
    corrupt("stock", "a desk", "it answered another order")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a desk answers in kind; all else is one bug")]
#[async_trait]
impl InventoryStore for Scylla {
    async fn levels(&self, variants: &[VariantId]) -> Result<Vec<StockLevel>, StoreError> {
        if variants.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Uuid> = variants.iter().map(|id| uuid(id.bits())).collect();
        let rows: Vec<SumRow> = self.rows(LEVELS, (keys,)).await?;
        let found: HashMap<u128, StockLevel> =
            rows.iter().map(|row| (row.0.as_u128(), level(sums(row)))).collect();
        Ok(variants.iter().map(|id| found.get(&id.bits()).copied().unwrap_or_default()).collect())
    }

    async fn hold(&self, hold: &Hold) -> Result<HoldAnswer, StoreError> {
        match self.order_stock(hold.variant, StockOrder::Hold(*hold)).await? {
            StockAnswer::Held(answer) => Ok(answer),
            _ => Err(mismatch()),
        }
    }

    async fn settle(
        &self,
        variant: VariantId,
        hold: HoldId,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError> {
        match self.order_stock(variant, StockOrder::Settle(hold, event)).await? {
            StockAnswer::Settled(answer) => Ok(answer),
            _ => Err(mismatch()),
        }
    }

    async fn adjust(&self, adjustment: &Adjustment) -> Result<AdjustAnswer, StoreError> {
        match self.order_stock(adjustment.variant, StockOrder::Adjust(*adjustment)).await? {
            StockAnswer::Adjusted(answer) => Ok(answer),
            _ => Err(mismatch()),
        }
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(VariantId, HoldId)>, StoreError> {
        let mut found = Vec::new();
        for entry in self.look(DueKind::Holds, now, limit).await? {
            let key = (uuid(entry.scope), &sorted(entry.id)[..]);
            let state: Option<(Option<i8>,)> = self.row(STATE, key).await?;
            let pending = hold_state::encode(HoldState::Pending) as i8;
            if state.is_some_and(|(state,)| state == Some(pending)) {
                found.push((VariantId::from_bits(entry.scope), HoldId::from_bits(entry.id)));
            } else {
                self.drop_stale(DueKind::Holds, &entry).await?;
            }
        }
        Ok(found)
    }

    async fn forget_hold(&self, variant: VariantId, hold: HoldId) -> Result<bool, StoreError> {
        match self.order_stock(variant, StockOrder::Forget(hold)).await? {
            StockAnswer::Forgotten(gone) => Ok(gone),
            _ => Err(mismatch()),
        }
    }

    async fn forget_adjustments(
        &self,
        _before: Timestamp,
        _limit: usize,
    ) -> Result<usize, StoreError> {
        Ok(0) // They end by themselves.
    }

    async fn audit(
        &self,
        after: Option<VariantId>,
        limit: usize,
    ) -> Result<Vec<StockAudit>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<SumRow> = match after {
            None => self.rows(WALK, (limit,)).await?,
            Some(after) => self.rows(WALK_ON, (uuid(after.bits()), limit)).await?,
        };
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let variant = VariantId::from_bits(row.0.as_u128());
            let mut audit = StockAudit { variant, level: level(sums(&row)), held: 0, holds: 0 };
            self.count_holds(&mut audit).await?;
            found.push(audit);
        }
        Ok(found)
    }
}

impl Scylla {
    /// Counts a variant's pending holds as they are stored.
    async fn count_holds(&self, audit: &mut StockAudit) -> Result<(), StoreError> {
        let pending = hold_state::encode(HoldState::Pending) as i8;
        let mut from = Some(scylla::response::PagingState::start());
        while let Some(state) = from {
            let key = (uuid(audit.variant.bits()), HOLD);
            let page = self.page::<(Option<i8>, Option<i32>)>(HOLDS, key, state, AUDIT_PAGE);
            let (rows, next) = page.await?;
            for (_, units) in rows.into_iter().filter(|(state, _)| *state == Some(pending)) {
                audit.held += u64::from(units.unwrap_or(0).max(0) as u32);
                audit.holds += 1;
            }
            from = next;
        }
        Ok(())
    }
}
