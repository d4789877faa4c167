//! The contract of the access tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::Header;
use ring::signature::Ed25519KeyPair;
use ring::signature::KeyPair as _;
use serde_json::Value;
use serde_json::json;
use vitrine::adapters::system::JwtTokens;
use vitrine::adapters::system::keys::throwaway_token_key;
use vitrine::domain::account::Scope;
use vitrine::domain::time::MINUTE_MS;
use vitrine::domain::time::Timestamp;
use vitrine::ports::tokens::Claims;
use vitrine::ports::tokens::TokenError;
use vitrine::ports::tokens::Tokens;

use crate::stores::NOW;

const ISSUER: &str = "vitrine";
const AUDIENCE: &str = "shop";
const OUTSIDE: &str = "https://id.example";
const TTL_MS: i64 = 60 * MINUTE_MS;

fn jwt(key: &[u8], audience: &str) -> JwtTokens {
    JwtTokens::new(key, ISSUER, audience).unwrap()
}

#[test]
fn jwt_tokens() {
    let (key, other) = (throwaway_token_key().unwrap(), throwaway_token_key().unwrap());
    let tokens = |key, audience| -> Arc<dyn Tokens> { Arc::new(jwt(key, audience)) };
    suite(&tokens(&key, AUDIENCE), &tokens(&key, AUDIENCE));
    let here = tokens(&key, AUDIENCE);
    let mine = claims(ISSUER, NOW.plus_ms(TTL_MS));
    let foreign = tokens(&other, AUDIENCE).issue(&mine, NOW).unwrap();
    assert_eq!(here.verify(&foreign, NOW), Err(TokenError::Invalid), "another installation's");
    let elsewhere = tokens(&key, "elsewhere").issue(&mine, NOW).unwrap();
    assert_eq!(here.verify(&elsewhere, NOW), Err(TokenError::Foreign), "for another audience");
}

fn claims(issuer: &str, expires_at: Timestamp) -> Claims {
    Claims {
        issuer: issuer.into(),
        subject: "mina".into(),
        scopes: vec![Scope::Viewer, Scope::Creator],
        expires_at,
    }
}

/// `again` is another node of the same installation.
pub fn suite(tokens: &Arc<dyn Tokens>, again: &Arc<dyn Tokens>) {
    a_token_says_what_was_issued(&**tokens, &**again);
    time_ends_a_token(&**tokens);
    no_tampering_goes_unseen(&**tokens);
    nonsense_is_refused(&**tokens);
}

fn a_token_says_what_was_issued(tokens: &dyn Tokens, again: &dyn Tokens) {
    assert_eq!(tokens.issuer(), ISSUER);
    for scopes in [vec![], vec![Scope::Operator], Scope::ALL.to_vec()] {
        let claims = Claims { scopes, ..claims(ISSUER, NOW.plus_ms(TTL_MS)) };
        let token = tokens.issue(&claims, NOW).unwrap();
        assert_eq!(tokens.verify(&token, NOW), Ok(claims.clone()));
        assert_eq!(again.verify(&token, NOW), Ok(claims), "every node takes it");
    }
    let foreign = tokens.issue(&claims("other", NOW.plus_ms(TTL_MS)), NOW).unwrap();
    assert_eq!(tokens.verify(&foreign, NOW), Err(TokenError::Foreign));
}

fn time_ends_a_token(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims(ISSUER, NOW.plus_ms(TTL_MS)), NOW).unwrap();
    let verdict = |ms: i64| tokens.verify(&token, NOW.plus_ms(ms)).map(drop);
    assert_eq!(verdict(TTL_MS - 1), Ok(()));
    assert_eq!(verdict(TTL_MS + MINUTE_MS - 1), Ok(()), "clocks may differ by a minute");
    assert_eq!(verdict(TTL_MS + MINUTE_MS), Err(TokenError::Expired));
    assert_eq!(verdict(i64::MAX), Err(TokenError::Expired));
}

fn no_tampering_goes_unseen(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims(ISSUER, NOW.plus_ms(TTL_MS)), NOW).unwrap();
    for (at, letter) in token.char_indices() {
        // The last letter of each part carries unused bits, so a neighbour may mean the same bytes.
        let other = if letter == 'A' { 'Q' } else { 'A' };
        let part_end = token[at + 1..].chars().next().is_none_or(|next| next == '.');
        if letter == '.' || part_end {
            continue;
        }
        let mut forged = token.clone();
        forged.replace_range(at..=at, &other.to_string());
        assert!(tokens.verify(&forged, NOW).is_err(), "letter {at}");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut payload: Value = serde_json::from_slice(&payload).unwrap();
    payload["scope"] = "operator".into();
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let raised = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(tokens.verify(&raised, NOW), Err(TokenError::Invalid));
    for algorithm in ["none", "HS256", "RS256", "ES256"] {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "vitrine" });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        for signature in ["", parts[2]] {
            let forged = format!("{header}.{}.{signature}", parts[1]);
            assert_eq!(tokens.verify(&forged, NOW), Err(TokenError::Invalid), "{algorithm}");
        }
    }
}

fn nonsense_is_refused(tokens: &dyn Tokens) {
    let long = "a".repeat(100_000);
    for nonsense in ["", ".", "..", "...", "a.b.c", "Bearer x", "\u{1f4a1}", &long] {
        assert_eq!(tokens.verify(nonsense, NOW), Err(TokenError::Invalid), "{nonsense:.20}");
    }
    for (subject, allowed) in [("", false), (&*"x".repeat(255), true), (&*"x".repeat(256), false)] {
        let claims = Claims { subject: subject.into(), ..claims(ISSUER, NOW.plus_ms(TTL_MS)) };
        let verdict = tokens.issue(&claims, NOW).and_then(|token| tokens.verify(&token, NOW));
        assert_eq!(verdict.is_ok(), allowed, "a subject of {} bytes", subject.len());
    }
}

/// An outside issuer with one Ed25519 key.
struct Outside {
    key: Vec<u8>,
    id: &'static str,
}

impl Outside {
    fn new(id: &'static str) -> Self {
        Self { key: throwaway_token_key().unwrap(), id }
    }

    fn jwks(&self) -> String {
        let pair = Ed25519KeyPair::from_pkcs8(&self.key).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x }] }).to_string()
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.id.to_owned());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&self.key)).unwrap()
    }
}

fn payload(issuer: &str) -> Value {
    let seconds = NOW.plus_ms(TTL_MS).unix_ms() / 1_000;
    json!({ "iss": issuer, "aud": AUDIENCE, "sub": "mina", "scope": "viewer read:all creator",
        "exp": seconds })
}

#[test]
fn an_outside_issuer_speaks_for_itself_alone() {
    let mut tokens = jwt(&throwaway_token_key().unwrap(), AUDIENCE);
    let outside = Outside::new("key-1");
    let before = outside.sign(&payload(OUTSIDE));
    assert_eq!(tokens.verify(&before, NOW), Err(TokenError::Invalid), "not yet trusted");
    assert_eq!(tokens.trust(OUTSIDE, &outside.jwks()).unwrap(), 1);
    assert_eq!(tokens.verify(&before, NOW), Ok(claims(OUTSIDE, NOW.plus_ms(TTL_MS))));
    let forged = outside.sign(&payload(ISSUER));
    assert_eq!(tokens.verify(&forged, NOW), Err(TokenError::Foreign), "it is not us");
    let own = tokens.issue(&claims(OUTSIDE, NOW.plus_ms(TTL_MS)), NOW).unwrap();
    assert_eq!(tokens.verify(&own, NOW), Err(TokenError::Foreign), "we are not it");

    let mut audience = payload(OUTSIDE);
    audience["aud"] = json!(["another", AUDIENCE]);
    assert!(tokens.verify(&outside.sign(&audience), NOW).is_ok(), "one of several audiences");
    audience["aud"] = json!(["another"]);
    assert_eq!(tokens.verify(&outside.sign(&audience), NOW), Err(TokenError::Foreign));
    let mut early = payload(OUTSIDE);
    early["nbf"] = json!(NOW.unix_ms() / 1_000 + 61);
    assert_eq!(tokens.verify(&outside.sign(&early), NOW), Err(TokenError::NotYetValid));
    early["nbf"] = json!(NOW.unix_ms() / 1_000 + 60);
    assert!(tokens.verify(&outside.sign(&early), NOW).is_ok(), "clocks may differ by a minute");
    for missing in ["iss", "aud", "sub", "exp"] {
        let mut payload = payload(OUTSIDE);
        payload.as_object_mut().unwrap().remove(missing);
        assert!(tokens.verify(&outside.sign(&payload), NOW).is_err(), "without {missing}");
    }
}

#[test]
fn an_outside_key_cannot_take_our_keys_name() {
    let key = throwaway_token_key().unwrap();
    let mut tokens = jwt(&key, AUDIENCE);
    let outside = Outside::new("vitrine");
    assert_eq!(tokens.trust(OUTSIDE, &outside.jwks()).unwrap(), 0);
    for issuer in [ISSUER, OUTSIDE] {
        let forged = outside.sign(&payload(issuer));
        assert_eq!(tokens.verify(&forged, NOW), Err(TokenError::Invalid));
    }
    let own = tokens.issue(&claims(ISSUER, NOW.plus_ms(TTL_MS)), NOW).unwrap();
    assert!(tokens.verify(&own, NOW).is_ok());
}
