//! The port, operation by operation.

use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::Delete;
use aws_sdk_s3::types::ObjectIdentifier;
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::S3Objects;
use super::errors;
use super::upload::Source;
use crate::domain::limits::OBJECT_PAGE_LEN_MAX;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::objects::ByteRange;
use crate::ports::objects::ListCursor;
use crate::ports::objects::ObjectBytes;
use crate::ports::objects::ObjectEntry;
use crate::ports::objects::ObjectKey;
use crate::ports::objects::ObjectMeta;
use crate::ports::objects::ObjectPage;
use crate::ports::objects::ObjectPrefix;
use crate::ports::objects::ObjectRead;
use crate::ports::objects::ObjectStore;

/// The `Range` header; `None` when the range is empty whatever the object's length.
fn range_header(range: ByteRange) -> Option<String> {
    match range {
        ByteRange::From(start) => Some(format!("bytes={start}-")),
        ByteRange::Span(start, end) => (start < end).then(|| format!("bytes={start}-{}", end - 1)),
        ByteRange::Last(count) => (count > 0).then(|| format!("bytes=-{count}")),
    }
}

/// The positions and the whole length that `Content-Range: bytes 2-5/10` tells.
fn parse_content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (positions, len) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..last.checked_add(1)?, len.parse().ok()?))
}

fn timestamp(time: Option<&DateTime>) -> Timestamp {
    let ms = time.and_then(|time| time.to_millis().ok());
    ms.map_or(Timestamp::EPOCH, Timestamp::from_unix_ms)
}

fn meta(
    len: u64,
    etag: Option<String>,
    content_type: Option<String>,
    last_modified: Option<&DateTime>,
) -> ObjectMeta {
    ObjectMeta {
        len,
        etag: etag.unwrap_or_default().trim_matches('"').to_owned(),
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        last_modified: timestamp(last_modified),
    }
}

/// The body as the port's stream. The client fails a body that ends early, one that stands still, and
/// one that has not the checksum that the server keeps; `at` names the object then.
fn bytes(body: ByteStream, at: String) -> ObjectBytes {
    let stream = futures_util::stream::unfold(Some((body, at)), |state| async move {
        let (mut body, at) = state?;
        match body.next().await? {
            Ok(bytes) => Some((Ok(bytes), Some((body, at)))),
            Err(error) => Some((Err(errors::of_body(error, at)), None)),
        }
    });
    stream.boxed()
}

fn length(len: Option<i64>) -> u64 {
    len.unwrap_or(0).max(0).cast_unsigned()
}

impl S3Objects {
    fn damaged(&self, key: &ObjectKey, detail: &str) -> StoreError {
        StoreError::Corrupt { table: "objects", key: self.name(key), detail: detail.to_owned() }
    }

    fn name(&self, key: &ObjectKey) -> String {
        format!("{}/{key}", self.bucket)
    }

    fn read(&self, key: &ObjectKey, output: GetObjectOutput) -> Result<ObjectRead, StoreError> {
        let (range, len) = match output.content_range.as_deref() {
            None => (0..length(output.content_length), length(output.content_length)),
            Some(header) => parse_content_range(header)
                .ok_or_else(|| self.damaged(key, "an unreadable Content-Range"))?,
        };
        let modified = output.last_modified.as_ref();
        let meta = meta(len, output.e_tag, output.content_type, modified);
        Ok(ObjectRead { meta, range, bytes: bytes(output.body, self.name(key)) })
    }

    /// The answer to a range that holds nothing.
    async fn read_nothing(
        &self,
        key: &ObjectKey,
        range: ByteRange,
    ) -> Result<Option<ObjectRead>, StoreError> {
        let Some(meta) = self.head(key).await? else {
            return Ok(None);
        };
        let range = range.within(meta.len);
        if !range.is_empty() {
            return Err(StoreError::Conflict); // Replaced by a longer object meanwhile.
        }
        Ok(Some(ObjectRead { meta, range, bytes: futures_util::stream::empty().boxed() }))
    }

    async fn delete_batch(&self, keys: Vec<String>) -> Result<(), StoreError> {
        let identifiers = keys.into_iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let identifiers: Result<Vec<_>, _> = identifiers.collect();
        let identifiers = identifiers.map_err(StoreError::unavailable)?;
        let delete = Delete::builder().set_objects(Some(identifiers)).quiet(true).build();
        let delete = delete.map_err(StoreError::unavailable)?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
        let output = request.send().await.map_err(errors::of_write)?;
        match output.errors().first() {
            None => Ok(()),
            Some(error) => {
                let code = error.code().unwrap_or("unknown");
                Err(StoreError::unavailable(format!("an object was not deleted: {code}")))
            }
        }
    }
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        let len = bytes.len() as u64;
        self.upload(key, content_type, Source::Bytes(bytes), len).await
    }

    async fn put_file(
        &self,
        key: &ObjectKey,
        content_type: &str,
        path: &Path,
    ) -> Result<u64, StoreError> {
        let len = tokio::fs::metadata(path).await.map_err(StoreError::unavailable)?.len();
        self.upload(key, content_type, Source::File(path), len).await?;
        Ok(len)
    }

    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<ByteRange>,
    ) -> Result<Option<ObjectRead>, StoreError> {
        let header = range.map(range_header);
        if let (Some(range), Some(None)) = (range, &header) {
            return self.read_nothing(key, range).await;
        }
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        match request.set_range(header.flatten()).send().await {
            Ok(output) => self.read(key, output).map(Some),
            Err(error) if errors::is_absent(&error) => Ok(None),
            Err(error) if errors::is_outside(&error) => match range {
                Some(range) => self.read_nothing(key, range).await,
                None => Err(errors::of_read(error)),
            },
            Err(error) => Err(errors::of_read(error)),
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key.as_str());
        match request.send().await {
            Ok(output) => {
                let (len, modified) = (length(output.content_length), output.last_modified);
                Ok(Some(meta(len, output.e_tag, output.content_type, modified.as_ref())))
            }
            Err(error) if errors::is_absent(&error) => Ok(None),
            Err(error) => Err(errors::of_read(error)),
        }
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if errors::is_absent(&error) => Ok(()),
            Err(error) => Err(errors::of_write(error)),
        }
    }

    async fn list_prefix(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&ListCursor>,
        limit: u32,
    ) -> Result<ObjectPage, StoreError> {
        let limit = limit.clamp(1, OBJECT_PAGE_LEN_MAX);
        // The last key, not the server's token: it stays good over restarts and servers.
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix.as_str())
            .set_start_after(after.map(|cursor| cursor.0.clone()))
            .max_keys(limit.cast_signed());
        let output = request.send().await.map_err(errors::of_read)?;
        let lines = output.contents();
        let last = lines.last().and_then(|object| object.key());
        let more = output.is_truncated() == Some(true);
        let next = last.filter(|_| more).map(|key| ListCursor(key.to_owned()));
        let entry = |object: &aws_sdk_s3::types::Object| {
            Some(ObjectEntry {
                key: ObjectKey::parse(object.key()?).ok()?,
                len: length(object.size()),
                last_modified: timestamp(object.last_modified()),
            })
        };
        Ok(ObjectPage { objects: lines.iter().filter_map(entry).collect(), next })
    }

    async fn delete_prefix(&self, prefix: &ObjectPrefix, limit: u32) -> Result<u32, StoreError> {
        let limit = limit.clamp(1, OBJECT_PAGE_LEN_MAX);
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix.as_str());
        let output = request.max_keys(limit.cast_signed()).send().await.map_err(errors::of_read)?;
        let keys = output.contents().iter().filter_map(|object| object.key().map(str::to_owned));
        let keys: Vec<String> = keys.collect();
        let count = keys.len() as u32;
        if count > 0 {
            self.delete_batch(keys).await?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_headers_and_come_back() {
        assert_eq!(range_header(ByteRange::From(3)).unwrap(), "bytes=3-");
        assert_eq!(range_header(ByteRange::Span(2, 6)).unwrap(), "bytes=2-5");
        assert_eq!(range_header(ByteRange::Last(4)).unwrap(), "bytes=-4");
        assert_eq!(range_header(ByteRange::Span(2, 2)), None);
        assert_eq!(range_header(ByteRange::Last(0)), None);
        assert_eq!(parse_content_range("bytes 2-5/10"), Some((2..6, 10)));
        assert_eq!(parse_content_range("bytes */10"), None);
        assert_eq!(parse_content_range("bytes 0-18446744073709551615/1"), None);
    }
}
