//! Rows with a version: written only by whoever read the version before.

use scylla::value::CqlValue;
use uuid::Uuid;

use crate::adapters::scylla::Scylla;
use crate::adapters::scylla::query::{Cql, Values};
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

impl Scylla {
    /// Writes `row` if the stored version is the one before its own; else [`StoreError::Conflict`].
    pub(super) async fn put_guarded(&self, guard: &Guard, row: &NewRow) -> Result<(), StoreError> {
        let version = CqlValue::BigInt(row.version as i64);
        let mut values: Values = Vec::with_capacity(5);
        if row.version == 1 {
            values.push(Some(CqlValue::Uuid(row.id)));
        }
        values.push(Some(version));
        values.push(Some(CqlValue::Blob(row.body.clone())));
        values.extend(row.more.clone().map(Some));
        let statement = if row.version == 1 {
            guard.first
        } else {
            values.push(Some(CqlValue::Uuid(row.id)));
            values.push(Some(CqlValue::BigInt(row.version as i64 - 1)));
            guard.next
        };
        match self.apply(statement, values).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Conflict),
            Err(StoreError::OutcomeUnknown(cause)) => {
                self.find_out(guard, row).await.unwrap_or(Err(StoreError::OutcomeUnknown(cause)))
            }
            Err(other) => Err(other),
        }
    }

    /// What became of a write whose answer was lost; `None` if that cannot be told. The serial read ends
    /// what was under way: a write that it does not see will not happen any more.
    async fn find_out(&self, guard: &Guard, row: &NewRow) -> Option<Result<(), StoreError>> {
        let found: Option<(Option<i64>, Option<Vec<u8>>)> =
            self.row(guard.read, (row.id,)).await.ok()?;
        let (version, body) = found.unwrap_or_default();
        let version = version.unwrap_or(0) as u64;
        if version == row.version {
            let ours = body.is_some_and(|body| body == row.body);
            return Some(if ours { Ok(()) } else { Err(StoreError::Conflict) });
        }
        // Someone may have written on top of ours: then only the caller can tell by reading.
        (version < row.version)
            .then(|| Err(StoreError::unavailable("the write was overtaken and did not happen")))
    }
}
