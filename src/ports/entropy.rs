//! The only source of chance.

/// Gives random bits. Production draws from the operating system; tests and replays from a seed.
pub trait Entropy: Send + Sync {
    /// 128 random bits, fit for ids and secrets.
    fn bits(&self) -> u128;

    /// 64 random bits, fit for seeds.
    fn seed(&self) -> u64 {
        self.bits() as u64
    }
}
