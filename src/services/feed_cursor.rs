//! The cursor of a feed: signed, opaque, bound to its viewer.
//!
//! It names the session and the next page, and carries what the next page needs if the newest pages of
//! the session were lost in a crash: the seed and the clips of the page before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{AccountId, FeedSessionId};
use crate::domain::limits::{FEED_PAGE_LEN_MAX, FEED_PAGES_PER_SESSION_MAX};
use crate::domain::time::Timestamp;
use crate::feed::query::Surface;
use crate::ports::signer::{Purpose, Signer};

/// Layout version; the first byte.
const VERSION: u8 = 1;
/// Version, surface, session, page, seed, start.
const HEAD_BYTES: usize = 1 + 1 + 16 + 4 + 8 + 8;
/// Half of a signature is enough to be beyond guessing and keeps URLs short.
const SIGNATURE_BYTES: usize = 16;

/// A place in a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedCursor {
    /// Which feed.
    pub surface: Surface,
    /// Which walk.
    pub session: FeedSessionId,
    /// The page to be served, from 1.
    pub page: u32,
    /// The session's seed.
    pub seed: u64,
    /// When the session began.
    pub started_at: Timestamp,
    /// Keys of the clips of the page before.
    pub shown: Vec<u64>,
}

impl FeedCursor {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 8 * self.shown.len() + SIGNATURE_BYTES);
        bytes.push(VERSION);
        bytes.push(u8::from(self.surface == Surface::Following));
        bytes.extend_from_slice(&self.session.bits().to_be_bytes());
        bytes.extend_from_slice(&self.page.to_be_bytes());
        bytes.extend_from_slice(&self.seed.to_be_bytes());
        bytes.extend_from_slice(&self.started_at.unix_ms().to_be_bytes());
        self.shown.iter().for_each(|key| bytes.extend_from_slice(&key.to_be_bytes()));
        bytes
    }

    /// The text for `viewer`.
    pub fn seal(&self, viewer: AccountId, signer: &dyn Signer) -> String {
        let mut bytes = self.bytes();
        let signature = signer.sign(Purpose::Cursor, &bound(viewer, &bytes));
        bytes.extend_from_slice(&signature[..SIGNATURE_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor of a text that was made for `viewer`; `None` for any other.
    pub fn open(text: &str, viewer: AccountId, signer: &dyn Signer) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, signature) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
        if !signer.verify(Purpose::Cursor, &bound(viewer, payload), signature) {
            return None;
        }
        let (head, keys) = payload.split_at_checked(HEAD_BYTES)?;
        if head[0] != VERSION || keys.len() > 8 * FEED_PAGE_LEN_MAX as usize || keys.len() % 8 != 0
        {
            return None;
        }
        let surface = if head[1] == 0 { Surface::ForYou } else { Surface::Following };
        let page = u32::from_be_bytes(head[18..22].try_into().ok()?);
        if page > FEED_PAGES_PER_SESSION_MAX {
            return None;
        }
        let key = |key: &[u8]| Some(u64::from_be_bytes(key.try_into().ok()?));
        Some(Self {
            surface,
            session: FeedSessionId::from_bits(u128::from_be_bytes(head[2..18].try_into().ok()?)),
            page,
            seed: key(&head[22..30])?,
            started_at: Timestamp::from_unix_ms(i64::from_be_bytes(head[30..38].try_into().ok()?)),
            shown: keys.chunks_exact(8).filter_map(key).collect(),
        })
    }
}

/// What is signed: the viewer is bound but not carried.
fn bound(viewer: AccountId, payload: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 3] = [b"feed", &viewer.bits().to_be_bytes(), payload];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in whose signatures depend on every byte.
    struct Plain;

    impl Signer for Plain {
        fn sign(&self, purpose: Purpose, payload: &[u8]) -> [u8; 32] {
            let mut signature = [purpose as u8; 32];
            for (index, byte) in payload.iter().enumerate() {
                let slot = &mut signature[index % 16];
                *slot = slot.wrapping_mul(31).wrapping_add(*byte);
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
    fn it_round_trips_for_its_viewer_only_and_any_change_voids_it() {
        let cursor = FeedCursor {
            surface: Surface::Following,
            session: FeedSessionId::from_bits(77),
            page: 3,
            seed: 9,
            started_at: Timestamp::from_unix_ms(1_700_000_000_000),
            shown: (0..10).collect(),
        };
        let viewer = AccountId::from_bits(5);
        let text = cursor.seal(viewer, &Plain);
        assert_eq!(FeedCursor::open(&text, viewer, &Plain), Some(cursor));
        assert_eq!(FeedCursor::open(&text, AccountId::from_bits(6), &Plain), None);
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(FeedCursor::open(&forged, viewer, &Plain), None, "{place}");
            assert_eq!(FeedCursor::open(&text[..place], viewer, &Plain), None, "{place}");
        }
    }
}
