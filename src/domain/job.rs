//! Background work that was asked for: what, how often tried, when next.

use crate::domain::id::{ClipId, JobId};
use crate::domain::limits::{
    JOB_ATTEMPTS_MAX, JOB_BACKOFF_MS_MAX, JOB_CLAIMS_MAX, JOB_OUTAGE_BACKOFF_MS_MAX,
};
use crate::domain::time::{SECOND_MS, Timestamp};

/// What is to be done. The payload only names things; the worker reads their present state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobKind {
    /// Make renditions of a clip's upload and publish it.
    Transcode(ClipId),
    /// Remove the media of a clip that was taken down.
    Purge(ClipId),
}

/// One unit of work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Who it is; derived from the work, so that asking twice queues once.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// How often it was begun.
    pub attempts: u32,
    /// Not before this instant.
    pub run_at: Timestamp,
}

/// What becomes of a job whose try failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterFailure {
    /// Again at this instant.
    RetryAt(Timestamp),
    /// Parked as a dead letter for an operator.
    Park,
}

/// Whether a job that was just begun for the `attempts`th time was begun too often. Most of those tries
/// ended with their worker, or they would have been judged: another would do so again.
pub const fn wears_workers_out(attempts: u32) -> bool {
    attempts > JOB_CLAIMS_MAX
}

/// Decides after try number `attempts` (from 1): the wait doubles from five seconds up to a bound.
pub fn after_failure(attempts: u32, now: Timestamp) -> AfterFailure {
    if attempts >= JOB_ATTEMPTS_MAX {
        return AfterFailure::Park;
    }
    AfterFailure::RetryAt(now.plus_ms(wait_ms(attempts, JOB_BACKOFF_MS_MAX)))
}

/// When try number `attempts` is repeated that failed because a store was away: the job is not to blame,
/// so it is never parked for that.
pub fn after_outage(attempts: u32, now: Timestamp) -> Timestamp {
    now.plus_ms(wait_ms(attempts, JOB_OUTAGE_BACKOFF_MS_MAX))
}

fn wait_ms(attempts: u32, wait_ms_max: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(16);
    (5 * SECOND_MS).saturating_mul(1 << doublings).min(wait_ms_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_in_the_park() {
        let now = Timestamp::from_unix_ms(1_000);
        assert_eq!(after_failure(1, now), AfterFailure::RetryAt(now.plus_ms(5_000)));
        assert_eq!(after_failure(2, now), AfterFailure::RetryAt(now.plus_ms(10_000)));
        assert_eq!(after_failure(JOB_ATTEMPTS_MAX, now), AfterFailure::Park);
        assert!(!wears_workers_out(JOB_CLAIMS_MAX) && wears_workers_out(JOB_CLAIMS_MAX + 1));
    }

    #[test]
    fn a_store_that_is_away_never_parks_a_job() {
        let now = Timestamp::from_unix_ms(1_000);
        assert_eq!(after_outage(1, now), now.plus_ms(5_000));
        let later = now.plus_ms(JOB_OUTAGE_BACKOFF_MS_MAX);
        assert_eq!(after_outage(JOB_ATTEMPTS_MAX + 100, now), later);
    }
}
