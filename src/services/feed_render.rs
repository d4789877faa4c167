//! A served page as JSON: fragments of the index joined with what belongs to this page.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use crate::domain::attribution::Attribution;
use crate::domain::id::AccountId;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::feed::candidate::SourceKind;
use crate::feed::index::{Index, SharedIndex};
use crate::feed::json;
use crate::ports::feed_sessions::{ServedItem, ServedPage};
use crate::ports::media_links::MediaLinks;
use crate::ports::signer::{Purpose, Signer};

/// Links that are kept ready: those of the clips that are hot now.
const LINKS: usize = 16_384;
/// How long a link is kept ready; links are good for hours.
const LINK_AGE_MS_MAX: i64 = 10 * MINUTE_MS;
/// Bytes of one item as they usually come out; only saves growing the buffer.
const ITEM_BYTES: usize = 1_536;

#[derive(Clone)]
struct Link {
    key: u64,
    made_at: Timestamp,
    base: Arc<str>,
}

/// Writes pages.
pub struct FeedRender {
    index: SharedIndex,
    links: Arc<dyn MediaLinks>,
    signer: Arc<dyn Signer>,
    /// Slot `key mod len`; a newer clip takes the slot of an older one.
    ready: Box<[Mutex<Option<Link>>]>,
}

impl FeedRender {
    /// Takes only what it needs.
    pub fn new(index: SharedIndex, links: Arc<dyn MediaLinks>, signer: Arc<dyn Signer>) -> Self {
        let ready = (0..LINKS).map(|_| Mutex::new(None)).collect();
        Self { index, links, signer, ready }
    }

    fn base(&self, index: &Index, ordinal: u32, now: Timestamp) -> Arc<str> {
        let key = index.row(ordinal).key;
        let mut slot = self.ready[(key % LINKS as u64) as usize].lock();
        if let Some(link) = &*slot
            && link.key == key
            && (0..LINK_AGE_MS_MAX).contains(&now.since_ms(link.made_at))
        {
            return Arc::clone(&link.base);
        }
        let base: Arc<str> = self.links.base(&index.media_prefix(ordinal), now).into();
        *slot = Some(Link { key, made_at: now, base: Arc::clone(&base) });
        base
    }

    /// The page for `viewer`. A clip that was removed since it was served is left out.
    pub fn page(
        &self,
        viewer: AccountId,
        page: &ServedPage,
        next_cursor: Option<&str>,
        now: Timestamp,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + page.items.len() * ITEM_BYTES);
        out.extend_from_slice(b"{\"slate_id\":\"");
        out.extend_from_slice(page.slate.to_string().as_bytes());
        out.extend_from_slice(b"\",\"items\":[");
        let start = out.len();
        let index = self.index.read();
        for (position, item) in page.items.iter().enumerate() {
            let Some(ordinal) = index.ordinal(item.clip) else { continue };
            let Some((creator, product)) = index.credit(ordinal) else { continue };
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"position\":");
            json::write_number(position as u64, &mut out);
            out.push(b',');
            index.write_clip(ordinal, &self.base(&index, ordinal, now), &mut out);
            let claim = Attribution {
                viewer,
                clip: item.clip,
                creator,
                slate: page.slate,
                position: position as u32,
                product,
                issued_at: page.served_at,
            };
            self.write_tail(item, &claim, &mut out);
        }
        drop(index);
        out.extend_from_slice(b"],\"next_cursor\":");
        match next_cursor {
            // Base64 needs no escapes.
            Some(cursor) => {
                out.push(b'"');
                out.extend_from_slice(cursor.as_bytes());
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        let flag = |value: bool| if value { &b"true"[..] } else { b"false" };
        out.extend_from_slice(b",\"exhausted\":");
        out.extend_from_slice(flag(page.exhausted));
        out.extend_from_slice(b",\"degraded\":");
        out.extend_from_slice(flag(page.degraded));
        out.push(b'}');
        out
    }

    fn write_tail(&self, item: &ServedItem, claim: &Attribution, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"source\":\"");
        out.extend_from_slice(SourceKind::from_number(item.source).as_str().as_bytes());
        out.extend_from_slice(b"\",\"attribution_token\":\"");
        let mut token = claim.to_bytes();
        let signature = self.signer.sign(Purpose::Attribution, &token);
        token.extend_from_slice(&signature[..16]);
        let start = out.len();
        out.resize(start + token.len().div_ceil(3) * 4, 0);
        let written = URL_SAFE_NO_PAD.encode_slice(&token, &mut out[start..]).unwrap_or(0);
        out.truncate(start + written);
        out.extend_from_slice(b"\"}");
    }
}
