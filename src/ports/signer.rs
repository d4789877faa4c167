//! Signs what leaves the house and must come back unchanged: cursors, quotes, attribution, grants.

/// What a signature is for. A token signed for one purpose is void for any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A place in a list or feed.
    Cursor,
    /// A price promised for a while.
    Quote,
    /// Which clip led to a purchase.
    Attribution,
    /// Leave to read objects under a prefix.
    MediaGrant,
}

/// Keyed signatures over short payloads (HMAC-SHA-256). The key belongs to the installation: every
/// node has the same one, and it survives restarts.
pub trait Signer: Send + Sync {
    /// The signature of `payload` for `purpose`.
    fn sign(&self, purpose: Purpose, payload: &[u8]) -> [u8; 32];

    /// Whether `signature` (the full 32 bytes, or its first 16) is right, in constant time.
    fn verify(&self, purpose: Purpose, payload: &[u8], signature: &[u8]) -> bool;

    /// A digest of `parts` keyed like a signature but never shown: 128 bits for derived ids. Parts are
    /// length-prefixed, so `("ab","c")` and `("a","bc")` differ.
    fn derive(&self, parts: &[&[u8]]) -> u128;
}
