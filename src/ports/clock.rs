//! The only source of the present.

use crate::domain::time::Timestamp;

/// Tells the time. Production reads the system clock; tests and replays move it by hand.
pub trait Clock: Send + Sync {
    /// The present instant. It may step backwards when an operator mends the clock.
    fn now(&self) -> Timestamp;
}
