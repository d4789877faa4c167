//! Where a key lives on disk, and back.
//!
//! Each `/`-separated segment of a key becomes one name: folders end in `.d`, objects in `.o`, so
//! that `a` and `a/b` do not clash and no name is `.` or `..`. Every byte but lower-case letters,
//! digits, `-`, `_` and `.` is written `%xx`: keys that differ only in case or in Unicode form stay
//! apart on file systems that would confuse them.

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use s3s::S3Error;
use s3s::S3ErrorCode;
use s3s::S3Result;

/// The bound of S3 for a whole key.
const KEY_BYTES_MAX: usize = 1_024;
/// Common file systems take names of 255 bytes.
const NAME_BYTES_MAX: usize = 255;
const OBJECT: &str = ".o";
const FOLDER: &str = ".d";

fn escape(segment: &str) -> String {
    let mut name = String::with_capacity(segment.len() + 2);
    for byte in segment.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The path of an object's file beneath its bucket's folder.
///
/// A key longer than S3 allows, or with a segment that does not fit a file name, is refused.
pub(super) fn path(bucket: &Path, key: &str) -> S3Result<PathBuf> {
    if key.len() > KEY_BYTES_MAX {
        return Err(S3Error::new(S3ErrorCode::KeyTooLongError));
    }
    let (folders, object) = key.rsplit_once('/').map_or((None, key), |(f, o)| (Some(f), o));
    let mut path = bucket.to_path_buf();
    let folders = folders.iter().flat_map(|folders| folders.split('/'));
    let names = folders.map(|segment| (segment, FOLDER)).chain([(object, OBJECT)]);
    for (segment, suffix) in names {
        let name = escape(segment) + suffix;
        if name.len() > NAME_BYTES_MAX {
            return Err(S3Error::new(S3ErrorCode::KeyTooLongError));
        }
        path.push(name);
    }
    Ok(path)
}

/// One name in a folder, in terms of keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Child {
    /// The segment; that of a folder ends in `/`. The order of children by this text is the order
    /// of the keys beneath them, because no other child starts with a folder's text.
    pub(super) text: String,
    /// The name on disk.
    pub(super) name: String,
}

impl Child {
    /// What `name` stands for; `None` when it is no file of ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let folder = name.strip_suffix(FOLDER).and_then(unescape).map(|text| text + "/");
        let object = || name.strip_suffix(OBJECT).and_then(unescape);
        folder.or_else(object).map(|text| Self { text, name: name.to_owned() })
    }

    /// Whether keys go on beneath it.
    pub(super) fn is_folder(&self) -> bool {
        self.text.ends_with('/')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relative(key: &str) -> String {
        path(Path::new(""), key).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn keys_become_plain_paths() {
        assert_eq!(relative("clips/01h/master.m3u8"), "clips.d/01h.d/master.m3u8.o");
        assert_eq!(relative("a"), "a.o");
        assert_eq!(relative("a/b"), "a.d/b.o");
        assert_eq!(relative("a/"), "a.d/.o");
        assert_eq!(relative("../../x"), "...d/...d/x.o");
        assert_eq!(relative(".."), "...o");
        assert_eq!(relative("A ä"), "%41%20%c3%a4.o");
    }

    #[test]
    fn what_does_not_fit_a_file_name_is_refused() {
        assert!(path(Path::new(""), &"a".repeat(253)).is_ok());
        assert!(path(Path::new(""), &"a".repeat(254)).is_err());
        assert!(path(Path::new(""), &"a/".repeat(513)).is_err());
    }

    #[test]
    fn foreign_names_are_no_children() {
        for name in ["x", ".DS_Store", "a%4.o", "a%zz.o", "%ff.o"] {
            assert_eq!(Child::parse(name), None, "{name}");
        }
    }

    proptest! {
        /// Different keys have different paths, and each path leads back to its key.
        #[test]
        fn paths_lead_back(key in "\\PC{1,20}") {
            let path = path(Path::new(""), &key).unwrap();
            let back: String = path
                .iter()
                .map(|name| Child::parse(name.to_str().unwrap()).unwrap().text)
                .collect();
            prop_assert_eq!(back, key);
            prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
        }
    }
}
