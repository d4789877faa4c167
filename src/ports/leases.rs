//! Offices that one node at a time holds, such as that of the trainer.

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// An office.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Office {
    /// Trains the ranking model.
    Trainer,
    /// Runs the reconcilers.
    Housekeeper,
}

impl Office {
    /// The name in rows and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trainer => "trainer",
            Self::Housekeeper => "housekeeper",
        }
    }
}

/// Gives each office to one holder at a time.
///
/// A lease limits work that is done twice; it does not make it impossible: a holder that was frozen may
/// act a moment longer than its lease. What must not happen twice has a condition of its own.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or keeps `office` for `holder` until `until`: whether it is held by `holder` now. It is given
    /// when nobody holds it, `holder` does, or the last lease ended before `now`.
    async fn hold(
        &self,
        office: Office,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives the office back, if `holder` holds it.
    async fn give_back(&self, office: Office, holder: u128) -> Result<(), StoreError>;
}
