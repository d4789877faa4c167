//! Puts bytes and files: in one request when they fit one part, in parts otherwise.

use std::ops::Range;
use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::primitives::Length;
use aws_sdk_s3::types::CompletedMultipartUpload;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use s3s::crypto::Checksum as _;
use s3s::crypto::Md5;

use super::S3Objects;
use super::errors;
use crate::domain::limits::OBJECT_BUFFER_BYTES;
use crate::domain::limits::OBJECT_PARTS_MAX;
use crate::ports::error::StoreError;
use crate::ports::objects::ObjectKey;
use crate::ports::objects::ObjectStore as _;

/// Parts that are on their way at once: enough to fill a connection while another one waits.
const PARTS_AT_ONCE: usize = 3;

/// Where the bytes are. Both kinds can be read again when a try fails.
pub(super) enum Source<'a> {
    Bytes(Bytes),
    File(&'a Path),
}

impl Source<'_> {
    async fn read(&self, range: Range<u64>) -> Result<ByteStream, StoreError> {
        match self {
            Self::Bytes(bytes) => {
                let range = range.start as usize..range.end as usize;
                Ok(ByteStream::from(bytes.slice(range)))
            }
            Self::File(path) => ByteStream::read_from()
                .path(path)
                .offset(range.start)
                .length(Length::Exact(range.end - range.start))
                .buffer_size(OBJECT_BUFFER_BYTES)
                .build()
                .await
                .map_err(StoreError::unavailable),
        }
    }
}

/// The parts of `len` bytes: numbers from 1 and positions. Larger than asked when there would be
/// more parts than S3 allows.
fn parts(len: u64, part_bytes: u64) -> impl Iterator<Item = (i32, Range<u64>)> {
    let part_bytes = part_bytes.max(len.div_ceil(OBJECT_PARTS_MAX)).max(1);
    (0..len.div_ceil(part_bytes)).map(move |index| {
        let start = index * part_bytes;
        (index as i32 + 1, start..len.min(start + part_bytes))
    })
}

/// The etag of the object that these parts make, where etags are digests: the MD5 of the parts' MD5s
/// and their count. `None` where they are something else.
fn joined_etag(parts: &[CompletedPart]) -> Option<String> {
    let mut digests = Md5::new();
    for part in parts {
        let digest = part.e_tag()?.trim_matches('"');
        let digest = u128::from_str_radix(digest, 16).ok().filter(|_| digest.len() == 32)?;
        digests.update(&digest.to_be_bytes());
    }
    Some(format!("{:032x}-{}", u128::from_be_bytes(digests.finalize()), parts.len()))
}

impl S3Objects {
    pub(super) async fn upload(
        &self,
        key: &ObjectKey,
        content_type: &str,
        source: Source<'_>,
        len: u64,
    ) -> Result<(), StoreError> {
        if len > self.part_bytes {
            return self.upload_in_parts(key, content_type, source, len).await;
        }
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .content_type(content_type)
            .content_length(len.cast_signed())
            .body(source.read(0..len).await?);
        let mut request = request.customize();
        if !self.sign_payload {
            request = request.disable_payload_signing();
        }
        request.send().await.map(drop).map_err(errors::of_write)
    }

    async fn upload_in_parts(
        &self,
        key: &ObjectKey,
        content_type: &str,
        source: Source<'_>,
        len: u64,
    ) -> Result<(), StoreError> {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key.as_str())
            .content_type(content_type)
            .send()
            .await
            .map_err(errors::of_write)?;
        let Some(id) = created.upload_id else {
            return Err(StoreError::unavailable("the server gave the upload no id"));
        };
        let outcome = self.send_parts(key, &id, &source, len).await;
        if outcome.is_err() {
            let (bucket, key) = (&self.bucket, key.as_str());
            let abort = self.client.abort_multipart_upload().bucket(bucket).key(key);
            if let Err(error) = abort.upload_id(&id).send().await {
                // The bucket's own rule for unfinished uploads, or the server's next start, gets it.
                tracing::warn!(key, %error, "parts of a failed upload could not be removed");
            }
        }
        outcome
    }

    async fn send_parts(
        &self,
        key: &ObjectKey,
        id: &str,
        source: &Source<'_>,
        len: u64,
    ) -> Result<(), StoreError> {
        let sends = parts(len, self.part_bytes)
            .map(|(number, range)| self.send_part(key, id, source, number, range));
        // In order, as completing wants them.
        let parts: Vec<CompletedPart> =
            futures_util::stream::iter(sends).buffered(PARTS_AT_ONCE).try_collect().await?;
        let expected = joined_etag(&parts);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket);
        let complete = complete.key(key.as_str()).upload_id(id).multipart_upload(parts);
        let Err(error) = complete.send().await else {
            return Ok(());
        };
        // When the first answer is lost, the repeated request finds no upload any more. The etag
        // tells whether the object is made of our parts.
        let present = self.head(key).await.ok().flatten().map(|meta| meta.etag);
        if present.is_some() && present == expected {
            return Ok(());
        }
        let gone = errors::is_absent(&error);
        let error = errors::of_write(error);
        Err(if gone { StoreError::OutcomeUnknown(Box::new(error)) } else { error })
    }

    async fn send_part(
        &self,
        key: &ObjectKey,
        id: &str,
        source: &Source<'_>,
        number: i32,
        range: Range<u64>,
    ) -> Result<CompletedPart, StoreError> {
        let request = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key.as_str())
            .upload_id(id)
            .part_number(number)
            .content_length((range.end - range.start).cast_signed())
            .body(source.read(range).await?);
        let mut request = request.customize();
        if !self.sign_payload {
            request = request.disable_payload_signing();
        }
        // Until the upload is completed, the object is not touched.
        let sent = request.send().await.map_err(errors::of_read)?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_etag_of_joined_parts_is_known() {
        let part = |etag: &str| CompletedPart::builder().e_tag(etag).build();
        let md5 = part("\"900150983cd24fb0d6963f7d28e17f72\"");
        // The MD5 of the sixteen bytes, by `xxd -r -p | md5sum`.
        let expected = "af5da9f45af7a300e3aded972f8ff687-1";
        assert_eq!(joined_etag(std::slice::from_ref(&md5)).as_deref(), Some(expected));
        assert_eq!(joined_etag(&[md5, part("opaque")]), None);
    }

    proptest! {
        #[test]
        fn parts_cover_the_bytes_once(len in 1_u64..1 << 40, part_bytes in 1_u64 << 20..1 << 30) {
            let mut end = 0;
            let mut count = 0;
            for (number, range) in parts(len, part_bytes) {
                count += 1;
                prop_assert_eq!(range.start, end);
                prop_assert_eq!(u64::from(number.unsigned_abs()), count);
                prop_assert!(!range.is_empty());
                end = range.end;
            }
            prop_assert_eq!(end, len);
            prop_assert!(count <= OBJECT_PARTS_MAX);
        }
    }
}
