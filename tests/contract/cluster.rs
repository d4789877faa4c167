//! The stores of a cluster: real servers that `scripts/test-servers run` has started.

use std::sync::Arc;

use tokio::sync::OnceCell;
use vitrine::adapters::scylla::{self, Scylla, ScyllaConfig, ScyllaPorts};
use vitrine::adapters::sim::SimClock;
use vitrine::adapters::system::{LocalWakeups, OsEntropy, SystemClock};
use vitrine::ports::entropy::Entropy;
use vitrine::telemetry::calls::StoreCalls;

pub use crate::outside::{keyspace as fresh, variable};
use crate::stores::NOW;

/// Tables are dear, so suites share keyspaces: one for the suites, one for what must outlive a
/// connection. Each is used by one test of a port at most.
#[derive(Clone, Copy, Debug)]
pub enum Keyspace {
    Suites,
    Kept,
}

async fn keyspace(which: Keyspace) -> &'static ScyllaConfig {
    static SUITES: OnceCell<ScyllaConfig> = OnceCell::const_new();
    static KEPT: OnceCell<ScyllaConfig> = OnceCell::const_new();
    let cell = match which {
        Keyspace::Suites => &SUITES,
        Keyspace::Kept => &KEPT,
    };
    cell.get_or_init(async || {
        let config = fresh(&format!("{which:?}"));
        let holder = OsEntropy::new().bits();
        let applied = scylla::migrate(&config, &SystemClock, holder, &mut |_| {}).await.unwrap();
        assert!(!applied.is_empty());
        config
    })
    .await
}

/// What a store stands on, with the suites' present: what they say is due then is not filed as overdue.
pub fn ports() -> ScyllaPorts {
    ScyllaPorts {
        clock: Arc::new(SimClock::new(NOW)),
        entropy: Arc::new(OsEntropy::new()),
        wakeups: Arc::new(LocalWakeups::default()),
        calls: StoreCalls::default(),
    }
}

/// A connection of its own to a keyspace.
pub async fn scylla(which: Keyspace) -> Scylla {
    Scylla::connect(keyspace(which).await, ports()).await.unwrap()
}
