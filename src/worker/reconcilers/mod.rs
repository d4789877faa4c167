//! Work that must become true: expired holds go back, unknown payments are found out.
//!
//! A reconciler takes no input. What to do follows from the stores and the clock alone, so a crash, a
//! second worker or a lost wake-up only delays the work.

mod expire_checkouts;
mod expire_uploads;
mod forget_feed_sessions;
mod keep_counters;
mod release_expired_holds;
mod resolve_unknown_payments;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::ports::error::StoreError;

pub use self::expire_checkouts::ExpireCheckouts;
pub use self::expire_uploads::ExpireUploads;
pub use self::forget_feed_sessions::ForgetFeedSessions;
pub use self::keep_counters::KeepCounters;
pub use self::release_expired_holds::ReleaseExpiredHolds;
pub use self::resolve_unknown_payments::ResolveUnknownPayments;

/// How often a reconciler looks again when there was nothing more to do: an abandoned hold is free
/// within a second of its end.
const INTERVAL: Duration = Duration::from_millis(500);

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

/// Activates a reconciler again and again until `stop`. A failing store is waited out.
pub async fn run(reconciler: Arc<dyn Reconciler>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let more = match reconciler.activate().await {
            Ok(Activation { changed, more }) => {
                if changed > 0 {
                    tracing::debug!(reconciler = reconciler.name(), changed, "reconciled");
                }
                more
            }
            Err(error) => {
                tracing::warn!(reconciler = reconciler.name(), %error, "will be tried again");
                false
            }
        };
        if !more {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }
}
