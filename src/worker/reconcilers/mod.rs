//! Work that must become true: expired holds go back, unknown payments are found out.
//!
//! A reconciler takes no input. What to do follows from the stores and the clock alone, so a crash, a
//! second worker or a lost wake-up only delays the work.

mod expire_checkouts;
mod release_expired_holds;
mod resolve_unknown_payments;

use async_trait::async_trait;

use crate::ports::error::StoreError;

pub use self::expire_checkouts::ExpireCheckouts;
pub use self::release_expired_holds::ReleaseExpiredHolds;
pub use self::resolve_unknown_payments::ResolveUnknownPayments;

/// What one batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Activation {
    /// Records that moved on.
    pub changed: usize,
    /// Whether another batch is waiting already.
    pub more: bool,
}

/// Makes something true that must become true.
#[async_trait]
pub trait Reconciler: Send + Sync {
    /// A stable name for logs and metrics.
    fn name(&self) -> &'static str;

    /// Does one bounded batch. Two at once do no harm.
    async fn activate(&self) -> Result<Activation, StoreError>;
}
