//! JSON Web Tokens (RFC 7519), EdDSA or ES256.

use std::collections::HashMap;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

use crate::adapters::system::keys::KeyError;
use crate::domain::account::Scope;
use crate::domain::time::{MINUTE_MS, SECOND_MS, Timestamp};
use crate::ports::tokens::{Claims, TokenError, Tokens};

/// The key id under which this installation signs.
const OWN_KEY_ID: &str = "vitrine";
/// Clocks of issuer and server may differ by this much.
const LEEWAY_MS: i64 = MINUTE_MS;

#[derive(Serialize, Deserialize)]
struct ClaimsRow {
    sub: String,
    scope: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    iss: String,
    aud: serde_json::Value,
}

/// A verification key.
pub struct TrustedKey {
    key: DecodingKey,
    algorithm: Algorithm,
    /// Whose it is. It is good for tokens of this issuer alone: an outside issuer must not speak for
    /// our own accounts.
    issuer: String,
}

/// Signs with the installation's key; accepts that and the keys of a JWKS document.
pub struct JwtTokens {
    signing: EncodingKey,
    keys: HashMap<String, TrustedKey>,
    issuer: String,
    audience: String,
}

impl JwtTokens {
    /// `pkcs8` is the installation's Ed25519 key; `issuer` the name it issues under.
    pub fn new(pkcs8: &[u8], issuer: &str, audience: &str) -> Result<Self, KeyError> {
        let damaged = || KeyError::Damaged("the token key".into());
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| damaged())?;
        let own = TrustedKey {
            key: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            algorithm: Algorithm::EdDSA,
            issuer: issuer.to_owned(),
        };
        Ok(Self {
            signing: EncodingKey::from_ed_der(pkcs8),
            keys: HashMap::from([(OWN_KEY_ID.to_owned(), own)]),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        })
    }

    /// Accepts tokens of `issuer` too, signed by a key of its JWKS document (RFC 7517). Keys that are
    /// neither Ed25519 nor P-256 are left out; answers how many were taken.
    pub fn trust(&mut self, issuer: &str, jwks: &str) -> Result<usize, serde_json::Error> {
        let set: JwkSet = serde_json::from_str(jwks)?;
        let before = self.keys.len();
        for jwk in &set.keys {
            let Some(algorithm) = algorithm(&jwk.algorithm) else { continue };
            if let (Some(id), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                let trusted = TrustedKey { key, algorithm, issuer: issuer.to_owned() };
                // Our own key id cannot be taken over from outside.
                self.keys.entry(id.clone()).or_insert(trusted);
            }
        }
        Ok(self.keys.len() - before)
    }
}

/// The algorithm that goes with a key: only Ed25519 and P-256 are taken.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    if let AlgorithmParameters::OctetKeyPair(pair) = parameters {
        return (pair.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA);
    }
    if let AlgorithmParameters::EllipticCurve(curve) = parameters {
        return (curve.curve == EllipticCurve::P256).then_some(Algorithm::ES256);
    }
    None
}

impl Tokens for JwtTokens {
    fn issue(&self, claims: &Claims, at: Timestamp) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(OWN_KEY_ID.to_owned());
        let scopes: Vec<&str> = claims.scopes.iter().map(|scope| scope.as_str()).collect();
        let row = ClaimsRow {
            sub: claims.subject.clone(),
            scope: scopes.join(" "),
            exp: claims.expires_at.unix_ms() / SECOND_MS,
            nbf: None,
            iat: Some(at.unix_ms() / SECOND_MS),
            iss: claims.issuer.clone(),
            aud: serde_json::Value::String(self.audience.clone()),
        };
        jsonwebtoken::encode(&header, &row, &self.signing).map_err(|_| TokenError::Invalid)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let id = header.kid.as_deref().unwrap_or(OWN_KEY_ID);
        let trusted = self.keys.get(id).ok_or(TokenError::Invalid)?;
        let mut validation = Validation::new(trusted.algorithm);
        // The library would read the system's clock; ours is a parameter, so times are judged below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims.clear();
        validation.set_issuer(&[&trusted.issuer]);
        validation.set_audience(&[&self.audience]);
        let row = jsonwebtoken::decode::<ClaimsRow>(token, &trusted.key, &validation)
            .map_err(|error| {
                let foreign =
                    matches!(error.kind(), ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience);
                if foreign { TokenError::Foreign } else { TokenError::Invalid }
            })?
            .claims;
        let instant = |seconds: i64| Timestamp::from_unix_ms(seconds.saturating_mul(SECOND_MS));
        if instant(row.exp).plus_ms(LEEWAY_MS) <= now {
            return Err(TokenError::Expired);
        }
        if row.nbf.is_some_and(|nbf| instant(nbf) > now.plus_ms(LEEWAY_MS)) {
            return Err(TokenError::NotYetValid);
        }
        if row.sub.is_empty() || row.sub.len() > 255 {
            return Err(TokenError::Invalid);
        }
        Ok(Claims {
            issuer: row.iss,
            subject: row.sub,
            scopes: row.scope.split_ascii_whitespace().filter_map(Scope::from_word).collect(),
            expires_at: instant(row.exp),
        })
    }

    fn issuer(&self) -> &str {
        &self.issuer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::system::keys::throwaway_token_key;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

    fn tokens(audience: &str) -> JwtTokens {
        JwtTokens::new(&throwaway_token_key().unwrap(), "vitrine", audience).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            issuer: "vitrine".into(),
            subject: "alice".into(),
            scopes: vec![Scope::Viewer, Scope::Creator],
            expires_at: NOW.plus_ms(3_600_000),
        }
    }

    #[test]
    fn a_token_comes_back_until_it_expires() {
        let tokens = tokens("vitrine");
        let token = tokens.issue(&claims(), NOW).unwrap();
        assert_eq!(tokens.verify(&token, NOW), Ok(claims()));
        let late = NOW.plus_ms(3_600_000 + LEEWAY_MS);
        assert_eq!(tokens.verify(&token, late), Err(TokenError::Expired));
    }

    #[test]
    fn foreign_keys_audiences_and_algorithms_are_refused() {
        let tokens_here = tokens("vitrine");
        let token = tokens("vitrine").issue(&claims(), NOW).unwrap();
        assert_eq!(tokens_here.verify(&token, NOW), Err(TokenError::Invalid));
        let own = tokens_here.issue(&Claims { issuer: "other".into(), ..claims() }, NOW).unwrap();
        assert_eq!(tokens_here.verify(&own, NOW), Err(TokenError::Foreign));
        // {"alg":"none"} . {"sub":"alice"} . nothing
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.";
        assert_eq!(tokens_here.verify(none, NOW), Err(TokenError::Invalid));
    }
}
