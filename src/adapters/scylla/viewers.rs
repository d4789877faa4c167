//! What viewers do: the event log, and one partition of lasting rows per viewer.
//!
//! The viewer's rows go in first, in one write of one partition: the events' ids, what they say of
//! relations and of clips that were seen, and the events themselves, without an offset. Then the events
//! are appended to the log, and at last the rows get the offsets. So whoever sees an entry of the log
//! finds its effect in the viewer's rows. A crash in between leaves rows without offsets: the client was
//! told nothing, sends the batch again, and it is logged then. If the crash came just before the last
//! step, an event stands twice in the log; the counters of a clip are off by one, the viewer's rows are
//! not.
//!
//! Keys by kind: an event's id (1), number of the relation and id of its target (2), clip (3), time of
//! arrival, place in the batch and id (4).

use std::collections::HashSet;

use async_trait::async_trait;
use scylla::value::CqlValue;
use tokio::sync::Mutex;

use crate::adapters::scylla::query::{Cql, Values};
use crate::adapters::scylla::{Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::engagement::Relation;
use crate::domain::event::Event;
use crate::domain::id::{AccountId, ClipId};
use crate::domain::limits::{
    EVENT_IDS_TTL_MS, HISTORY_TTL_MS, RELATIONS_PER_VIEWER_MAX, SEEN_PER_VIEWER_MAX,
};
use crate::domain::time::{SECOND_MS, Timestamp};
use crate::ports::error::StoreError;
use crate::ports::events::{Appended, EventFate, EventLog, LoggedEvent, NewEvents};
use crate::ports::user_state::{Reach, UserRows, UserStates};
use crate::records;

/// The log's name.
pub(super) const EVENTS: &str = "events";

const ID: i8 = 1;
const RELATION: i8 = 2;
const SEEN: i8 = 3;
const EVENT: i8 = 4;

/// Marks that one call forgets.
const FORGET_MAX: i32 = 1_000;

const KNOWN: Cql =
    Cql::read("SELECT key, entry FROM viewers WHERE viewer = ? AND kind = ? AND key IN ?");
const PUT: Cql = Cql::write(
    "INSERT INTO viewers (viewer, kind, key, at_ms, entry, body) VALUES (?, ?, ?, ?, ?, ?) \
     USING TTL ?",
);
const REMOVE: Cql = Cql::write("DELETE FROM viewers WHERE viewer = ? AND kind = ? AND key = ?");
const MARKS: Cql =
    Cql::read("SELECT key, at_ms FROM viewers WHERE viewer = ? AND kind = ? LIMIT ?");
const HISTORY: Cql = Cql::read(
    "SELECT entry, body FROM viewers WHERE viewer = ? AND kind = ? \
     ORDER BY kind DESC, key DESC LIMIT ?",
);

const fn ttl_s(ms: i64) -> i32 {
    (ms / SECOND_MS) as i32
}

fn relation_key(relation: Relation, target: u128) -> Vec<u8> {
    let mut key = vec![records::relation::encode(relation)];
    key.extend_from_slice(&sorted(target));
    key
}

/// What a relation points to: likes and saves to a clip, the others to an account.
fn target(event: &Event, relation: Relation) -> Option<u128> {
    match relation {
        Relation::Like | Relation::Save => event.clip.map(ClipId::bits),
        Relation::Follow | Relation::Block => event.creator.map(AccountId::bits),
    }
}

fn relation_of(event: &Event) -> Option<(Vec<u8>, bool)> {
    let (relation, on) = event.kind.relation()?;
    Some((relation_key(relation, target(event, relation)?), on))
}

/// A row of a viewer's partition.
struct Row {
    kind: i8,
    key: Vec<u8>,
    at_ms: i64,
    entry: Option<u64>,
    body: Option<Vec<u8>>,
    ttl_s: i32,
}

impl Row {
    fn write(self, viewer: AccountId) -> (Cql, Values) {
        let values = vec![
            Some(CqlValue::Uuid(uuid(viewer.bits()))),
            Some(CqlValue::TinyInt(self.kind)),
            Some(CqlValue::Blob(self.key)),
            Some(CqlValue::BigInt(self.at_ms)),
            self.entry.map(|entry| CqlValue::BigInt(entry as i64)),
            self.body.map(CqlValue::Blob),
            Some(CqlValue::Int(self.ttl_s)),
        ];
        (PUT, values)
    }
}

/// What a batch comes to, before it is logged.
struct Plan {
    /// One per event; the offset of those to be logged is still 0.
    fates: Vec<EventFate>,
    /// Places of the events to be logged.
    logged: Vec<usize>,
    writes: Vec<(Cql, Values)>,
}

fn event_key(at: Timestamp, place: usize, event: &Event) -> Vec<u8> {
    let mut key = at.unix_ms().to_be_bytes().to_vec();
    key.extend_from_slice(&(place as u16).to_be_bytes());
    key.extend_from_slice(&sorted(event.id.0));
    key
}

fn id_row(batch: &NewEvents, event: &Event, entry: Option<u64>) -> Row {
    let key = sorted(event.id.0).to_vec();
    let ttl_s = ttl_s(EVENT_IDS_TTL_MS);
    Row { kind: ID, key, at_ms: batch.at.unix_ms(), entry, body: None, ttl_s }
}

fn event_row(batch: &NewEvents, place: usize, entry: Option<u64>) -> Row {
    let event = &batch.events[place];
    Row {
        kind: EVENT,
        key: event_key(batch.at, place, event),
        at_ms: batch.at.unix_ms(),
        entry,
        body: Some(records::event::encode(event, batch.market, batch.at)),
        ttl_s: ttl_s(HISTORY_TTL_MS),
    }
}

impl Scylla {
    /// Ids of a batch that are in the log, by their keys.
    async fn known(
        &self,
        viewer: AccountId,
        kind: i8,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<(Vec<u8>, Option<i64>)>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.rows(KNOWN, (uuid(viewer.bits()), kind, keys)).await
    }

    async fn plan(&self, batch: &NewEvents) -> Result<Plan, StoreError> {
        let viewer = batch.viewer;
        let ids = batch.events.iter().map(|event| sorted(event.id.0).to_vec()).collect();
        let related = batch.events.iter().filter_map(|event| Some(relation_of(event)?.0)).collect();
        let (ids, related) =
            tokio::try_join!(self.known(viewer, ID, ids), self.known(viewer, RELATION, related))?;
        // An id without an offset is left from a batch that broke off: it is logged now.
        let done = ids.into_iter().filter(|(_, entry)| entry.is_some());
        let mut done: HashSet<Vec<u8>> = done.map(|(key, _)| key).collect();
        let mut related: HashSet<Vec<u8>> = related.into_iter().map(|(key, _)| key).collect();
        let mut plan = Plan { fates: Vec::new(), logged: Vec::new(), writes: Vec::new() };
        for (place, event) in batch.events.iter().enumerate() {
            if !done.insert(sorted(event.id.0).to_vec()) {
                plan.fates.push(EventFate::Duplicate);
                continue;
            }
            if let Some((key, on)) = relation_of(event) {
                if related.contains(&key) == on {
                    // There is nothing to log, so the id is done as it stands.
                    plan.writes.push(id_row(batch, event, Some(0)).write(viewer));
                    plan.fates.push(EventFate::Unchanged);
                    continue;
                }
                plan.relate(batch, &mut related, key, on);
            }
            plan.writes.push(id_row(batch, event, None).write(viewer));
            if let Some(clip) = event.clip.filter(|_| event.kind.suppresses()) {
                plan.writes.push(self.seen_row(batch, clip).write(viewer));
            }
            plan.writes.push(event_row(batch, place, None).write(viewer));
            plan.logged.push(place);
            plan.fates.push(EventFate::Logged(0));
        }
        Ok(plan)
    }

    fn seen_row(&self, batch: &NewEvents, clip: ClipId) -> Row {
        let (key, at_ms) = (sorted(clip.bits()).to_vec(), batch.at.unix_ms());
        let ttl_s = ttl_s(self.inner.seen_ttl_ms);
        Row { kind: SEEN, key, at_ms, entry: None, body: None, ttl_s }
    }

    /// How far this node has seen the log. One that has seen nothing of it since it started looks: its
    /// index may go further, by counters that were kept.
    async fn seen_head(&self) -> Result<u64, StoreError> {
        match self.inner.logs.events.known_head() {
            0 => EventLog::head(self).await,
            head => Ok(head),
        }
    }

    /// One batch of a viewer at a time on this node; batches of one viewer hardly ever meet on two.
    fn turn(&self, viewer: AccountId) -> &Mutex<()> {
        let turns = &self.inner.viewer_turns;
        &turns[(viewer.bits() % turns.len() as u128) as usize]
    }
}

impl Plan {
    fn relate(
        &mut self,
        batch: &NewEvents,
        related: &mut HashSet<Vec<u8>>,
        key: Vec<u8>,
        on: bool,
    ) {
        if on {
            related.insert(key.clone());
            let at_ms = batch.at.unix_ms();
            // Time to live 0: it stays until it is ended.
            let row = Row { kind: RELATION, key, at_ms, entry: None, body: None, ttl_s: 0 };
            self.writes.push(row.write(batch.viewer));
        } else {
            related.remove(&key);
            let values = vec![
                Some(CqlValue::Uuid(uuid(batch.viewer.bits()))),
                Some(CqlValue::TinyInt(RELATION)),
                Some(CqlValue::Blob(key)),
            ];
            self.writes.push((REMOVE, values));
        }
    }
}

#[async_trait]
impl EventLog for Scylla {
    async fn append(&self, batch: NewEvents) -> Result<Appended, StoreError> {
        let _turn = self.turn(batch.viewer).lock().await;
        let Plan { mut fates, logged, writes } = self.plan(&batch).await?;
        if !writes.is_empty() {
            self.run_all(writes).await?;
        }
        let viewer = batch.viewer;
        // An entry of the log is the viewer's id and the event's record.
        let entry = |&place: &usize| {
            let mut entry = sorted(viewer.bits()).to_vec();
            entry.extend(records::event::encode(&batch.events[place], batch.market, batch.at));
            entry
        };
        let offsets = self.append_to(EVENTS, logged.iter().map(entry).collect()).await?;
        let mut placed = Vec::with_capacity(offsets.len() * 2);
        for (&place, &offset) in logged.iter().zip(&offsets) {
            fates[place] = EventFate::Logged(offset);
            placed.push(id_row(&batch, &batch.events[place], Some(offset)).write(viewer));
            placed.push(event_row(&batch, place, Some(offset)).write(viewer));
        }
        if !placed.is_empty() {
            self.run_all(placed).await?;
        }
        Ok(Appended { fates, head: self.seen_head().await? })
    }

    async fn head(&self) -> Result<u64, StoreError> {
        self.head_of(EVENTS).await
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let entries = self.read_log(EVENTS, after, limit).await?;
        let decode = |(offset, body): (u64, Vec<u8>)| {
            let (viewer, record) = body.split_at_checked(16).unwrap_or((&[], &[]));
            let viewer = AccountId::from_bits(unsorted("log_entries", viewer)?);
            let decoded = records::event::decode(record);
            let (event, market, at) = decoded.map_err(|e| corrupt("log_entries", offset, e))?;
            Ok(LoggedEvent { offset, viewer, market, at, event })
        };
        entries.into_iter().map(decode).collect()
    }

    async fn forget_ids(&self, _before: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0) // They end by themselves.
    }

    async fn wait(&self, after: u64) {
        self.wait_for(EVENTS, after).await;
    }
}

#[async_trait]
impl UserStates for Scylla {
    async fn load(&self, viewer: AccountId, reach: Reach) -> Result<UserRows, StoreError> {
        // Before the rows: what the log has up to here has its effect in them.
        let offset = self.seen_head().await?;
        let key = uuid(viewer.bits());
        let seen_max = i32::try_from(SEEN_PER_VIEWER_MAX).unwrap_or(i32::MAX);
        let relations_max =
            i32::try_from(RELATIONS_PER_VIEWER_MAX * Relation::ALL.len()).unwrap_or(i32::MAX);
        let history_max = i32::try_from(reach.history_max).unwrap_or(i32::MAX).max(1);
        let (seen, relations, events) = tokio::try_join!(
            self.rows::<(Vec<u8>, i64)>(MARKS, (key, SEEN, seen_max)),
            self.rows::<(Vec<u8>, i64)>(MARKS, (key, RELATION, relations_max)),
            self.rows::<(Option<i64>, Option<Vec<u8>>)>(HISTORY, (key, EVENT, history_max)),
        )?;
        let mut rows = UserRows { offset, ..UserRows::default() };
        for (clip, at_ms) in seen {
            let at = Timestamp::from_unix_ms(at_ms);
            if at >= reach.seen_since {
                rows.seen.push((ClipId::from_bits(unsorted("viewers", &clip)?), at));
            }
        }
        if rows.seen.len() > reach.seen_max {
            rows.seen.sort_unstable_by_key(|&(clip, at)| (std::cmp::Reverse(at), clip));
            rows.seen.truncate(reach.seen_max);
        }
        for (key, _) in relations {
            let (number, target) = key.split_first().unwrap_or((&u8::MAX, &[]));
            let relation = records::relation::decode(*number);
            let relation = relation.map_err(|damage| corrupt("viewers", viewer, damage))?;
            rows.relations.push((relation, unsorted("viewers", target)?));
        }
        rows.history = history(viewer, offset, events)?;
        Ok(rows)
    }

    async fn relates(
        &self,
        viewer: AccountId,
        wanted: &[(Relation, u128)],
    ) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<Vec<u8>> =
            wanted.iter().map(|&(relation, target)| relation_key(relation, target)).collect();
        let known = self.known(viewer, RELATION, keys.clone()).await?;
        let stands = |key: &Vec<u8>| known.iter().any(|(stored, _)| stored == key);
        Ok(keys.iter().map(stands).collect())
    }

    async fn forget_seen(&self, viewer: AccountId, before: Timestamp) -> Result<(), StoreError> {
        let key = uuid(viewer.bits());
        let marks: Vec<(Vec<u8>, i64)> = self.rows(MARKS, (key, SEEN, FORGET_MAX)).await?;
        let old = marks.into_iter().filter(|(_, at_ms)| *at_ms < before.unix_ms());
        let remove = |(clip, _)| {
            let values = vec![
                Some(CqlValue::Uuid(key)),
                Some(CqlValue::TinyInt(SEEN)),
                Some(CqlValue::Blob(clip)),
            ];
            (REMOVE, values)
        };
        let removals: Vec<_> = old.map(remove).collect();
        if removals.is_empty() { Ok(()) } else { self.run_all(removals).await }
    }
}

/// Events in the order of the log. Those that the log does not have yet, or that are beyond `offset`,
/// reach the viewer's state through the log.
fn history(
    viewer: AccountId,
    offset: u64,
    rows: Vec<(Option<i64>, Option<Vec<u8>>)>,
) -> Result<Vec<LoggedEvent>, StoreError> {
    let mut history = Vec::with_capacity(rows.len());
    for (entry, body) in rows {
        let (Some(entry), Some(body)) = (entry, body) else { continue };
        if entry as u64 > offset {
            continue;
        }
        let decoded = records::event::decode(&body).map_err(|e| corrupt("viewers", viewer, e))?;
        let (event, market, at) = decoded;
        history.push(LoggedEvent { offset: entry as u64, viewer, market, at, event });
    }
    history.sort_unstable_by_key(|logged| logged.offset);
    Ok(history)
}
