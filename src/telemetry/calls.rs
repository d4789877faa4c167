//! Calls to stores: how many, how long, how they ended; and how many one piece of work made.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use crate::telemetry::traces;

/// A closed set of words, in order.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The label.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// A store.
    Store {
        /// The embedded one.
        Embedded = "embedded",
        /// ScyllaDB or Cassandra.
        Cql = "cql",
        /// Redis.
        Redis = "redis",
        /// The object store, in this process or outside.
        S3 = "s3",
    }
}

words! {
    /// What is asked of a store.
    Call {
        /// A read.
        Read = "read",
        /// A read in the order of the conditional writes.
        SerialRead = "serial_read",
        /// A write that may be repeated.
        Write = "write",
        /// A write under a condition.
        Conditional = "conditional",
        /// A command, pipeline or script of Redis.
        Command = "command",
    }
}

words! {
    /// How a call ended.
    Outcome {
        /// It was done.
        Ok = "ok",
        /// Its condition did not hold.
        Conflict = "conflict",
        /// It may have been done.
        Unknown = "unknown",
        /// It was not done.
        Unavailable = "unavailable",
        /// What was read makes no sense.
        Corrupt = "corrupt",
    }
}

const STORES: usize = Store::ALL.len();
const CALLS: usize = Call::ALL.len();

/// From 100 µs, a read in the page cache, to 10 s, beyond every deadline.
const BUCKETS: [f64; 12] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];
pub(super) type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Measures calls to stores. Clones share the figures; a default one's figures are shown nowhere.
#[derive(Clone)]
pub struct StoreCalls {
    pub(super) took: Histograms<3>,
}

impl Default for StoreCalls {
    fn default() -> Self {
        Self { took: Family::new_with_constructor(|| Histogram::new(BUCKETS)) }
    }
}

impl StoreCalls {
    /// A call that began at `began` has ended.
    pub fn ended(&self, store: Store, call: Call, outcome: Outcome, began: Instant) {
        let took = began.elapsed();
        let labels =
            [("store", store.as_str()), ("call", call.as_str()), ("outcome", outcome.as_str())];
        self.took.get_or_create(&labels).observe(took.as_secs_f64());
        tracing::trace!(
            store = store.as_str(),
            call = call.as_str(),
            outcome = outcome.as_str(),
            took_us = took.as_micros() as u64,
            "store call"
        );
        note(store, call, took);
        traces::store_call(store, call, Some(outcome), began);
    }

    /// The running work waited since `began` for a call that other work shared and that was measured there.
    pub fn shared(&self, store: Store, call: Call, began: Instant) {
        note(store, call, began.elapsed());
        traces::store_call(store, call, None, began);
    }
}

fn note(store: Store, call: Call, took: Duration) {
    // Work that nobody tallies is the rule.
    let _untallied = TALLY.try_with(|tally| {
        tally.counts[store as usize][call as usize].fetch_add(1, Ordering::Relaxed);
        tally.took_us[store as usize].fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    });
}

tokio::task_local! {
    static TALLY: Arc<Tally>;
}

/// The calls of one piece of work, such as a request.
///
/// A conditional write that carries the wishes of several requests counts as one for each of them. Work
/// that goes on in a task of its own is not counted.
#[derive(Debug, Default)]
pub struct Tally {
    counts: [[AtomicU32; CALLS]; STORES],
    took_us: [AtomicU64; STORES],
}

impl Tally {
    /// How many calls of a kind there were.
    pub fn count(&self, store: Store, call: Call) -> u32 {
        self.counts[store as usize][call as usize].load(Ordering::Relaxed)
    }

    /// How many calls of any kind there were.
    pub fn total(&self, store: Store) -> u32 {
        Call::ALL.iter().map(|call| self.count(store, *call)).sum()
    }

    /// For `Server-Timing`: `cql;dur=3.412;desc="2 read, 1 conditional"`. Times of calls that ran together
    /// are summed.
    pub fn server_timing(&self) -> String {
        let mut text = String::new();
        for store in Store::ALL.iter().copied().filter(|store| self.total(*store) > 0) {
            let us = self.took_us[store as usize].load(Ordering::Relaxed);
            let calls = Call::ALL.iter().map(|call| (self.count(store, *call), call.as_str()));
            let calls = calls.filter(|(count, _)| *count > 0);
            let calls: Vec<String> = calls.map(|(count, call)| format!("{count} {call}")).collect();
            let separator = if text.is_empty() { "" } else { ", " };
            let (name, calls) = (store.as_str(), calls.join(", "));
            let (ms, us) = (us / 1_000, us % 1_000);
            write!(text, "{separator}{name};dur={ms}.{us:03};desc=\"{calls}\"")
                .expect("writing to a string cannot fail");
        }
        text
    }
}

/// Does `work` and counts its calls to stores.
pub async fn tallied<T>(work: impl Future<Output = T>) -> (T, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    let answer = TALLY.scope(Arc::clone(&tally), work).await;
    (answer, tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_counted_where_they_are_made() {
        let calls = StoreCalls::default();
        let began = Instant::now();
        let ((), first) = tallied(async {
            calls.ended(Store::Cql, Call::Read, Outcome::Ok, began);
            let ((), second) = tallied(async {
                calls.ended(Store::Redis, Call::Command, Outcome::Ok, began);
            })
            .await;
            assert_eq!(second.total(Store::Cql), 0);
            calls.shared(Store::Cql, Call::Conditional, began);
            calls.ended(Store::Cql, Call::Read, Outcome::Unavailable, began);
        })
        .await;
        calls.ended(Store::Cql, Call::Read, Outcome::Ok, began);
        assert_eq!(first.total(Store::Redis), 0);
        let text = first.server_timing();
        assert!(text.starts_with("cql;dur="), "{text}");
        assert!(text.ends_with(";desc=\"2 read, 1 conditional\""), "{text}");
    }
}
