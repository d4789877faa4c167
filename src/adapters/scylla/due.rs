//! Lists of what a reconciler must look at from an instant on.
//!
//! An entry goes in before the row that it is for is written, and comes out after the row says that it is
//! no longer needed, so entries may be superfluous, never missing. A reader that finds one whose row does
//! not bear it out drops it, but not before it is [`GRACE_MS`] old: the row may be about to be written.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, sorted, unsorted};
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::ports::error::StoreError;

/// How old an entry must be before it may be called superfluous: far longer than any write may take.
pub(super) const GRACE_MS: i64 = 2 * MINUTE_MS;
/// Minutes before the present in which entries may still be put. What is due earlier is filed under the
/// present minute, so that an older minute that is empty stays empty.
const OPEN_MINUTES: i64 = 3;
/// Minutes that one look visits.
const MINUTES_PER_LOOK: i32 = 64;

const LIST_MINUTE: Cql = Cql::write("INSERT INTO due_minutes (kind, minute) VALUES (?, ?)");
const ADD: Cql = Cql::write(
    "INSERT INTO due (kind, minute, at_ms, id, scope, listed_ms) VALUES (?, ?, ?, ?, ?, ?)",
);
const REMOVE: Cql =
    Cql::write("DELETE FROM due WHERE kind = ? AND minute = ? AND at_ms = ? AND id = ?");
const MINUTES: Cql =
    Cql::read("SELECT minute FROM due_minutes WHERE kind = ? AND minute <= ? LIMIT ?");
const ENTRIES: Cql = Cql::read(
    "SELECT at_ms, id, scope, listed_ms FROM due \
     WHERE kind = ? AND minute = ? AND at_ms <= ? LIMIT ?",
);
const FORGET_MINUTE: Cql = Cql::write("DELETE FROM due_minutes WHERE kind = ? AND minute = ?");
const ANY: Cql = Cql::read("SELECT at_ms FROM due WHERE kind = ? AND minute = ? LIMIT 1");

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DueKind {
    Holds,
    Checkouts,
    /// Checkouts that are over, by the end of their time: they may be forgotten some day.
    Finished,
    Uploads,
    Jobs,
}

impl DueKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Checkouts => "checkouts",
            Self::Finished => "finished",
            Self::Uploads => "uploads",
            Self::Jobs => "jobs",
        }
    }
}

/// Minutes that are listed already, so that not every entry lists its minute again.
pub(super) type DueMinutes = Mutex<HashSet<(&'static str, i64)>>;
/// Minutes that a node remembers; holds end within the next minutes, uploads within the next days.
const MINUTES_KNOWN_MAX: usize = 4_096;

/// An entry: `id` is due at `at`. `scope` is what finding its row needs besides its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DueEntry {
    pub(super) at: Timestamp,
    pub(super) id: u128,
    pub(super) scope: u128,
    minute: i64,
    listed_ms: i64,
}

const fn minute_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(MINUTE_MS)
}

impl Scylla {
    /// The minute that an entry is filed under when it is put in now.
    fn filed_under(&self, at: Timestamp) -> i64 {
        let oldest_open = minute_of(self.now_ms()) - OPEN_MINUTES;
        let minute = minute_of(at.unix_ms());
        if minute < oldest_open { minute_of(self.now_ms()) } else { minute }
    }

    /// Puts an entry in. Call it before the row is written.
    pub(super) async fn add_due(
        &self,
        kind: DueKind,
        at: Timestamp,
        id: u128,
        scope: u128,
    ) -> Result<(), StoreError> {
        let (kind, minute) = (kind.as_str(), self.filed_under(at));
        // A minute in which entries may be put is not closed: what was listed once stays listed.
        if !self.inner.minutes.lock().contains(&(kind, minute)) {
            self.run(LIST_MINUTE, (kind, minute)).await?;
            let mut known = self.inner.minutes.lock();
            if known.len() >= MINUTES_KNOWN_MAX {
                known.clear();
            }
            known.insert((kind, minute));
        }
        let (id, scope) = (sorted(id), sorted(scope));
        let entry = (kind, minute, at.unix_ms(), &id[..], &scope[..], self.now_ms());
        self.run(ADD, entry).await
    }

    /// Takes an entry out that was put in for `at`. Call it after the row was written. One that was filed
    /// under another minute, because it was late, is found and dropped by a later look.
    pub(super) async fn remove_due(
        &self,
        kind: DueKind,
        at: Timestamp,
        id: u128,
    ) -> Result<(), StoreError> {
        let id = sorted(id);
        let key = (kind.as_str(), minute_of(at.unix_ms()), at.unix_ms(), &id[..]);
        self.run(REMOVE, key).await
    }

    /// Drops an entry that its row does not bear out, unless it is so young that the row may follow.
    pub(super) async fn drop_stale(
        &self,
        kind: DueKind,
        entry: &DueEntry,
    ) -> Result<(), StoreError> {
        if self.now_ms() - entry.listed_ms < GRACE_MS {
            return Ok(());
        }
        self.drop_entry(kind, entry).await
    }

    /// Takes an entry out as it was found.
    pub(super) async fn drop_entry(
        &self,
        kind: DueKind,
        entry: &DueEntry,
    ) -> Result<(), StoreError> {
        let id = sorted(entry.id);
        let key = (kind.as_str(), entry.minute, entry.at.unix_ms(), &id[..]);
        self.run(REMOVE, key).await
    }

    /// Entries that are due at `now`, the oldest first as far as they are filed so, at most `limit`.
    pub(super) async fn look(
        &self,
        kind: DueKind,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, StoreError> {
        let name = kind.as_str();
        let last = minute_of(now.unix_ms().max(self.now_ms()));
        let minutes: Vec<(i64,)> = self.rows(MINUTES, (name, last, MINUTES_PER_LOOK)).await?;
        let mut found = Vec::new();
        for (minute,) in minutes {
            let wanted = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let values = (name, minute, now.unix_ms(), wanted);
            let rows: Vec<(i64, Vec<u8>, Vec<u8>, i64)> = self.rows(ENTRIES, values).await?;
            if rows.is_empty() {
                self.close_minute(name, minute).await?;
            }
            for (at_ms, id, scope, listed_ms) in rows {
                found.push(DueEntry {
                    at: Timestamp::from_unix_ms(at_ms),
                    id: unsorted("due", &id)?,
                    scope: unsorted("due", &scope)?,
                    minute,
                    listed_ms,
                });
            }
            if found.len() >= limit {
                break;
            }
        }
        found.sort_unstable_by_key(|entry| (entry.at, entry.id));
        Ok(found)
    }

    /// Forgets a minute in which nothing is left and nothing can come any more.
    async fn close_minute(&self, kind: &'static str, minute: i64) -> Result<(), StoreError> {
        if minute >= minute_of(self.now_ms()) - 2 * OPEN_MINUTES {
            return Ok(());
        }
        let left: Option<(i64,)> = self.row(ANY, (kind, minute)).await?;
        if left.is_none() {
            self.run(FORGET_MINUTE, (kind, minute)).await?;
        }
        Ok(())
    }
}
