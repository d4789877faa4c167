//! Changes of stock, gathered per variant.
//!
//! The static columns of a variant's partition are the sums, each hold and each correction's key is a row.
//! A change reads the sums, then the rows that it is about, decides as the domain says, and writes all of
//! it if the guard is still the one that it read. Every write raises the guard, also one that changes no
//! sum, so rows read after the sums are the rows of that guard whenever the condition holds.
//!
//! Conditional writes of one partition follow one another, and each costs several round trips. So the
//! changes of one variant on this node queue at a desk: while one write is under way others come, and the
//! next write carries all of them.

use std::collections::{HashMap, VecDeque};

use scylla::value::CqlValue;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::scylla::due::DueKind;
use crate::adapters::scylla::query::{Cql, Values};
use crate::adapters::scylla::{Scylla, corrupt, repeated, sorted, unsorted, uuid};
use crate::domain::id::{CheckoutId, HoldId, VariantId};
use crate::domain::limits::{
    CONFLICT_RETRIES_MAX, ENDED_HOLD_TTL_MS, IDEMPOTENCY_TTL_MS, STOCK_GROUP_MAX, STOCK_QUEUE_MAX,
};
use crate::domain::stock::{Hold, HoldEvent, HoldState, StockLevel, settle};
use crate::domain::time::{SECOND_MS, Timestamp};
use crate::ports::error::StoreError;
use crate::ports::inventory::{AdjustAnswer, Adjustment, HoldAnswer, StockChange};
use crate::records::adjustment::{self, Adjusted};
use crate::records::hold_state;

/// The kind of rows that are holds.
pub(super) const HOLD: i8 = 1;
/// The kind of rows that are keys of corrections.
const ADJUSTMENT: i8 = 2;

const SUMS: Cql = Cql::serial_read(
    "SELECT guard, on_hand, held, holds, version FROM stock WHERE variant = ? LIMIT 1",
);
const ROWS: Cql = Cql::serial_read(
    "SELECT kind, id, state, checkout, units, expires_ms, body, op FROM stock \
     WHERE variant = ? AND kind IN (1, 2) AND id IN ?",
);
const FIRST: Cql = Cql::conditional(
    "UPDATE stock SET on_hand = ?, held = ?, holds = ?, version = ?, guard = ? WHERE variant = ? \
     IF guard = NULL",
);
const NEXT: Cql = Cql::conditional(
    "UPDATE stock SET on_hand = ?, held = ?, holds = ?, version = ?, guard = ? WHERE variant = ? \
     IF guard = ?",
);
// Updates, not inserts: a row of an update is gone with the last of its columns.
const PUT_HOLD: Cql = Cql::conditional(
    "UPDATE stock USING TTL ? SET state = ?, checkout = ?, units = ?, expires_ms = ?, op = ? \
     WHERE variant = ? AND kind = 1 AND id = ?",
);
const FORGET_HOLD: Cql =
    Cql::conditional("DELETE FROM stock WHERE variant = ? AND kind = 1 AND id = ?");
const PUT_ADJUSTMENT: Cql = Cql::conditional(
    "UPDATE stock USING TTL ? SET body = ?, op = ? WHERE variant = ? AND kind = 2 AND id = ?",
);

/// The sums as they are stored.
pub(super) type SumColumns = (Option<i32>, Option<i32>, Option<i32>, Option<i64>);

type RowColumns = (
    i8,
    Vec<u8>,
    Option<i8>,
    Option<Uuid>,
    Option<i32>,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Uuid>,
);

/// The level of stored sums.
pub(super) fn level(columns: SumColumns) -> StockLevel {
    let (on_hand, held, holds, version) = columns;
    let number = |column: Option<i32>| column.unwrap_or(0).max(0) as u32;
    StockLevel {
        on_hand: number(on_hand),
        held: number(held),
        holds: number(holds),
        version: version.unwrap_or(0).max(0) as u64,
    }
}

/// What is to happen to a variant's stock.
#[derive(Clone, Copy, Debug)]
pub(super) enum StockOrder {
    Hold(Hold),
    Settle(HoldId, HoldEvent),
    Adjust(Adjustment),
    /// Let go of a hold that has ended.
    Forget(HoldId),
}

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum StockAnswer {
    Held(HoldAnswer),
    Settled(Option<(HoldState, StockChange)>),
    Adjusted(AdjustAnswer),
    /// Whether the hold is gone.
    Forgotten(bool),
}

/// An order at a desk.
pub(super) struct Queued {
    order: StockOrder,
    answer: oneshot::Sender<Result<StockAnswer, StoreError>>,
}

/// A variant's queue; while it is there, a task serves it.
pub(super) type Desks = parking_lot::Mutex<HashMap<VariantId, VecDeque<Queued>>>;

/// A stored row that orders are about, as it is by now.
#[derive(Clone, Copy)]
enum StockRow {
    Hold(Hold, HoldState),
    Key(Adjusted),
    /// A hold that is let go of.
    Gone,
}

/// A partition while a group of orders is decided.
struct Draft {
    variant: VariantId,
    /// The guard that was read; 0 for a partition that was never written.
    guard: i64,
    level: StockLevel,
    rows: HashMap<(i8, u128), StockRow>,
    /// Keys of the rows that differ from what is stored.
    touched: Vec<(i8, u128)>,
}

impl Draft {
    fn decide(&mut self, order: &StockOrder) -> StockAnswer {
        match order {
            StockOrder::Hold(hold) => StockAnswer::Held(self.hold(hold)),
            StockOrder::Settle(id, event) => StockAnswer::Settled(self.settle(*id, *event)),
            StockOrder::Adjust(wanted) => StockAnswer::Adjusted(self.adjust(wanted)),
            StockOrder::Forget(id) => StockAnswer::Forgotten(self.forget(*id)),
        }
    }

    fn forget(&mut self, id: HoldId) -> bool {
        let key = (HOLD, id.bits());
        match self.rows.get(&key) {
            Some(StockRow::Hold(_, HoldState::Pending)) => false,
            Some(StockRow::Hold(..)) => {
                self.put(key, StockRow::Gone, self.level);
                true
            }
            Some(StockRow::Key(_) | StockRow::Gone) | None => true,
        }
    }

    fn hold(&mut self, hold: &Hold) -> HoldAnswer {
        let (before, key) = (self.level, (HOLD, hold.id.bits()));
        if let Some(StockRow::Hold(first, state)) = self.rows.get(&key) {
            if (first.checkout, first.units) != (hold.checkout, hold.units) {
                return HoldAnswer::HeldDifferently;
            }
            return HoldAnswer::Stands(*state, StockChange { before, after: before });
        }
        match before.hold(hold.units) {
            Ok(after) => {
                self.put(key, StockRow::Hold(*hold, HoldState::Pending), after);
                HoldAnswer::Stands(HoldState::Pending, StockChange { before, after })
            }
            Err(refusal) => HoldAnswer::Refused(refusal),
        }
    }

    fn settle(&mut self, id: HoldId, event: HoldEvent) -> Option<(HoldState, StockChange)> {
        let (before, key) = (self.level, (HOLD, id.bits()));
        let Some(&StockRow::Hold(hold, first)) = self.rows.get(&key) else { return None };
        let (after, state) = settle(before, &hold, first, event);
        if state != first {
            self.put(key, StockRow::Hold(hold, state), after);
        }
        Some((state, StockChange { before, after }))
    }

    fn adjust(&mut self, wanted: &Adjustment) -> AdjustAnswer {
        let (before, key) = (self.level, (ADJUSTMENT, wanted.key));
        if let Some(StockRow::Key(first)) = self.rows.get(&key) {
            return if first.fingerprint == wanted.fingerprint {
                AdjustAnswer::Repeated(first.answer)
            } else {
                AdjustAnswer::KeyReused
            };
        }
        let answer = before.edit(wanted.edit);
        let adjusted = Adjusted {
            fingerprint: wanted.fingerprint,
            edit: wanted.edit,
            reason: wanted.reason,
            at: wanted.at,
            answer,
        };
        // A refusal changes no sum, but is remembered.
        self.put(key, StockRow::Key(adjusted), answer.unwrap_or(before));
        AdjustAnswer::Made(answer.map(|after| StockChange { before, after }))
    }

    fn put(&mut self, key: (i8, u128), row: StockRow, level: StockLevel) {
        self.rows.insert(key, row);
        self.level = level;
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
    }

    /// The write that makes the draft true.
    fn writes(&self, op: Uuid) -> Vec<(Cql, Values)> {
        let variant = Some(CqlValue::Uuid(uuid(self.variant.bits())));
        let StockLevel { on_hand, held, holds, version } = self.level;
        let mut sums: Values = vec![
            Some(CqlValue::Int(on_hand as i32)),
            Some(CqlValue::Int(held as i32)),
            Some(CqlValue::Int(holds as i32)),
            Some(CqlValue::BigInt(version as i64)),
            Some(CqlValue::BigInt(self.guard + 1)),
            variant.clone(),
        ];
        let mut writes = Vec::with_capacity(self.touched.len() + 1);
        if self.guard == 0 {
            writes.push((FIRST, sums));
        } else {
            sums.push(Some(CqlValue::BigInt(self.guard)));
            writes.push((NEXT, sums));
        }
        for key in &self.touched {
            let tail = [variant.clone(), Some(CqlValue::Blob(sorted(key.1).to_vec()))];
            match self.rows.get(key) {
                Some(StockRow::Hold(hold, state)) => {
                    let ttl_ms = if *state == HoldState::Pending { 0 } else { ENDED_HOLD_TTL_MS };
                    let mut row: Values = vec![
                        Some(CqlValue::Int((ttl_ms / SECOND_MS) as i32)),
                        Some(CqlValue::TinyInt(hold_state::encode(*state) as i8)),
                        Some(CqlValue::Uuid(uuid(hold.checkout.bits()))),
                        Some(CqlValue::Int(hold.units as i32)),
                        Some(CqlValue::BigInt(hold.expires_at.unix_ms())),
                        Some(CqlValue::Uuid(op)),
                    ];
                    row.extend(tail);
                    writes.push((PUT_HOLD, row));
                }
                Some(StockRow::Key(adjusted)) => {
                    let mut row: Values = vec![
                        Some(CqlValue::Int((IDEMPOTENCY_TTL_MS / SECOND_MS) as i32)),
                        Some(CqlValue::Blob(adjustment::encode(adjusted))),
                        Some(CqlValue::Uuid(op)),
                    ];
                    row.extend(tail);
                    writes.push((PUT_ADJUSTMENT, row));
                }
                Some(StockRow::Gone) => writes.push((FORGET_HOLD, tail.to_vec())),
                None => {}
            }
        }
        writes
    }
}

/// The key of the row that an order is about.
fn key_of(order: &StockOrder) -> (i8, u128) {
    match order {
        StockOrder::Hold(hold) => (HOLD, hold.id.bits()),
        StockOrder::Settle(id, _) | StockOrder::Forget(id) => (HOLD, id.bits()),
        StockOrder::Adjust(wanted) => (ADJUSTMENT, wanted.key),
    }
}

impl Scylla {
    /// Lets `order` happen to the stock of `variant`.
    pub(super) async fn order_stock(
        &self,
        variant: VariantId,
        order: StockOrder,
    ) -> Result<StockAnswer, StoreError> {
        let began = Instant::now();
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut desks = self.inner.desks.lock();
            let begins = !desks.contains_key(&variant);
            let queue = desks.entry(variant).or_default();
            if queue.len() >= STOCK_QUEUE_MAX {
                return Err(StoreError::unavailable("too many buyers of one variant wait"));
            }
            queue.push_back(Queued { order, answer });
            begins
        };
        if begins {
            let store = self.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with the queue, and must go on when the caller is gone: others wait too"
            )]
            tokio::spawn(async move { store.serve_desk(variant).await });
        }
        let answer = answered.await;
        self.waited_for_group(began);
        answer.unwrap_or_else(|_| Err(StoreError::unavailable("the desk closed")))
    }

    /// Serves a variant's queue until it is empty.
    async fn serve_desk(&self, variant: VariantId) {
        let mut known = None;
        loop {
            let group: Vec<Queued> = {
                let mut desks = self.inner.desks.lock();
                let Some(queue) = desks.get_mut(&variant) else { return };
                if queue.is_empty() {
                    desks.remove(&variant);
                    return;
                }
                let count = queue.len().min(STOCK_GROUP_MAX);
                queue.drain(..count).collect()
            };
            let orders: Vec<StockOrder> = group.iter().map(|queued| queued.order).collect();
            match self.change_stock(variant, &orders, &mut known).await {
                Ok(answers) => {
                    for (queued, answer) in group.into_iter().zip(answers) {
                        queued.answer.send(Ok(answer)).ok();
                    }
                }
                Err(error) => {
                    known = None;
                    for queued in group {
                        queued.answer.send(Err(repeated(&error))).ok();
                    }
                }
            }
        }
    }

    /// One group in one conditional write. `known` are the sums as this node last wrote them.
    async fn change_stock(
        &self,
        variant: VariantId,
        orders: &[StockOrder],
        known: &mut Option<(i64, StockLevel)>,
    ) -> Result<Vec<StockAnswer>, StoreError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let mut draft = self.draft(variant, orders, known.take()).await?;
            let answers: Vec<StockAnswer> =
                orders.iter().map(|order| draft.decide(order)).collect();
            if draft.touched.is_empty() {
                self.unlist_ended(&draft, orders).await;
                return Ok(answers);
            }
            self.list_pending(&draft).await?;
            let op = self.operation();
            let done = match self.apply_all(draft.writes(op)).await {
                Err(StoreError::OutcomeUnknown(cause)) => match self.written_by(&draft, op).await {
                    Ok(ours) => ours,
                    Err(_) => return Err(StoreError::OutcomeUnknown(cause)),
                },
                other => other?,
            };
            if done {
                *known = Some((draft.guard + 1, draft.level));
                self.unlist_ended(&draft, orders).await;
                return Ok(answers);
            }
        }
        Err(StoreError::Conflict)
    }

    /// Sums first, rows second: see the head of this file.
    async fn draft(
        &self,
        variant: VariantId,
        orders: &[StockOrder],
        known: Option<(i64, StockLevel)>,
    ) -> Result<Draft, StoreError> {
        let (guard, level) = match known {
            Some(known) => known,
            None => self.sums(variant).await?,
        };
        let mut draft = Draft { variant, guard, level, rows: HashMap::new(), touched: Vec::new() };
        if guard == 0 {
            return Ok(draft); // Nothing was ever written here, and the condition says so.
        }
        let ids: Vec<Vec<u8>> =
            orders.iter().map(|order| sorted(key_of(order).1).to_vec()).collect();
        let rows: Vec<RowColumns> = self.rows(ROWS, (uuid(variant.bits()), ids)).await?;
        for row in rows {
            let (kind, id) = (row.0, unsorted("stock", &row.1)?);
            if let Some(row) = stored_row(variant, id, row)? {
                draft.rows.insert((kind, id), row);
            }
        }
        Ok(draft)
    }

    /// Guard and sums.
    async fn sums(&self, variant: VariantId) -> Result<(i64, StockLevel), StoreError> {
        type Columns = (Option<i64>, Option<i32>, Option<i32>, Option<i32>, Option<i64>);
        let found: Option<Columns> = self.row(SUMS, (uuid(variant.bits()),)).await?;
        let (guard, on_hand, held, holds, version) = found.unwrap_or_default();
        Ok((guard.unwrap_or(0), level((on_hand, held, holds, version))))
    }

    /// Whether the draft was written by `op`: its rows are there with that name, or gone as they should be.
    async fn written_by(&self, draft: &Draft, op: Uuid) -> Result<bool, StoreError> {
        let named = |key: &&(i8, u128)| !matches!(draft.rows.get(key), Some(StockRow::Gone));
        let (kind, id) = *draft.touched.iter().find(named).unwrap_or(&draft.touched[0]);
        let ids = vec![sorted(id).to_vec()];
        let rows: Vec<RowColumns> = self.rows(ROWS, (uuid(draft.variant.bits()), ids)).await?;
        let row = rows.into_iter().find(|row| row.0 == kind);
        if matches!(draft.rows.get(&(kind, id)), Some(StockRow::Gone)) {
            return Ok(row.is_none());
        }
        Ok(row.is_some_and(|row| row.7 == Some(op)))
    }

    /// Lists the holds that the draft makes, before it is written.
    async fn list_pending(&self, draft: &Draft) -> Result<(), StoreError> {
        let new = draft.touched.iter().filter_map(|key| match draft.rows.get(key) {
            Some(StockRow::Hold(hold, HoldState::Pending)) => Some(*hold),
            _ => None,
        });
        let adds = new.map(|hold| {
            let (id, variant) = (hold.id.bits(), hold.variant.bits());
            self.add_due(DueKind::Holds, hold.expires_at, id, variant)
        });
        futures_util::future::try_join_all(adds).await.map(drop)
    }

    /// Takes ended holds off the list, after they were written. Best effort: whoever looks at the list
    /// drops what is left.
    async fn unlist_ended(&self, draft: &Draft, orders: &[StockOrder]) {
        let settled = orders.iter().filter_map(|order| match order {
            StockOrder::Settle(id, _) => draft.rows.get(&(HOLD, id.bits())),
            StockOrder::Hold(_) | StockOrder::Adjust(_) | StockOrder::Forget(_) => None,
        });
        let removals = settled.filter_map(|row| match row {
            StockRow::Hold(hold, state) if *state != HoldState::Pending => {
                Some(self.remove_due(DueKind::Holds, hold.expires_at, hold.id.bits()))
            }
            StockRow::Hold(..) | StockRow::Key(_) | StockRow::Gone => None,
        });
        for outcome in futures_util::future::join_all(removals).await {
            if let Err(error) = outcome {
                tracing::debug!(%error, "an ended hold stays listed for a while");
            }
        }
    }
}

/// A row as the domain knows it; `None` for one that has just ended.
fn stored_row(
    variant: VariantId,
    id: u128,
    row: RowColumns,
) -> Result<Option<StockRow>, StoreError> {
    let (kind, _, state, checkout, units, expires_ms, body, _) = row;
    if kind == ADJUSTMENT {
        let adjusted = body.map(|body| adjustment::decode(&body)).transpose();
        let adjusted = adjusted.map_err(|damage| corrupt("stock", variant, damage))?;
        return Ok(adjusted.map(StockRow::Key));
    }
    let (Some(state), Some(checkout), Some(units), Some(expires_ms)) =
        (state, checkout, units, expires_ms)
    else {
        return Ok(None);
    };
    let state = hold_state::decode(state as u8).map_err(|e| corrupt("stock", variant, e))?;
    let hold = Hold {
        id: HoldId::from_bits(id),
        variant,
        checkout: CheckoutId::from_bits(checkout.as_u128()),
        units: units.max(0) as u32,
        expires_at: Timestamp::from_unix_ms(expires_ms),
    };
    Ok(Some(StockRow::Hold(hold, state)))
}
