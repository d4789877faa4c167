//! Rows as bytes, and driver errors as ours.
//!
//! Rows are MessagePack maps with field names: a later release may add a field with a default and
//! still read what an earlier one wrote.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::error::StoreError;

/// The bytes of a row.
pub(super) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(row).expect("rows hold only what MessagePack can carry")
}

/// The row of these bytes.
pub(super) fn decode<T: DeserializeOwned>(
    table: &'static str,
    key: impl std::fmt::Display,
    bytes: &[u8],
) -> Result<T, StoreError> {
    rmp_serde::from_slice(bytes).map_err(|error| corrupt(table, key, error))
}

/// A row that makes no sense.
pub(super) fn corrupt(
    table: &'static str,
    key: impl std::fmt::Display,
    detail: impl std::fmt::Display,
) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), detail: detail.to_string() }
}

/// A failure of redb: nothing was written, or the group will be undone.
pub(super) fn io(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Unavailable(Box::new(error.into()))
}
