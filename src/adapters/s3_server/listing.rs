//! Lists keys in order: a walk over the folders that stops when the page is full.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use s3s::S3Result;

use super::directory::Directory;
use super::directory::io_failed;
use super::keys::Child;
use super::record::Record;

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Behind this key.
    Key(String),
    /// Behind all keys that start so: a group was the last item of the page before.
    Group(String),
}

impl After {
    /// The continuation token.
    pub(super) fn encode(&self) -> String {
        let (kind, text) = match self {
            Self::Key(text) => ('k', text),
            Self::Group(text) => ('g', text),
        };
        BASE64_URL_SAFE_NO_PAD.encode(format!("{kind}{text}"))
    }

    /// The inverse of [`encode`](Self::encode).
    pub(super) fn decode(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        if let Some(key) = text.strip_prefix('k') {
            return Some(Self::Key(key.to_owned()));
        }
        text.strip_prefix('g').map(|group| Self::Group(group.to_owned()))
    }

    fn covers(&self, key: &str) -> bool {
        match self {
            Self::Key(after) => key <= after.as_str(),
            Self::Group(after) => key <= after.as_str() || key.starts_with(after.as_str()),
        }
    }

    /// Whether every key that starts with `folder` is covered.
    fn covers_folder(&self, folder: &str) -> bool {
        match self {
            Self::Key(after) => folder < after.as_str() && !after.starts_with(folder),
            Self::Group(after) => {
                folder.starts_with(after.as_str())
                    || (folder < after.as_str() && !after.starts_with(folder))
            }
        }
    }
}

/// What to list.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// Only keys that start so.
    pub(super) prefix: String,
    /// Keys that have this text behind the prefix are shown as one group up to and with it.
    pub(super) delimiter: Option<String>,
    pub(super) after: Option<After>,
    /// Items of a page: keys and groups together.
    pub(super) len_max: usize,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) objects: Vec<(String, Record)>,
    pub(super) groups: Vec<String>,
    /// Where the next page starts; `None` at the end.
    pub(super) next: Option<After>,
}

struct Walk<'a> {
    query: &'a Query,
    listing: Listing,
    last: Option<After>,
    full: bool,
}

/// Lists the bucket in `folder`. Blocks.
pub(super) fn list(folder: &Path, query: &Query) -> S3Result<Listing> {
    if query.len_max == 0 {
        return Ok(Listing::default());
    }
    let mut walk = Walk { query, listing: Listing::default(), last: None, full: false };
    walk.folder(folder, "")?;
    if walk.full {
        walk.listing.next = walk.last;
    }
    Ok(walk.listing)
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, text: &str) -> S3Result<()> {
        for child in children(folder).map_err(io_failed)? {
            let key = format!("{text}{}", child.text);
            if self.full {
                return Ok(());
            }
            if child.is_folder() {
                if self.may_hold(&key) {
                    self.folder(&folder.join(&child.name), &key)?;
                }
            } else if key.starts_with(&self.query.prefix) && !self.is_done(&key) {
                self.object(&folder.join(&child.name), key)?;
            }
        }
        Ok(())
    }

    /// Whether a key under the folder `key` may still be wanted.
    fn may_hold(&self, key: &str) -> bool {
        let prefix = self.query.prefix.as_str();
        let matches = key.starts_with(prefix) || prefix.starts_with(key);
        let done = [&self.query.after, &self.last].into_iter().flatten();
        matches && !done.into_iter().any(|after| after.covers_folder(key))
    }

    /// Whether `key` was on an earlier page, or is in a group that this page already has.
    fn is_done(&self, key: &str) -> bool {
        [&self.query.after, &self.last].into_iter().flatten().any(|after| after.covers(key))
    }

    fn object(&mut self, path: &Path, key: String) -> S3Result<()> {
        if let Some(group) = self.group(&key) {
            if self.has_room() {
                self.listing.groups.push(group.clone());
                self.last = Some(After::Group(group));
            }
            return Ok(());
        }
        // One that was removed meanwhile is not listed.
        if let Some(opened) = Directory::open_file(path)?
            && self.has_room()
        {
            self.last = Some(After::Key(key.clone()));
            self.listing.objects.push((key, opened.record));
        }
        Ok(())
    }

    fn group(&self, key: &str) -> Option<String> {
        let delimiter = self.query.delimiter.as_deref().filter(|text| !text.is_empty())?;
        let start = self.query.prefix.len();
        let end = start + key[start..].find(delimiter)? + delimiter.len();
        Some(key[..end].to_owned())
    }

    /// Notes that there is more when the page is full.
    fn has_room(&mut self) -> bool {
        let len = self.listing.objects.len() + self.listing.groups.len();
        self.full = len >= self.query.len_max;
        !self.full
    }
}

fn children(folder: &Path) -> io::Result<Vec<Child>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Emptied and removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    for entry in entries {
        children.extend(entry?.file_name().to_str().and_then(Child::parse));
    }
    children.sort_unstable();
    Ok(children)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::adapters::s3_server::keys;
    use crate::adapters::s3_server::record::Headers;

    fn put(bucket: &Path, key: &str) {
        let path = keys::path(bucket, key).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let record =
            Record { len: 0, etag: "e".into(), modified_ms: 0, headers: Headers::default() };
        fs::write(path, record.encode().unwrap()).unwrap();
    }

    /// All pages joined: keys and groups in the order they came, groups with a `>` before them.
    fn pages(bucket: &Path, prefix: &str, delimiter: Option<&str>, len_max: usize) -> Vec<String> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let (prefix, delimiter) = (prefix.to_owned(), delimiter.map(str::to_owned));
            let query = Query { prefix, delimiter, after, len_max };
            let page = list(bucket, &query).unwrap();
            assert!(page.objects.len() + page.groups.len() <= len_max);
            let mut both: Vec<_> = page.objects.into_iter().map(|(key, _)| (key, "")).collect();
            both.extend(page.groups.into_iter().map(|group| (group, ">")));
            both.sort();
            items.extend(both.into_iter().map(|(text, mark)| format!("{mark}{text}")));
            match page.next {
                None => return items,
                Some(next) => after = After::decode(&next.encode()),
            }
        }
    }

    #[test]
    fn clashing_and_bordering_keys_come_in_byte_order() {
        let bucket = tempfile::tempdir().unwrap();
        for key in ["a", "a/b", "a-b", "a.b", "a0", "a/", "a//c", "B"] {
            put(bucket.path(), key);
        }
        let all = ["B", "a", "a-b", "a.b", "a/", "a//c", "a/b", "a0"];
        assert_eq!(pages(bucket.path(), "", None, 100), all);
        assert_eq!(pages(bucket.path(), "a/", None, 2), ["a/", "a//c", "a/b"]);
        let grouped = ["B", "a", "a-b", "a.b", ">a/", "a0"];
        assert_eq!(pages(bucket.path(), "", Some("/"), 1), grouped);
        assert_eq!(pages(bucket.path(), "a/", Some("/"), 1), ["a/", ">a//", "a/b"]);
    }

    #[test]
    fn a_page_of_nothing_ends_the_list() {
        let bucket = tempfile::tempdir().unwrap();
        put(bucket.path(), "a");
        let none = list(bucket.path(), &Query::default()).unwrap();
        assert!(none.objects.is_empty() && none.next.is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever the page length, the pages together are what a sorted filter gives.
        #[test]
        fn pages_are_the_sorted_keys(
            keys in btree_set("[ab/.-]{1,5}", 0..25),
            prefix in "[ab/]{0,2}",
            grouped: bool,
            len_max in 1_usize..6,
        ) {
            let bucket = tempfile::tempdir().unwrap();
            for key in &keys {
                put(bucket.path(), key);
            }
            let expected: BTreeSet<(String, &str)> = keys
                .iter()
                .filter(|key| key.starts_with(&prefix))
                .map(|key| match key[prefix.len()..].find('/').filter(|_| grouped) {
                    Some(at) => (key[..=prefix.len() + at].to_owned(), ">"),
                    None => (key.clone(), ""),
                })
                .collect();
            let expected: Vec<_> =
                expected.into_iter().map(|(text, mark)| format!("{mark}{text}")).collect();
            let delimiter = grouped.then_some("/");
            prop_assert_eq!(pages(bucket.path(), &prefix, delimiter, len_max), expected);
        }
    }
}
