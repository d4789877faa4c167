//! Random bits of the operating system.

use parking_lot::Mutex;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use crate::ports::entropy::Entropy;

/// ChaCha20 seeded by the operating system once: as unpredictable, without a system call per id.
pub struct OsEntropy {
    rng: Mutex<ChaCha20Rng>,
}

impl OsEntropy {
    /// Seeds from the operating system.
    pub fn new() -> Self {
        Self { rng: Mutex::new(ChaCha20Rng::from_os_rng()) }
    }
}

impl Default for OsEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for OsEntropy {
    fn bits(&self) -> u128 {
        let mut rng = self.rng.lock();
        (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64())
    }
}
