//! Conditional requests (RFC 9110 §13): entity tags, and what clients say about the ones they know.
//!
//! The tag of a resource with versions begins with its version: `"v7"` or `"v7-…"`. Reads compare the
//! whole tag, edits the version alone.

use axum::http::{HeaderMap, HeaderValue, header};
use ring::digest::{SHA256, digest};

/// Bytes of a body's digest in a tag: changes of one resource never meet by accident.
const DIGEST_BYTES: usize = 8;

/// The tag of a version whose shown form also moves without a new one: `more` tells these apart.
pub fn etag(version: u64, more: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"v{version}-{more}\"")).expect("plain text is header text")
}

/// The tag of a version, shown as `body`.
pub fn etag_of_body(version: u64, body: &[u8]) -> HeaderValue {
    use std::fmt::Write as _;
    let mut more = String::with_capacity(2 * DIGEST_BYTES);
    for byte in &digest(&SHA256, body).as_ref()[..DIGEST_BYTES] {
        let _ = write!(more, "{byte:02x}"); // Writing to a string does not fail.
    }
    etag(version, &more)
}

/// Whether `If-None-Match` names `tag`: compared weakly, as that header asks.
pub fn is_known(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let mut tags = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|one| one == b"*" || one.strip_prefix(b"W/").unwrap_or(one) == tag)
    })
}

/// Whether `Range` is to be obeyed: `If-Range` may ask for the whole if the client has another `tag`.
/// No dates are given out here, so a date fits nothing.
pub fn range_holds(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes().trim_ascii() == tag)
}

/// The versions that `If-Match` allows; `None` for any. A tag that is not ours matches nothing.
pub fn expected_versions(headers: &HeaderMap) -> Option<Vec<u64>> {
    let mut versions = Vec::new();
    let values = headers.get_all(header::IF_MATCH);
    values.iter().next()?;
    for tag in values.iter().flat_map(|value| value.to_str().unwrap_or_default().split(',')) {
        let tag = tag.trim();
        if tag == "*" {
            return None;
        }
        versions.extend(version_of(tag));
    }
    Some(versions)
}

fn version_of(tag: &str) -> Option<u64> {
    let inside = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    inside.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_match_names_versions() {
        assert_eq!(expected_versions(&HeaderMap::new()), None);
        let expected = |value| expected_versions(&headers(header::IF_MATCH, value));
        assert_eq!(expected("*"), None);
        assert_eq!(expected("\"v2\", \"v3-ils\", W/\"v4\", \"other\""), Some(vec![2, 3]));
        assert_eq!(expected(""), Some(vec![]));
    }

    #[test]
    fn if_none_match_is_weak_and_if_range_strong() {
        let known = |value| is_known(&headers(header::IF_NONE_MATCH, value), b"\"v1\"");
        assert!(known("\"v1\"") && known("W/\"v1\"") && known("\"v0\" , \"v1\"") && known("*"));
        assert!(!known("\"v10\"") && !known("v1") && !is_known(&HeaderMap::new(), b"\"v1\""));
        let holds = |value| range_holds(&headers(header::IF_RANGE, value), b"\"v1\"");
        assert!(holds("\"v1\"") && range_holds(&HeaderMap::new(), b"\"v1\""));
        assert!(!holds("W/\"v1\"") && !holds("\"v2\"") && !holds("Sat, 29 Oct 1994 19:43:31 GMT"));
    }
}
