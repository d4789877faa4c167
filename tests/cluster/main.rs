//! Real nodes over real servers: `vitrine` processes on loopback, three Cassandra nodes, Redis and an S3.
//!
//! The servers come from `scripts/test-servers` (see `tests/servers/README.md`) and are shared, as is the
//! keyspace. Tests that harm them run alone: see [`Servers::shared`] and [`Servers::alone`]. Each test
//! starts nodes of its own.

mod client;
mod drain;
mod faults;
mod nodes;
mod proxy;
mod race;
mod server;
mod servers;
mod shop;
mod worker;

use std::time::Duration;

use tokio::time::Instant;

/// The requirement: so long after something happened on one node at most, the others show it. Held
/// against the median, so that a moment in which the machine was busy elsewhere does not fail it.
pub const FRESH_MAX: Duration = Duration::from_secs(1);
/// The requirement: so long after a server is back, everything works again.
pub const RECOVERY_MAX: Duration = Duration::from_secs(10);
/// Nothing that should come takes longer than this, on any machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Looks again and again until there is something; answers it and how long that took.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return (found, began.elapsed());
        }
        assert!(began.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Tells how it went.
#[expect(clippy::print_stdout, reason = "a test's own summary, shown with --nocapture")]
pub fn tell(text: &str) {
    println!("{text}");
}
