//! Errors of the driver and damage in rows, as ours.

use std::fmt::Display;

use crate::ports::error::StoreError;
use crate::records::Damaged;

/// A row that makes no sense.
pub(super) fn corrupt(table: &'static str, key: impl Display, detail: impl Display) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), detail: detail.to_string() }
}

/// Says of which row a record is damaged.
pub(super) fn damaged(
    table: &'static str,
    key: impl Display,
) -> impl FnOnce(Damaged) -> StoreError {
    move |damage| corrupt(table, key, damage)
}

/// A failure of redb: nothing was written, or the group will be undone.
pub(super) fn io(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Unavailable(Box::new(error.into()))
}
