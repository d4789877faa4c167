//! The four ways a store can fail, by what the caller must do next.

use std::error::Error;

/// A cause from a driver, kept for the log; callers act on the kind alone.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why a store did not do what was asked. Absence is not here: a lookup answers `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else wrote first: read again and decide again.
    #[error("the record was changed by someone else")]
    Conflict,
    /// Nothing was written; the store cannot be reached or is overloaded. Try later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
    /// A conditional write timed out: it may have happened. Read the operation's id; never repeat blindly.
    #[error("the outcome of the write is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// What is stored makes no sense: a bug or a damaged disk.
    #[error("the record `{key}` of `{table}` is damaged: {detail}")]
    Corrupt {
        /// The table or bucket.
        table: &'static str,
        /// The record.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    /// An [`StoreError::Unavailable`] with a plain sentence as its cause.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }
}
