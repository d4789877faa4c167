//! When a statement that may run twice is sent again.
//!
//! The driver's usual policy gives up serial reads at once, whatever happened to their coordinator, and
//! writes that timed out. But a node that has just died makes its fellows' answers late for a moment, and
//! the next coordinator mostly knows better.

use scylla::errors::{DbError, RequestAttemptError};
use scylla::policies::retry::{RequestInfo, RetryDecision, RetryPolicy, RetrySession};

/// Tries after the first: with three replicas, one for each that is left.
const AGAIN_MAX: u32 = 2;

/// For reads and for writes that may run twice. The statement's deadline bounds all tries together.
#[derive(Debug)]
pub(super) struct NextReplica;

impl RetryPolicy for NextReplica {
    fn new_session(&self) -> Box<dyn RetrySession> {
        Box::new(Tries(0))
    }
}

struct Tries(u32);

impl RetrySession for Tries {
    fn decide_should_retry(&mut self, request: RequestInfo<'_>) -> RetryDecision {
        if self.0 == AGAIN_MAX || !request.is_idempotent || !may_go_better(request.error) {
            return RetryDecision::DontRetry;
        }
        self.0 += 1;
        RetryDecision::RetryNextTarget(None)
    }

    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// Whether another coordinator, or the same a moment later, may succeed.
pub(super) fn may_go_better(error: &RequestAttemptError) -> bool {
    if let RequestAttemptError::DbError(error, _) = error {
        return matches!(
            error,
            DbError::Unavailable { .. }
                | DbError::Overloaded
                | DbError::IsBootstrapping
                | DbError::ServerError
                | DbError::TruncateError
                | DbError::ReadTimeout { .. }
                | DbError::WriteTimeout { .. }
                | DbError::ReadFailure { .. }
                | DbError::WriteFailure { .. }
        );
    }
    matches!(
        error,
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId
    )
}
