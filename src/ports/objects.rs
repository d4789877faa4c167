//! Clips, posters, playlists and uploads as named byte strings.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::domain::limits::OBJECT_KEY_BYTES_MAX;
use crate::domain::limits::OBJECT_KEY_SEGMENT_BYTES_MAX;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// Bytes on their way, in pieces of the sender's choosing. It ends at the first error; bytes before
/// an error are good.
pub type ObjectBytes = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;

/// Why a text is not the key of an object or a prefix of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing at all.
    #[error("a key is not empty")]
    Empty,
    /// More than [`OBJECT_KEY_BYTES_MAX`] bytes.
    #[error("a key has at most {OBJECT_KEY_BYTES_MAX} bytes")]
    TooLong,
    /// A character outside `A–Z a–z 0–9 ! ' ( ) * + , - . = @ _ ~ /`.
    #[error("a key has letters, digits, `/` and a few signs only")]
    Character,
    /// A segment between slashes is empty, `.`, `..` or longer than
    /// [`OBJECT_KEY_SEGMENT_BYTES_MAX`] bytes.
    #[error(
        "between its slashes a key has 1 to {OBJECT_KEY_SEGMENT_BYTES_MAX} bytes, not `.` or `..`"
    )]
    Segment,
}

fn check_characters(text: &str) -> Result<(), KeyError> {
    if text.len() > OBJECT_KEY_BYTES_MAX {
        return Err(KeyError::TooLong);
    }
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"!'()*+,-.=@_~/".contains(&byte);
    if text.bytes().all(safe) { Ok(()) } else { Err(KeyError::Character) }
}

fn check_segment(segment: &str) -> Result<(), KeyError> {
    let fits = (1..=OBJECT_KEY_SEGMENT_BYTES_MAX).contains(&segment.len());
    if fits && segment != "." && segment != ".." { Ok(()) } else { Err(KeyError::Segment) }
}

/// The name of an object: segments of safe characters between slashes (`clips/01h…/master.m3u8`).
/// It never starts or ends with a slash and never has `.` or `..` as a segment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key with this text.
    pub fn parse(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        check_characters(&text)?;
        text.split('/').try_for_each(check_segment)?;
        Ok(Self(text))
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The start of keys. `clips/ab` covers `clips/abc` and `clips/ab/c`; with a slash at the end it is
/// a folder. The empty prefix covers all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// The prefix with this text: empty, or a key that may end in a slash.
    pub fn parse(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        check_characters(&text)?;
        let folder = text.strip_suffix('/').unwrap_or(&text);
        if !text.is_empty() {
            folder.split('/').try_for_each(check_segment)?;
        }
        Ok(Self(text))
    }

    /// The key made of this prefix and `rest`.
    pub fn key(&self, rest: &str) -> Result<ObjectKey, KeyError> {
        ObjectKey::parse(format!("{}{rest}", self.0))
    }

    /// Whether `key` starts with this prefix.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        key.0.starts_with(&self.0)
    }

    /// The text of the prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which bytes of an object are wanted. Positions count from 0; ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From a position to the end.
    From(u64),
    /// From the first position up to, not including, the second.
    Span(u64, u64),
    /// The last so many bytes.
    Last(u64),
}

impl ByteRange {
    /// The positions in an object of `len` bytes. Empty when the range lies outside it.
    pub fn within(self, len: u64) -> Range<u64> {
        match self {
            Self::From(start) => start.min(len)..len,
            Self::Span(start, end) => start.min(len)..end.clamp(start.min(len), len),
            Self::Last(count) => len.saturating_sub(count)..len,
        }
    }
}

/// What is known about an object besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Length of the whole object in bytes.
    pub len: u64,
    /// Changes whenever the bytes change; without quotes. Its form is the store's business.
    pub etag: String,
    /// Media type as it was put; `application/octet-stream` when the store has none.
    pub content_type: String,
    /// When the object was put, by the store's clock, to the second at least.
    pub last_modified: Timestamp,
}

/// An object being read.
pub struct ObjectRead {
    /// About the whole object, also when only a range is read.
    pub meta: ObjectMeta,
    /// The positions that `bytes` holds. Empty when the wanted range lies outside the object, which
    /// an HTTP handler answers with 416.
    pub range: Range<u64>,
    /// Exactly `range.end - range.start` bytes, or an error at the end.
    pub bytes: ObjectBytes,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// The object's name.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub len: u64,
    /// When it was put.
    pub last_modified: Timestamp,
}

/// Where the next page of a list starts. Opaque: hand it back as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor(pub String);

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPage {
    /// In the order of the keys' bytes. Objects whose names are no [`ObjectKey`] (an outside tool
    /// put them there) are left out, so a page may be shorter than asked although more follow.
    pub objects: Vec<ObjectEntry>,
    /// The start of the next page; `None` at the end.
    pub next: Option<ListCursor>,
}

/// Named byte strings in one bucket.
///
/// - **Atomic.** An object is put whole or not at all. A reader sees the old or the new object from
///   its first to its last byte, never a mix, also while it is replaced.
/// - **Durable.** `Ok` of a write means that it survives a crash of the process and of the machine.
/// - **Idempotent.** Every write may be repeated with the same arguments.
///   [`StoreError::OutcomeUnknown`] therefore means: repeat it, or look.
/// - **Read after write.** What is put, replaced or deleted is seen so by every later call.
///
/// There is no order among writers of one key: the last to finish wins.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Puts `bytes` under `key`, replacing what was there.
    async fn put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StoreError>;

    /// Puts the file at `path` under `key`, in bounded memory. The file must not change meanwhile.
    /// Answers the number of bytes. A file that cannot be read is [`StoreError::Unavailable`].
    async fn put_file(
        &self,
        key: &ObjectKey,
        content_type: &str,
        path: &Path,
    ) -> Result<u64, StoreError>;

    /// Reads an object, or a range of it. `None` when there is none.
    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<ByteRange>,
    ) -> Result<Option<ObjectRead>, StoreError>;

    /// What is known about an object. `None` when there is none.
    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError>;

    /// Removes an object; one that is not there counts as removed.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// At most `limit` objects under `prefix`, in order, starting at `after`. What is put or deleted
    /// between two pages may or may not be seen; all else is seen exactly once. `limit` is brought
    /// into 1 to [`OBJECT_PAGE_LEN_MAX`](crate::domain::limits::OBJECT_PAGE_LEN_MAX).
    async fn list_prefix(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&ListCursor>,
        limit: u32,
    ) -> Result<ObjectPage, StoreError>;

    /// Removes at most `limit` objects under `prefix`, first names first, and tells how many. Fewer
    /// than `limit` means that none is left; a failure may have removed some. `limit` is bounded as
    /// in [`list_prefix`](Self::list_prefix).
    async fn delete_prefix(&self, prefix: &ObjectPrefix, limit: u32) -> Result<u32, StoreError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_safe_paths() {
        for good in ["a", "clips/01h4/720p/seg-1.m4s", "a/b.c", "...", "A=b+c@d~e,(f)'*!"] {
            assert_eq!(ObjectKey::parse(good).unwrap().as_str(), good);
        }
        let long = "a/".repeat(OBJECT_KEY_BYTES_MAX);
        let cases = [
            ("", KeyError::Empty),
            ("/a", KeyError::Segment),
            ("a/", KeyError::Segment),
            ("a//b", KeyError::Segment),
            ("a/../b", KeyError::Segment),
            (".", KeyError::Segment),
            ("a\\b", KeyError::Character),
            ("a b", KeyError::Character),
            ("a\0", KeyError::Character),
            ("ä", KeyError::Character),
            ("a%2e", KeyError::Character),
            (&long, KeyError::TooLong),
            (&"a".repeat(OBJECT_KEY_SEGMENT_BYTES_MAX + 1), KeyError::Segment),
        ];
        for (bad, why) in cases {
            assert_eq!(ObjectKey::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn prefixes_may_end_in_a_slash() {
        assert!(ObjectPrefix::parse("").is_ok());
        let folder = ObjectPrefix::parse("clips/a/").unwrap();
        let key = folder.key("b").unwrap();
        assert_eq!(key.as_str(), "clips/a/b");
        assert!(folder.covers(&key));
        assert!(folder.key("../x").is_err());
        assert_eq!(ObjectPrefix::parse("/"), Err(KeyError::Segment));
        assert_eq!(ObjectPrefix::parse("a//"), Err(KeyError::Segment));
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(ByteRange::From(3).within(10), 3..10);
        assert_eq!(ByteRange::From(10).within(10), 10..10);
        assert_eq!(ByteRange::Span(2, 5).within(10), 2..5);
        assert_eq!(ByteRange::Span(8, 50).within(10), 8..10);
        assert_eq!(ByteRange::Span(5, 2).within(10), 5..5);
        assert_eq!(ByteRange::Last(3).within(10), 7..10);
        assert_eq!(ByteRange::Last(30).within(10), 0..10);
    }

    proptest! {
        #[test]
        fn a_range_stays_inside(a: u64, b: u64, len: u64) {
            for range in [ByteRange::From(a), ByteRange::Span(a, b), ByteRange::Last(a)] {
                let within = range.within(len);
                prop_assert!(within.start <= within.end && within.end <= len);
            }
        }
    }
}
