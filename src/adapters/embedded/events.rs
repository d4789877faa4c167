//! The event log in redb, with the viewer's lasting rows beside it.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::tables::{
    EVENT_IDS, EVENT_IDS_BY_TIME, EVENTS, EVENTS_BY_VIEWER, RELATIONS, SEEN,
};
use crate::domain::engagement::Relation;
use crate::domain::event::Event;
use crate::domain::id::{AccountId, ClipId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::events::{Appended, EventFate, EventLog, LoggedEvent, NewEvents};
use crate::records;

fn logged(offset: u64, viewer: u128, bytes: &[u8]) -> Result<LoggedEvent, StoreError> {
    let found = records::event::decode(bytes);
    let (event, market, at) = found.map_err(damaged("events", offset))?;
    Ok(LoggedEvent { offset, viewer: AccountId::from_bits(viewer), market, at, event })
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
    let mut fresh = Vec::new();
    for event in &batch.events {
        let id = (viewer, event.id.0);
        if ids.get(id).map_err(io)?.is_some() {
            fates.push(EventFate::Duplicate);
            continue;
        }
        ids.insert(id, batch.at.unix_ms()).map_err(io)?;
        fresh.push(event.id.0);
        if let Some((relation, on)) = event.kind.relation()
            && let Some(target) = target(event, relation)
        {
            let key = (viewer, records::relation::encode(relation), target);
            if !relate(&mut relations, key, (on, batch.at))? {
                fates.push(EventFate::Unchanged);
                continue;
            }
        }
        if let Some(clip) = event.clip.filter(|_| event.kind.suppresses()) {
            seen.insert((viewer, clip.bits()), batch.at.unix_ms()).map_err(io)?;
        }
        head += 1;
        let row = records::event::encode(event, batch.market, batch.at);
        events.insert(head, (viewer, row.as_slice())).map_err(io)?;
        by_viewer.insert((viewer, head), ()).map_err(io)?;
        fates.push(EventFate::Logged(head));
    }
    if let Some(&first) = fresh.first() {
        let mut by_time = txn.open_table(EVENT_IDS_BY_TIME).map_err(io)?;
        let bytes: Vec<u8> = fresh.iter().flat_map(|id| id.to_be_bytes()).collect();
        by_time.insert((batch.at.unix_ms(), viewer, first), bytes.as_slice()).map_err(io)?;
    }
    Ok(Appended { fates, head })
}

/// Forgets whole batches of ids until `limit` ids are gone.
fn forget_old_ids(
    txn: &WriteTransaction,
    before_ms: i64,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut by_time = txn.open_table(EVENT_IDS_BY_TIME).map_err(io)?;
    let mut ids = txn.open_table(EVENT_IDS).map_err(io)?;
    let mut gone = 0;
    while gone < limit {
        let Some((key, bytes)) = by_time.first().map_err(io)?.and_then(|(key, bytes)| {
            let key = key.value();
            (key.0 < before_ms).then(|| (key, bytes.value().to_vec()))
        }) else {
            break;
        };
        let (batch, _) = bytes.as_chunks::<16>();
        for id in batch {
            ids.remove((key.1, u128::from_be_bytes(*id))).map_err(io)?;
        }
        by_time.remove(key).map_err(io)?;
        gone += batch.len().max(1);
    }
    Ok(gone)
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
        found.push(logged(offset, row.value().0, row.value().1)?);
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
        let appended = self.write(move |txn| append(txn, &batch)).await?;
        self.inner.logged.notify_waiters();
        Ok(appended)
    }

    async fn forget_ids(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let before_ms = before.unix_ms();
        // Looked up first: a write is a commit, and mostly there is nothing to do.
        let none = self.read(|txn| {
            let by_time = txn.open_table(EVENT_IDS_BY_TIME).map_err(io)?;
            let first = by_time.first().map_err(io)?;
            Ok(first.is_none_or(|(key, _)| key.value().0 >= before_ms))
        })?;
        if none {
            return Ok(0);
        }
        self.write(move |txn| forget_old_ids(txn, before_ms, limit)).await
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
                found.push(logged(offset.value(), row.value().0, row.value().1)?);
            }
            Ok(found)
        })
    }

    async fn wait(&self, after: u64) {
        let logged = self.inner.logged.notified();
        tokio::pin!(logged);
        // Listen first, look second: an append between both is not missed.
        logged.as_mut().enable();
        if self.read(head).is_ok_and(|head| head <= after) {
            logged.await;
        }
    }
}
