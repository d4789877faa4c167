//! Access tokens: who speaks, and with which rights.

use crate::domain::account::Scope;
use crate::domain::time::Timestamp;

/// What a valid token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// Who issued it.
    pub issuer: String,
    /// Whom it speaks for, in the issuer's words.
    pub subject: String,
    /// What it allows; words that are not ours are left out.
    pub scopes: Vec<Scope>,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a wrong signature, an unknown key or a foreign algorithm.
    #[error("the token is not valid here")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another issuer or audience.
    #[error("the token is from another issuer or for another audience")]
    Foreign,
}

/// Issues this installation's own tokens and verifies all that it accepts.
pub trait Tokens: Send + Sync {
    /// A signed token with these claims, issued `at`.
    fn issue(&self, claims: &Claims, at: Timestamp) -> Result<String, TokenError>;

    /// The claims of a token, if it is good at `now`, give or take a minute of clock drift.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;

    /// The name this installation issues under.
    fn issuer(&self) -> &str;
}
