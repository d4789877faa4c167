//! Rows with a version: written only by whoever read the version before.

use std::cmp::Ordering;

use scylla::value::CqlValue;
use uuid::Uuid;

use crate::adapters::scylla::query::{Cql, Values};
use crate::adapters::scylla::{LOST_ANSWERS_MAX, Scylla};
use crate::ports::error::StoreError;

/// The statements of a table whose rows have a version. `more` stands for a further column, if there is
/// one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    /// `INSERT INTO … (id, version, body[, more]) VALUES (?, ?, ?[, ?]) IF NOT EXISTS`.
    pub(super) first: Cql,
    /// `UPDATE … SET version = ?, body = ?[, more = ?] WHERE id = ? IF version = ?`.
    pub(super) next: Cql,
    /// A serial read of `version, body` by `id`.
    pub(super) read: Cql,
}

/// A row as it is to be.
#[derive(Clone, Debug)]
pub(super) struct NewRow {
    pub(super) id: Uuid,
    /// The version that the row gets; the one before must be there, or nothing for version 1.
    pub(super) version: u64,
    pub(super) body: Vec<u8>,
    pub(super) more: Option<CqlValue>,
}

/// What became of a write whose answer was lost.
enum Fate {
    Done,
    /// Another write of that version was first.
    Lost,
    /// It did not happen. The serial read has ended what was under way; should its coordinator try once
    /// more all the same, its condition lets only one of it and its repetition in.
    Undone,
    /// A later version is there: only the caller can tell, by reading, whether ours came before it.
    Unclear,
}

impl Scylla {
    /// Writes `row` if the stored version is the one before its own; else [`StoreError::Conflict`].
    ///
    /// When the node of the database that coordinates the write goes away, the row tells whether it was
    /// written; if not, it is written by way of another node.
    pub(super) async fn put_guarded(&self, guard: &Guard, row: &NewRow) -> Result<(), StoreError> {
        let mut unknown = None;
        for _ in 0..LOST_ANSWERS_MAX {
            let applied = match self.apply(guard.statement(row), row.values()).await {
                Ok(true) => return Ok(()),
                Ok(false) if unknown.is_none() => return Err(StoreError::Conflict),
                // What was in the way may be the write before.
                Ok(false) => self.fate(guard, row).await,
                Err(StoreError::OutcomeUnknown(cause)) => {
                    unknown = Some(cause);
                    self.fate(guard, row).await
                }
                Err(other) => return Err(other),
            };
            match applied {
                Ok(Fate::Done) => return Ok(()),
                Ok(Fate::Lost) => return Err(StoreError::Conflict),
                Ok(Fate::Undone) => {}
                Ok(Fate::Unclear) | Err(_) => break,
            }
        }
        let cause = unknown.unwrap_or_else(|| "the write was overtaken".into());
        Err(StoreError::OutcomeUnknown(cause))
    }

    async fn fate(&self, guard: &Guard, row: &NewRow) -> Result<Fate, StoreError> {
        let found: Option<(Option<i64>, Option<Vec<u8>>)> = self.row(guard.read, (row.id,)).await?;
        let (version, body) = found.unwrap_or_default();
        Ok(match (version.unwrap_or(0) as u64).cmp(&row.version) {
            Ordering::Less => Fate::Undone,
            Ordering::Equal if body.is_some_and(|body| body == row.body) => Fate::Done,
            Ordering::Equal => Fate::Lost,
            Ordering::Greater => Fate::Unclear,
        })
    }
}

impl Guard {
    const fn statement(&self, row: &NewRow) -> Cql {
        if row.version == 1 { self.first } else { self.next }
    }
}

impl NewRow {
    /// The values of its statement.
    fn values(&self) -> Values {
        let mut values: Values = Vec::with_capacity(5);
        if self.version == 1 {
            values.push(Some(CqlValue::Uuid(self.id)));
        }
        values.push(Some(CqlValue::BigInt(self.version as i64)));
        values.push(Some(CqlValue::Blob(self.body.clone())));
        values.extend(self.more.clone().map(Some));
        if self.version != 1 {
            values.push(Some(CqlValue::Uuid(self.id)));
            values.push(Some(CqlValue::BigInt(self.version as i64 - 1)));
        }
        values
    }
}
