//! The machine's own clock, entropy and keys.

mod clock;
mod entropy;
pub mod keys;
mod leases;
mod tokens;
mod wakeups;

pub use clock::SystemClock;
pub use entropy::OsEntropy;
pub use keys::KeyRing;
pub use leases::LocalLeases;
pub use tokens::{JwtTokens, TrustedKey};
pub use wakeups::LocalWakeups;
