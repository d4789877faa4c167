//! The event log in redb, with the viewer's lasting rows beside it.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{EVENT_IDS, EVENTS, EVENTS_BY_VIEWER, RELATIONS, SEEN};
use crate::domain::account::Market;
use crate::domain::engagement::Relation;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{AccountId, ClipId, EventId, ProductId, SlateId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::events::{Appended, EventFate, EventLog, LoggedEvent, NewEvents};

#[derive(Serialize, Deserialize)]
struct EventRow {
    #[serde(rename = "i")]
    id: u128,
    #[serde(rename = "k")]
    kind: String,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    watch: Option<(u32, u32)>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    clip: Option<u128>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    creator: Option<u128>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    product: Option<u128>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    slate: Option<u128>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    #[serde(rename = "o")]
    occurred_at_ms: i64,
    #[serde(rename = "t")]
    at_ms: i64,
    #[serde(rename = "m")]
    market: String,
}

fn to_row(batch: &NewEvents, event: &Event) -> EventRow {
    let mut watch = None;
    if let EventKind::Watch { watch_ms, loops } = event.kind {
        watch = Some((watch_ms, loops));
    }
    EventRow {
        id: event.id.0,
        kind: event.kind.as_str().to_owned(),
        watch,
        clip: event.clip.map(ClipId::bits),
        creator: event.creator.map(AccountId::bits),
        product: event.product.map(ProductId::bits),
        slate: event.slate.map(SlateId::bits),
        position: event.position,
        occurred_at_ms: event.occurred_at.unix_ms(),
        at_ms: batch.at.unix_ms(),
        market: batch.market.code().to_owned(),
    }
}

fn from_row(offset: u64, viewer: u128, bytes: &[u8]) -> Result<LoggedEvent, StoreError> {
    let row: EventRow = decode("events", offset, bytes)?;
    let kind = EventKind::from_word(&row.kind);
    let mut kind = kind.ok_or_else(|| corrupt("events", offset, &row.kind))?;
    if let (EventKind::Watch { .. }, Some((watch_ms, loops))) = (kind, row.watch) {
        kind = EventKind::Watch { watch_ms, loops };
    }
    let market = Market::new(&row.market).ok_or_else(|| corrupt("events", offset, "market"))?;
    Ok(LoggedEvent {
        offset,
        viewer: AccountId::from_bits(viewer),
        market,
        at: Timestamp::from_unix_ms(row.at_ms),
        event: Event {
            id: EventId(row.id),
            kind,
            clip: row.clip.map(ClipId::from_bits),
            creator: row.creator.map(AccountId::from_bits),
            product: row.product.map(ProductId::from_bits),
            slate: row.slate.map(SlateId::from_bits),
            position: row.position,
            occurred_at: Timestamp::from_unix_ms(row.occurred_at_ms),
        },
    })
}

/// The stored number of a relation.
pub(super) fn relation_number(relation: Relation) -> u8 {
    match relation {
        Relation::Like => 0,
        Relation::Save => 1,
        Relation::Follow => 2,
        Relation::Block => 3,
    }
}

/// What a relation points to: likes and saves to a clip, the others to an account.
fn target(event: &Event, relation: Relation) -> Option<u128> {
    match relation {
        Relation::Like | Relation::Save => event.clip.map(ClipId::bits),
        Relation::Follow | Relation::Block => event.creator.map(AccountId::bits),
    }
}

/// Sets or ends a relation; whether that changed anything.
fn relate(
    relations: &mut Table<'_, (u128, u8, u128), i64>,
    key: (u128, u8, u128),
    (on, at): (bool, Timestamp),
) -> Result<bool, StoreError> {
    let known = relations.get(key).map_err(io)?.is_some();
    if known == on {
        return Ok(false);
    }
    if on {
        relations.insert(key, at.unix_ms()).map_err(io)?;
    } else {
        relations.remove(key).map_err(io)?;
    }
    Ok(true)
}

fn append(txn: &WriteTransaction, batch: &NewEvents) -> Result<Appended, StoreError> {
    let mut events = txn.open_table(EVENTS).map_err(io)?;
    let mut by_viewer = txn.open_table(EVENTS_BY_VIEWER).map_err(io)?;
    let mut ids = txn.open_table(EVENT_IDS).map_err(io)?;
    let mut seen = txn.open_table(SEEN).map_err(io)?;
    let mut relations = txn.open_table(RELATIONS).map_err(io)?;
    let viewer = batch.viewer.bits();
    let mut head = events.last().map_err(io)?.map_or(0, |(offset, _)| offset.value());
    let mut fates = Vec::with_capacity(batch.events.len());
    for event in &batch.events {
        let id = (viewer, event.id.0);
        if ids.get(id).map_err(io)?.is_some() {
            fates.push(EventFate::Duplicate);
            continue;
        }
        ids.insert(id, batch.at.unix_ms()).map_err(io)?;
        if let Some((relation, on)) = event.kind.relation()
            && let Some(target) = target(event, relation)
        {
            let key = (viewer, relation_number(relation), target);
            if !relate(&mut relations, key, (on, batch.at))? {
                fates.push(EventFate::Unchanged);
                continue;
            }
        }
        if let Some(clip) = event.clip.filter(|_| event.kind.suppresses()) {
            seen.insert((viewer, clip.bits()), batch.at.unix_ms()).map_err(io)?;
        }
        head += 1;
        let row = encode(&to_row(batch, event));
        events.insert(head, (viewer, row.as_slice())).map_err(io)?;
        by_viewer.insert((viewer, head), ()).map_err(io)?;
        fates.push(EventFate::Logged(head));
    }
    Ok(Appended { fates, head })
}

/// The newest events of one viewer, oldest first.
pub(super) fn history(
    txn: &ReadTransaction,
    viewer: u128,
    limit: usize,
) -> Result<Vec<LoggedEvent>, StoreError> {
    let by_viewer = txn.open_table(EVENTS_BY_VIEWER).map_err(io)?;
    let events = txn.open_table(EVENTS).map_err(io)?;
    let mut found = Vec::new();
    let range = by_viewer.range((viewer, 0)..=(viewer, u64::MAX)).map_err(io)?;
    for entry in range.rev().take(limit) {
        let offset = entry.map_err(io)?.0.value().1;
        let row = events.get(offset).map_err(io)?;
        let row = row.ok_or_else(|| corrupt("events", offset, "listed but missing"))?;
        found.push(from_row(offset, row.value().0, row.value().1)?);
    }
    found.reverse();
    Ok(found)
}

/// The newest offset.
pub(super) fn head(txn: &ReadTransaction) -> Result<u64, StoreError> {
    let events = txn.open_table(EVENTS).map_err(io)?;
    let last = events.last().map_err(io)?;
    Ok(last.map_or(0, |(offset, _)| offset.value()))
}

#[async_trait]
impl EventLog for Embedded {
    async fn append(&self, batch: NewEvents) -> Result<Appended, StoreError> {
        self.write(move |txn| append(txn, &batch)).await
    }

    async fn head(&self) -> Result<u64, StoreError> {
        self.read(head)
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.read(|txn| {
            let events = txn.open_table(EVENTS).map_err(io)?;
            let mut found = Vec::new();
            for entry in events.range(after.saturating_add(1)..).map_err(io)?.take(limit) {
                let (offset, row) = entry.map_err(io)?;
                found.push(from_row(offset.value(), row.value().0, row.value().1)?);
            }
            Ok(found)
        })
    }
}
