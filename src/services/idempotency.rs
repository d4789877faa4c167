//! What a client's key turns into.

use crate::domain::checkout::Fingerprint;
use crate::domain::id::AccountId;
use crate::ports::signer::Signer;

/// A client's name for one intent, with the digest of what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// As the client sent it.
    pub text: String,
    /// Of the body.
    pub fingerprint: Fingerprint,
}

impl RequestKey {
    /// The digest of account, route and key: the scope within which a key means one intent.
    pub fn digest(&self, signer: &dyn Signer, account: AccountId, route: &str) -> u128 {
        let account = account.bits().to_be_bytes();
        signer.derive(&[b"key", &account, route.as_bytes(), self.text.as_bytes()])
    }
}

/// An answer, and whether it was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayable<T> {
    /// The answer.
    pub value: T,
    /// Whether the key's first request got it already.
    pub replayed: bool,
}

impl<T> Replayable<T> {
    /// The first answer.
    pub const fn first(value: T) -> Self {
        Self { value, replayed: false }
    }

    /// An answer that was given before.
    pub const fn again(value: T) -> Self {
        Self { value, replayed: true }
    }
}
