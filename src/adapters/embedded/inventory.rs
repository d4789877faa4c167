//! Stock and holds in redb.
//!
//! The writer's group commit is the batcher of a hot variant: many holds of it run one after the other
//! in one transaction, each against the row that the one before left.

use async_trait::async_trait;
use redb::{ReadableTable, Table, WriteTransaction};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{
    ADJUSTMENTS, ADJUSTMENTS_BY_TIME, HOLDS, HOLDS_DUE, STOCK,
};
use crate::domain::id::{CheckoutId, HoldId, VariantId};
use crate::domain::stock::{Hold, HoldEvent, HoldState, StockLevel, settle};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::inventory::{
    AdjustAnswer, Adjustment, HoldAnswer, InventoryStore, StockAudit, StockChange,
};
use crate::records::adjustment::{self, Adjusted};
use crate::records::hold_state;

type StockTable<'txn> = Table<'txn, u128, (u32, u32, u32, u64)>;

fn state(hold: HoldId, number: u8) -> Result<HoldState, StoreError> {
    hold_state::decode(number).map_err(damaged("holds", hold))
}

fn level(
    table: &impl ReadableTable<u128, (u32, u32, u32, u64)>,
    variant: VariantId,
) -> Result<StockLevel, StoreError> {
    let found = table.get(variant.bits()).map_err(io)?;
    Ok(found.map_or_else(StockLevel::default, |row| {
        let (on_hand, held, holds, version) = row.value();
        StockLevel { on_hand, held, holds, version }
    }))
}

fn put_level(
    table: &mut StockTable<'_>,
    variant: VariantId,
    level: StockLevel,
) -> Result<(), StoreError> {
    let row = (level.on_hand, level.held, level.holds, level.version);
    table.insert(variant.bits(), row).map_err(io)?;
    Ok(())
}

fn hold_units(txn: &WriteTransaction, hold: &Hold) -> Result<HoldAnswer, StoreError> {
    let mut stock = txn.open_table(STOCK).map_err(io)?;
    let mut holds = txn.open_table(HOLDS).map_err(io)?;
    let before = level(&stock, hold.variant)?;
    let key = (hold.variant.bits(), hold.id.bits());
    let first = holds.get(key).map_err(io)?.map(|row| row.value());
    if let Some((checkout, units, _, code)) = first {
        if (checkout, units) != (hold.checkout.bits(), hold.units) {
            return Ok(HoldAnswer::HeldDifferently);
        }
        let same = StockChange { before, after: before };
        return Ok(HoldAnswer::Stands(state(hold.id, code)?, same));
    }
    let after = match before.hold(hold.units) {
        Ok(after) => after,
        Err(refusal) => return Ok(HoldAnswer::Refused(refusal)),
    };
    put_level(&mut stock, hold.variant, after)?;
    let ends_ms = hold.expires_at.unix_ms();
    let row = (hold.checkout.bits(), hold.units, ends_ms, hold_state::encode(HoldState::Pending));
    holds.insert(key, row).map_err(io)?;
    let mut due = txn.open_table(HOLDS_DUE).map_err(io)?;
    due.insert((ends_ms, key.0, key.1), ()).map_err(io)?;
    Ok(HoldAnswer::Stands(HoldState::Pending, StockChange { before, after }))
}

fn settle_hold(
    txn: &WriteTransaction,
    variant: VariantId,
    id: HoldId,
    event: HoldEvent,
) -> Result<Option<(HoldState, StockChange)>, StoreError> {
    let mut stock = txn.open_table(STOCK).map_err(io)?;
    let mut holds = txn.open_table(HOLDS).map_err(io)?;
    let key = (variant.bits(), id.bits());
    let Some((checkout, units, ends_ms, code)) = holds.get(key).map_err(io)?.map(|row| row.value())
    else {
        return Ok(None);
    };
    let hold = Hold {
        id,
        variant,
        checkout: CheckoutId::from_bits(checkout),
        units,
        expires_at: Timestamp::from_unix_ms(ends_ms),
    };
    let before = level(&stock, variant)?;
    let first = state(id, code)?;
    let (after, now) = settle(before, &hold, first, event);
    if now != first {
        put_level(&mut stock, variant, after)?;
        holds.insert(key, (checkout, units, ends_ms, hold_state::encode(now))).map_err(io)?;
        if first == HoldState::Pending {
            let mut due = txn.open_table(HOLDS_DUE).map_err(io)?;
            due.remove((ends_ms, key.0, key.1)).map_err(io)?;
        }
    }
    Ok(Some((now, StockChange { before, after })))
}

fn adjust_stock(txn: &WriteTransaction, wanted: &Adjustment) -> Result<AdjustAnswer, StoreError> {
    let mut stock = txn.open_table(STOCK).map_err(io)?;
    let mut keys = txn.open_table(ADJUSTMENTS).map_err(io)?;
    let key = (wanted.variant.bits(), wanted.key);
    let first = keys.get(key).map_err(io)?;
    let first = first.map(|row| adjustment::decode(row.value())).transpose();
    let first = first.map_err(damaged("adjustments", wanted.variant))?;
    if let Some(first) = first {
        return Ok(if first.fingerprint == wanted.fingerprint {
            AdjustAnswer::Repeated(first.answer)
        } else {
            AdjustAnswer::KeyReused
        });
    }
    let before = level(&stock, wanted.variant)?;
    let answer = before.edit(wanted.edit);
    let Adjustment { edit, reason, fingerprint, at, .. } = *wanted;
    let row = adjustment::encode(&Adjusted { fingerprint, edit, reason, at, answer });
    keys.insert(key, row.as_slice()).map_err(io)?;
    let mut by_time = txn.open_table(ADJUSTMENTS_BY_TIME).map_err(io)?;
    by_time.insert((at.unix_ms(), key.0, key.1), ()).map_err(io)?;
    if let Ok(after) = answer {
        put_level(&mut stock, wanted.variant, after)?;
    }
    Ok(AdjustAnswer::Made(answer.map(|after| StockChange { before, after })))
}

fn forget_ended_hold(txn: &WriteTransaction, key: (u128, u128)) -> Result<bool, StoreError> {
    let mut holds = txn.open_table(HOLDS).map_err(io)?;
    let code = holds.get(key).map_err(io)?.map(|row| row.value().3);
    if code == Some(hold_state::encode(HoldState::Pending)) {
        return Ok(false);
    }
    holds.remove(key).map_err(io)?;
    Ok(true)
}

/// Corrections made before `before_ms`, by (instant, variant, key), the oldest first.
fn old_adjustments(
    table: &impl ReadableTable<(i64, u128, u128), ()>,
    before_ms: i64,
    limit: usize,
) -> Result<Vec<(i64, u128, u128)>, StoreError> {
    let range = table.range(..(before_ms, 0, 0)).map_err(io)?;
    range.take(limit).map(|entry| Ok(entry.map_err(io)?.0.value())).collect()
}

fn forget_old_adjustments(
    txn: &WriteTransaction,
    before_ms: i64,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut by_time = txn.open_table(ADJUSTMENTS_BY_TIME).map_err(io)?;
    let mut keys = txn.open_table(ADJUSTMENTS).map_err(io)?;
    let old = old_adjustments(&by_time, before_ms, limit)?;
    for &(at_ms, variant, key) in &old {
        keys.remove((variant, key)).map_err(io)?;
        by_time.remove((at_ms, variant, key)).map_err(io)?;
    }
    Ok(old.len())
}

#[async_trait]
impl InventoryStore for Embedded {
    async fn levels(&self, variants: &[VariantId]) -> Result<Vec<StockLevel>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(STOCK).map_err(io)?;
            variants.iter().map(|&variant| level(&table, variant)).collect()
        })
    }

    async fn hold(&self, hold: &Hold) -> Result<HoldAnswer, StoreError> {
        let hold = *hold;
        self.write(move |txn| hold_units(txn, &hold)).await
    }

    async fn settle(
        &self,
        variant: VariantId,
        hold: HoldId,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError> {
        self.write(move |txn| settle_hold(txn, variant, hold, event)).await
    }

    async fn adjust(&self, adjustment: &Adjustment) -> Result<AdjustAnswer, StoreError> {
        let adjustment = *adjustment;
        self.write(move |txn| adjust_stock(txn, &adjustment)).await
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(VariantId, HoldId)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(HOLDS_DUE).map_err(io)?;
            let end = (now.unix_ms(), u128::MAX, u128::MAX);
            let mut found = Vec::new();
            for entry in table.range(..=end).map_err(io)?.take(limit) {
                let (_, variant, hold) = entry.map_err(io)?.0.value();
                found.push((VariantId::from_bits(variant), HoldId::from_bits(hold)));
            }
            Ok(found)
        })
    }

    async fn forget_hold(&self, variant: VariantId, hold: HoldId) -> Result<bool, StoreError> {
        let key = (variant.bits(), hold.bits());
        self.write(move |txn| forget_ended_hold(txn, key)).await
    }

    async fn forget_adjustments(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let before_ms = before.unix_ms();
        // Looked up first: a write is a commit, and mostly there is nothing to do.
        let none = self.read(|txn| {
            let by_time = txn.open_table(ADJUSTMENTS_BY_TIME).map_err(io)?;
            Ok(old_adjustments(&by_time, before_ms, 1)?.is_empty())
        })?;
        if none {
            return Ok(0);
        }
        self.write(move |txn| forget_old_adjustments(txn, before_ms, limit)).await
    }

    async fn audit(
        &self,
        after: Option<VariantId>,
        limit: usize,
    ) -> Result<Vec<StockAudit>, StoreError> {
        self.read(|txn| {
            let stock = txn.open_table(STOCK).map_err(io)?;
            let holds = txn.open_table(HOLDS).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let mut found = Vec::new();
            for entry in stock.range(start..).map_err(io)?.take(limit) {
                let (id, row) = entry.map_err(io)?;
                let variant = VariantId::from_bits(id.value());
                let (on_hand, held, count, version) = row.value();
                let level = StockLevel { on_hand, held, holds: count, version };
                let mut audit = StockAudit { variant, level, held: 0, holds: 0 };
                let all = (variant.bits(), 0)..=(variant.bits(), u128::MAX);
                for hold in holds.range(all).map_err(io)? {
                    let (_, units, _, code) = hold.map_err(io)?.1.value();
                    if code == hold_state::encode(HoldState::Pending) {
                        audit.held += u64::from(units);
                        audit.holds += 1;
                    }
                }
                found.push(audit);
            }
            Ok(found)
        })
    }
}
