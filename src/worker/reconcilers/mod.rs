//! Work that must become true: expired holds go back, unknown payments are found out.
//!
//! A reconciler takes no input. What to do follows from the stores and the clock alone, so a crash, a
//! second worker or a lost wake-up only delays the work.

mod expire_checkouts;
mod expire_uploads;
mod forget_adjustments;
mod forget_challenges;
mod forget_event_ids;
mod forget_feed_sessions;
mod forget_finished_checkouts;
mod keep_counters;
mod release_expired_holds;
mod resolve_unknown_payments;
mod trim_changes;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::domain::limits::{OFFICE_LEASE_MS, OFFICE_RENEWAL_MS};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::leases::{Leases, Office};

pub use self::expire_checkouts::ExpireCheckouts;
pub use self::expire_uploads::ExpireUploads;
pub use self::forget_adjustments::ForgetAdjustments;
pub use self::forget_challenges::ForgetChallenges;
pub use self::forget_event_ids::ForgetEventIds;
pub use self::forget_feed_sessions::ForgetFeedSessions;
pub use self::forget_finished_checkouts::ForgetFinishedCheckouts;
pub use self::keep_counters::KeepCounters;
pub use self::release_expired_holds::ReleaseExpiredHolds;
pub use self::resolve_unknown_payments::ResolveUnknownPayments;
pub use self::trim_changes::TrimChanges;

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

/// How long a reconciler rests when nothing is left to do: a hold is back within a second of its end.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether this node holds an office. Of several nodes one at a time does; the others would only do the same
/// work again.
#[derive(Clone)]
pub struct Officer {
    office: Office,
    leases: Arc<dyn Leases>,
    clock: Arc<dyn Clock>,
    holder: u128,
    on_duty: Arc<AtomicBool>,
}

impl Officer {
    /// A node with the name `holder`, which does not hold the office yet.
    pub fn new(
        office: Office,
        leases: Arc<dyn Leases>,
        clock: Arc<dyn Clock>,
        holder: u128,
    ) -> Self {
        Self { office, leases, clock, holder, on_duty: Arc::default() }
    }

    /// Whether this node holds the office.
    pub fn is_on_duty(&self) -> bool {
        self.on_duty.load(Ordering::Acquire)
    }

    /// Asks for the office once, or keeps it.
    pub async fn renew(&self) {
        let now = self.clock.now();
        let until = now.plus_ms(OFFICE_LEASE_MS);
        let held = self.leases.hold(self.office, self.holder, now, until).await;
        if let Err(error) = &held {
            let office = self.office.as_str();
            tracing::warn!(office, %error, "it is not known who holds the office; this node does not");
        }
        self.on_duty.store(held.unwrap_or(false), Ordering::Release);
    }

    /// Keeps asking until `stop`, then gives the office back.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        while !stop.is_cancelled() {
            self.renew().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(OFFICE_RENEWAL_MS)) => {}
            }
        }
        if self.on_duty.swap(false, Ordering::AcqRel)
            && let Err(error) = self.leases.give_back(self.office, self.holder).await
        {
            tracing::debug!(%error, "the office ends by itself");
        }
        Ok(())
    }
}

/// Activates a reconciler until `stop`, while this node keeps house: again at once while there is more,
/// else after a pause.
pub async fn run(
    reconciler: Arc<dyn Reconciler>,
    housekeeper: Officer,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    while !stop.is_cancelled() {
        if !housekeeper.is_on_duty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
            continue;
        }
        // Not interrupted in the middle: a batch is bounded, and what it began is better finished.
        match reconciler.activate().await {
            Ok(activation) if activation.more => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(name = reconciler.name(), %error, "will be tried again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    Ok(())
}
