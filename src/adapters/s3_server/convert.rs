//! Between the protocol's inputs and outputs and our own records.

use std::time::Duration;
use std::time::UNIX_EPOCH;

use s3s::S3Error;
use s3s::S3Result;
use s3s::dto;
use s3s::dto::ETag;
use s3s::dto::ETagCondition;
use s3s::dto::EncodingType;
use s3s::s3_error;

use super::listing::After;
use super::listing::Listing;
use super::listing::Query;
use super::record::Headers;
use super::record::Record;
use crate::domain::limits::OBJECT_PAGE_LEN_MAX;

/// The headers that `$input` asks to keep: the inputs of put, copy and multipart name them alike.
macro_rules! headers_of {
    ($input:expr) => {
        $crate::adapters::s3_server::record::Headers {
            content_type: $input.content_type.take(),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            user: $input.metadata.take().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(super) use headers_of;

/// An instant of a record.
pub(super) fn timestamp(unix_ms: i64) -> dto::Timestamp {
    dto::Timestamp::from(UNIX_EPOCH + Duration::from_millis(unix_ms.max(0) as u64))
}

/// The etag of a record.
pub(super) fn etag(text: &str) -> ETag {
    ETag::Strong(text.to_owned())
}

/// Lengths of files fit: no file system has files beyond 2⁶³ bytes.
pub(super) fn signed(len: u64) -> i64 {
    len.cast_signed()
}

fn holds(condition: &ETagCondition, present: Option<&Record>) -> bool {
    match condition {
        ETagCondition::Any => present.is_some(),
        ETagCondition::ETag(tag) => present.is_some_and(|record| record.etag == tag.value()),
    }
}

/// Checks `If-Match` and `If-None-Match` of a write.
pub(super) fn check_write(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    present: Option<&Record>,
) -> S3Result<()> {
    if let Some(condition) = if_match {
        match present {
            None => return Err(s3_error!(NoSuchKey)),
            Some(_) if !holds(condition, present) => return Err(s3_error!(PreconditionFailed)),
            Some(_) => {}
        }
    }
    if if_none_match.is_some_and(|condition| holds(condition, present)) {
        return Err(s3_error!(PreconditionFailed));
    }
    Ok(())
}

/// The conditions of a read; the etag ones win over those of time (RFC 9110 §13.2.2).
#[expect(clippy::struct_field_names, reason = "the names of the headers")]
pub(super) struct ReadConditions<'a> {
    pub(super) if_match: Option<&'a ETagCondition>,
    pub(super) if_none_match: Option<&'a ETagCondition>,
    pub(super) if_modified_since: Option<&'a dto::Timestamp>,
    pub(super) if_unmodified_since: Option<&'a dto::Timestamp>,
}

impl ReadConditions<'_> {
    /// 412 or 304 when the object is not to be sent.
    pub(super) fn check(&self, record: &Record) -> S3Result<()> {
        // HTTP dates have whole seconds.
        let modified = timestamp(record.modified_ms / 1_000 * 1_000);
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !holds(condition, Some(record)),
            (None, Some(since)) => modified > *since,
            (None, None) => false,
        };
        if failed {
            return Err(s3_error!(PreconditionFailed));
        }
        let fresh = match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => holds(condition, Some(record)),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if fresh { Err(not_modified(record)) } else { Ok(()) }
    }
}

/// A 304 repeats the etag, so that a cache knows what stayed.
fn not_modified(record: &Record) -> S3Error {
    let mut error = s3_error!(NotModified);
    if let Ok(value) = etag(&record.etag).to_http_header() {
        error.set_headers(http::HeaderMap::from_iter([(http::header::ETAG, value)]));
    }
    error
}

/// The positions that a request wants, and `Content-Range` when it is a part.
pub(super) fn range(
    wanted: Option<&dto::Range>,
    len: u64,
) -> S3Result<(std::ops::Range<u64>, Option<String>)> {
    let Some(wanted) = wanted else {
        return Ok((0..len, None));
    };
    match wanted.check(len) {
        Ok(range) if !range.is_empty() => {
            let text = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            Ok((range, Some(text)))
        }
        Ok(_) | Err(_) => {
            let mut error = s3_error!(InvalidRange);
            if let Ok(value) = http::HeaderValue::try_from(format!("bytes */{len}")) {
                let headers = [(http::header::CONTENT_RANGE, value)];
                error.set_headers(http::HeaderMap::from_iter(headers));
            }
            Err(error)
        }
    }
}

/// What a list request asks for.
pub(super) fn query(input: &dto::ListObjectsV2Input) -> S3Result<Query> {
    let asked = input.max_keys.unwrap_or(i32::MAX);
    let asked = u32::try_from(asked).map_err(|_| s3_error!(InvalidArgument))?;
    let token = |text: &String| After::decode(text).ok_or_else(|| s3_error!(InvalidArgument));
    let prefix = input.prefix.clone().unwrap_or_default();
    // The marker of the older list operation may name a group.
    let is_group = |text: &str| {
        let behind = text.strip_prefix(&prefix).filter(|behind| !behind.is_empty());
        let delimiter = input.delimiter.as_deref().filter(|text| !text.is_empty());
        behind.zip(delimiter).is_some_and(|(behind, delimiter)| behind.ends_with(delimiter))
    };
    let after = match (&input.continuation_token, &input.start_after) {
        (Some(text), _) => Some(token(text)?),
        (None, Some(start)) if is_group(start) => Some(After::Group(start.clone())),
        (None, start) => start.clone().filter(|key| !key.is_empty()).map(After::Key),
    };
    Ok(Query {
        prefix,
        delimiter: input.delimiter.clone(),
        after,
        len_max: asked.min(OBJECT_PAGE_LEN_MAX) as usize,
    })
}

/// Percent-encodes names for clients that ask for it: XML cannot hold every character.
pub(super) fn encoder(encoding: Option<&EncodingType>) -> fn(&str) -> String {
    if encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL) {
        |text| {
            let encode = |byte: u8| {
                if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            };
            text.bytes().map(encode).collect()
        }
    } else {
        str::to_owned
    }
}

/// The lines of a list: objects, then groups.
pub(super) fn lines(
    listing: &Listing,
    encode: fn(&str) -> String,
) -> (Vec<dto::Object>, Vec<dto::CommonPrefix>) {
    let object = |(key, record): &(String, Record)| dto::Object {
        key: Some(encode(key)),
        size: Some(signed(record.len)),
        e_tag: Some(etag(&record.etag)),
        last_modified: Some(timestamp(record.modified_ms)),
        ..dto::Object::default()
    };
    let group = |group: &String| dto::CommonPrefix { prefix: Some(encode(group)) };
    (listing.objects.iter().map(object).collect(), listing.groups.iter().map(group).collect())
}

/// The user's own pairs, for an answer.
pub(super) fn user_metadata(headers: &Headers) -> Option<dto::Metadata> {
    (!headers.user.is_empty()).then(|| headers.user.clone().into_iter().collect())
}
