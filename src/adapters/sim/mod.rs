//! Time and chance in a test's hand.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SimClock {
    now_ms: AtomicI64,
}

impl SimClock {
    /// A clock that shows `at`.
    pub const fn new(at: Timestamp) -> Self {
        Self { now_ms: AtomicI64::new(at.unix_ms()) }
    }

    /// Moves it forward; backwards if `ms` is negative, as when an operator mends a clock.
    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now_ms.load(Ordering::SeqCst))
    }
}

/// Chance from a seed: the same seed, the same bits in the same order.
pub struct SeededEntropy {
    rng: Mutex<ChaCha8Rng>,
}

impl SeededEntropy {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Mutex::new(ChaCha8Rng::seed_from_u64(seed)) }
    }
}

impl Entropy for SeededEntropy {
    fn bits(&self) -> u128 {
        let mut rng = self.rng.lock();
        (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64())
    }
}
