//! Who is calling: from a bearer token to an account and its scopes.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::domain::account::Scope;
use crate::domain::id::AccountId;
use crate::domain::time::{DAY_MS, Timestamp};
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::signer::Signer;
use crate::ports::tokens::{Claims, TokenError, Tokens};

/// Verified tokens kept: a signature check costs tens of microseconds, more than a feed page may.
const CACHED_TOKENS_MAX: usize = 65_536;
/// How long a guest may stay the same guest.
const GUEST_TTL_MS: i64 = 30 * DAY_MS;

/// Whom a request speaks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The account; it comes into being on first use.
    pub account: AccountId,
    scopes: u8,
    expires_at: Timestamp,
}

impl Caller {
    /// Whether the token allows this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes & bit(scope) != 0
    }
}

const fn bit(scope: Scope) -> u8 {
    match scope {
        Scope::Viewer => 1,
        Scope::Creator => 2,
        Scope::Merchant => 4,
        Scope::Operator => 8,
    }
}

/// A token made for someone, with what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// The bearer token.
    pub token: String,
    /// Its claims.
    pub claims: Claims,
    /// The account it speaks for.
    pub account: AccountId,
}

/// Verifies and issues tokens.
pub struct Access {
    tokens: Arc<dyn Tokens>,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    verified: RwLock<HashMap<Box<str>, Caller>>,
}

impl Access {
    /// Takes only what it needs to read and make tokens.
    pub fn new(
        tokens: Arc<dyn Tokens>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { tokens, signer, clock, entropy, verified: RwLock::default() }
    }

    /// The caller behind a bearer token.
    pub fn authenticate(&self, token: &str) -> Result<Caller, TokenError> {
        let now = self.clock.now();
        let cached = self.verified.read().get(token).copied();
        if let Some(caller) = cached.filter(|caller| now < caller.expires_at) {
            return Ok(caller);
        }
        let claims = self.tokens.verify(token, now)?;
        let caller = Caller {
            account: self.account(&claims.issuer, &claims.subject),
            scopes: claims.scopes.iter().fold(0, |bits, scope| bits | bit(*scope)),
            expires_at: claims.expires_at,
        };
        let mut verified = self.verified.write();
        if verified.len() >= CACHED_TOKENS_MAX {
            // Dropping all is rare and cheap; a list by age would cost every request.
            verified.clear();
        }
        verified.insert(token.into(), caller);
        Ok(caller)
    }

    /// A token for `subject`, good for `ttl_ms`.
    pub fn issue(
        &self,
        subject: &str,
        scopes: &[Scope],
        ttl_ms: i64,
    ) -> Result<Issued, TokenError> {
        let now = self.clock.now();
        let claims = Claims {
            issuer: self.tokens.issuer().to_owned(),
            subject: subject.to_owned(),
            scopes: scopes.to_vec(),
            expires_at: now.plus_ms(ttl_ms),
        };
        let token = self.tokens.issue(&claims, now)?;
        let account = self.account(&claims.issuer, subject);
        Ok(Issued { token, claims, account })
    }

    /// A token for a new guest: a viewer whom nobody knows.
    pub fn issue_guest(&self) -> Result<Issued, TokenError> {
        let subject = format!("guest-{:032x}", self.entropy.bits());
        self.issue(&subject, &[Scope::Viewer], GUEST_TTL_MS)
    }

    /// The account of a subject; the same on every node and after every restart.
    pub fn account(&self, issuer: &str, subject: &str) -> AccountId {
        let parts: [&[u8]; 3] = [b"account", issuer.as_bytes(), subject.as_bytes()];
        AccountId::derived(self.signer.derive(&parts))
    }
}
