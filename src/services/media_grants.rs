//! Leave to read objects: links whose path carries a signed grant.
//!
//! A playlist names its segments relative to itself, so a signature in the query string would be lost on
//! the way from the master playlist to a segment. Here the grant is a part of the path and covers a
//! whole prefix: `{public_url}/media/{grant}/{prefix}/master.m3u8`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::time::Timestamp;
use crate::ports::media_links::MediaLinks;
use crate::ports::objects::ObjectKey;
use crate::ports::signer::{Purpose, Signer};

/// Bytes of the signature that a link carries: 128 bits are beyond guessing.
const SIGNATURE_BYTES: usize = 16;

/// Makes and checks grants.
pub struct MediaGrants {
    signer: Arc<dyn Signer>,
    public_url: String,
    ttl_ms: i64,
}

impl MediaGrants {
    /// Links begin with `public_url` and are good for `ttl_ms` to twice as long.
    pub fn new(signer: Arc<dyn Signer>, public_url: String, ttl_ms: i64) -> Self {
        Self { signer, public_url, ttl_ms: ttl_ms.max(60_000) }
    }

    /// Whether `grant` covers `key` at `now`.
    pub fn allows(&self, grant: &str, key: &ObjectKey, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(grant) else { return false };
        let Some((end, signature)) = bytes.split_first_chunk::<5>() else { return false };
        let mut seconds = [0; 8];
        seconds[3..].copy_from_slice(end);
        if Timestamp::from_unix_ms(i64::from_be_bytes(seconds) * 1_000) <= now {
            return false;
        }
        // The grant names no prefix: it is one of those that lead to the key.
        let key = key.as_str();
        signature.len() == SIGNATURE_BYTES
            && key.match_indices('/').any(|(at, _)| {
                let payload = payload(*end, &key[..at]);
                self.signer.verify(Purpose::MediaGrant, &payload, signature)
            })
    }
}

fn payload(end: [u8; 5], prefix: &str) -> Vec<u8> {
    [&end[..], prefix.as_bytes()].concat()
}

impl MediaLinks for MediaGrants {
    fn base(&self, prefix: &str, now: Timestamp) -> String {
        // All grants of one period end together, so they are equal and caches can keep them.
        let period = now.unix_ms().div_euclid(self.ttl_ms) + 2;
        let end_seconds = (period * self.ttl_ms / 1_000).to_be_bytes();
        let mut end = [0; 5]; // 40 bits of seconds reach beyond the year 36000.
        end.copy_from_slice(&end_seconds[3..]);
        let signature = self.signer.sign(Purpose::MediaGrant, &payload(end, prefix));
        let grant = URL_SAFE_NO_PAD.encode([&end[..], &signature[..SIGNATURE_BYTES]].concat());
        format!("{}/media/{grant}/{prefix}", self.public_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in whose signatures differ by purpose and payload.
    struct Plain;

    impl Signer for Plain {
        fn sign(&self, purpose: Purpose, payload: &[u8]) -> [u8; 32] {
            let mut signature = [purpose as u8; 32];
            for (index, byte) in payload.iter().enumerate() {
                signature[index % 16] = signature[index % 16].wrapping_mul(31).wrapping_add(*byte);
            }
            signature
        }

        fn verify(&self, purpose: Purpose, payload: &[u8], signature: &[u8]) -> bool {
            self.sign(purpose, payload)[..signature.len()] == *signature
        }

        fn derive(&self, _: &[&[u8]]) -> u128 {
            0
        }
    }

    #[test]
    fn a_grant_covers_its_prefix_for_its_time() {
        let ttl_ms = 3_600_000;
        let grants = MediaGrants::new(Arc::new(Plain), "http://v".into(), ttl_ms);
        let now = Timestamp::from_unix_ms(1_700_000_000_000);
        let base = grants.base("clips/a/1", now);
        let grant = base.split('/').nth(4).unwrap();
        let key = |text: &str| ObjectKey::parse(text).unwrap();
        assert!(grants.allows(grant, &key("clips/a/1/720/s1.m4s"), now));
        assert!(!grants.allows(grant, &key("clips/a/2/720/s1.m4s"), now));
        assert!(!grants.allows(grant, &key("clips/a/10/s1.m4s"), now));
        assert!(!grants.allows(grant, &key("uploads/u"), now));
        assert!(grants.allows(grant, &key("clips/a/1/x"), now.plus_ms(ttl_ms)));
        assert!(!grants.allows(grant, &key("clips/a/1/x"), now.plus_ms(2 * ttl_ms)));
        assert!(!grants.allows("bm90IG91cnM", &key("clips/a/1/x"), now));
        assert_eq!(base, grants.base("clips/a/1", now.plus_ms(1)));
    }
}
