//! The operations of S3 that the server knows. Others are answered `NotImplemented`.

use std::sync::Arc;

use s3s::S3;
use s3s::S3Request;
use s3s::S3Response;
use s3s::S3Result;
use s3s::dto;
use s3s::dto::CopySource;
use s3s::s3_error;

use super::body;
use super::body::Claims;
use super::body::blocking;
use super::convert;
use super::convert::ReadConditions;
use super::convert::headers_of;
use super::directory::Directory;
use super::directory::Opened;
use super::directory::io_failed;
use super::listing;
use super::multipart;
use super::multipart::UploadName;
use super::record::Record;

/// S3 over a [`Directory`].
pub(super) struct Api {
    pub(super) directory: Arc<Directory>,
}

type Answer<T> = S3Result<S3Response<T>>;

#[expect(clippy::unnecessary_wraps, reason = "every operation ends with it")]
fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

impl Api {
    async fn open(&self, bucket: String, key: String) -> S3Result<Opened> {
        let directory = Arc::clone(&self.directory);
        blocking(move || directory.open_object(&bucket, &key)?.ok_or_else(|| s3_error!(NoSuchKey)))
            .await
    }

    async fn list(&self, input: &dto::ListObjectsV2Input) -> S3Result<listing::Listing> {
        let (directory, bucket) = (Arc::clone(&self.directory), input.bucket.clone());
        let query = convert::query(input)?;
        blocking(move || listing::list(&directory.bucket(&bucket)?, &query)).await
    }
}

/// The name of the upload that `$input` is about.
macro_rules! upload_of {
    ($input:expr) => {
        UploadName {
            bucket: $input.bucket.clone(),
            key: $input.key.clone(),
            id: $input.upload_id.clone(),
        }
    };
}

#[async_trait::async_trait]
impl S3 for Api {
    async fn create_bucket(
        &self,
        req: S3Request<dto::CreateBucketInput>,
    ) -> Answer<dto::CreateBucketOutput> {
        let directory = Arc::clone(&self.directory);
        let location = Some(format!("/{}", req.input.bucket));
        if !blocking(move || directory.create_bucket(&req.input.bucket)).await? {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        answer(dto::CreateBucketOutput { location })
    }

    async fn delete_bucket(
        &self,
        req: S3Request<dto::DeleteBucketInput>,
    ) -> Answer<dto::DeleteBucketOutput> {
        let directory = Arc::clone(&self.directory);
        blocking(move || directory.delete_bucket(&req.input.bucket)).await?;
        answer(dto::DeleteBucketOutput::default())
    }

    async fn head_bucket(
        &self,
        req: S3Request<dto::HeadBucketInput>,
    ) -> Answer<dto::HeadBucketOutput> {
        let directory = Arc::clone(&self.directory);
        blocking(move || directory.bucket(&req.input.bucket).map(drop)).await?;
        answer(dto::HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<dto::GetBucketLocationInput>,
    ) -> Answer<dto::GetBucketLocationOutput> {
        let directory = Arc::clone(&self.directory);
        blocking(move || directory.bucket(&req.input.bucket).map(drop)).await?;
        answer(dto::GetBucketLocationOutput::default())
    }

    async fn list_buckets(
        &self,
        _req: S3Request<dto::ListBucketsInput>,
    ) -> Answer<dto::ListBucketsOutput> {
        let folder = self.directory.buckets();
        let mut names: Vec<String> = blocking(move || {
            let entries = std::fs::read_dir(folder).map_err(io_failed)?;
            Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
        })
        .await?;
        names.sort_unstable();
        let bucket = |name| dto::Bucket { name: Some(name), ..Default::default() };
        let buckets = Some(names.into_iter().map(bucket).collect());
        answer(dto::ListBucketsOutput { buckets, ..Default::default() })
    }

    async fn put_object(
        &self,
        mut req: S3Request<dto::PutObjectInput>,
    ) -> Answer<dto::PutObjectOutput> {
        let input = &mut req.input;
        let claims = Claims::new(&req.headers, req.trailing_headers, input.content_length);
        let received = body::receive(&self.directory, input.body.take(), claims).await?;
        let record = Record {
            len: received.len,
            etag: multipart::hex(received.md5),
            modified_ms: self.directory.now().unix_ms(),
            headers: headers_of!(input),
        };
        let e_tag = Some(convert::etag(&record.etag));
        let (directory, mut temp, input) = (Arc::clone(&self.directory), received.temp, req.input);
        blocking(move || {
            temp.seal(&record)?;
            let (matching, none_matching) = (&input.if_match, &input.if_none_match);
            let check = |present: Option<&Record>| {
                convert::check_write(matching.as_ref(), none_matching.as_ref(), present)
            };
            let conditional = matching.is_some() || none_matching.is_some();
            let condition = conditional.then_some(&check as _);
            directory.publish(temp, &input.bucket, &input.key, condition)
        })
        .await?;
        let sums = received.sums;
        answer(dto::PutObjectOutput {
            e_tag,
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        })
    }

    async fn get_object(
        &self,
        req: S3Request<dto::GetObjectInput>,
    ) -> Answer<dto::GetObjectOutput> {
        let input = req.input;
        let Opened { file, record } = self.open(input.bucket, input.key).await?;
        ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        }
        .check(&record)?;
        let (range, content_range) = convert::range(input.range.as_ref(), record.len)?;
        answer(dto::GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(convert::signed(range.end - range.start)),
            content_range,
            body: Some(body::send(file, range)),
            e_tag: Some(convert::etag(&record.etag)),
            last_modified: Some(convert::timestamp(record.modified_ms)),
            metadata: convert::user_metadata(&record.headers),
            content_type: record.headers.content_type,
            cache_control: record.headers.cache_control,
            content_disposition: record.headers.content_disposition,
            content_encoding: record.headers.content_encoding,
            content_language: record.headers.content_language,
            ..Default::default()
        })
    }

    async fn head_object(
        &self,
        req: S3Request<dto::HeadObjectInput>,
    ) -> Answer<dto::HeadObjectOutput> {
        let input = req.input;
        let Opened { record, .. } = self.open(input.bucket, input.key).await?;
        ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        }
        .check(&record)?;
        answer(dto::HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(convert::signed(record.len)),
            e_tag: Some(convert::etag(&record.etag)),
            last_modified: Some(convert::timestamp(record.modified_ms)),
            metadata: convert::user_metadata(&record.headers),
            content_type: record.headers.content_type,
            cache_control: record.headers.cache_control,
            content_disposition: record.headers.content_disposition,
            content_encoding: record.headers.content_encoding,
            content_language: record.headers.content_language,
            ..Default::default()
        })
    }

    async fn delete_object(
        &self,
        req: S3Request<dto::DeleteObjectInput>,
    ) -> Answer<dto::DeleteObjectOutput> {
        let (directory, input) = (Arc::clone(&self.directory), req.input);
        blocking(move || {
            let outcomes = directory.remove(&input.bucket, &[input.key])?;
            outcomes.into_iter().collect::<S3Result<()>>()
        })
        .await?;
        answer(dto::DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        req: S3Request<dto::DeleteObjectsInput>,
    ) -> Answer<dto::DeleteObjectsOutput> {
        let (directory, input) = (Arc::clone(&self.directory), req.input);
        let quiet = input.delete.quiet.unwrap_or(false);
        let keys: Vec<String> = input.delete.objects.into_iter().map(|object| object.key).collect();
        if keys.len() > crate::domain::limits::OBJECT_PAGE_LEN_MAX as usize {
            return Err(s3_error!(MalformedXML));
        }
        let (keys, outcomes) = blocking(move || {
            let outcomes = directory.remove(&input.bucket, &keys)?;
            Ok((keys, outcomes))
        })
        .await?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, outcome) in keys.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) if quiet => {}
                Ok(()) => {
                    deleted.push(dto::DeletedObject { key: Some(key), ..Default::default() });
                }
                Err(error) => errors.push(dto::Error {
                    key: Some(key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        let (deleted, errors) = (Some(deleted), Some(errors));
        answer(dto::DeleteObjectsOutput { deleted, errors, ..Default::default() })
    }

    async fn copy_object(
        &self,
        mut req: S3Request<dto::CopyObjectInput>,
    ) -> Answer<dto::CopyObjectOutput> {
        let input = &mut req.input;
        let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "copies come from a bucket, without version"));
        };
        let opened = self.open(bucket.to_string(), key.to_string()).await?;
        let replace = dto::MetadataDirective::REPLACE;
        let replace = input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == replace);
        let kept = opened.record.headers.clone();
        let headers = if replace { headers_of!(input) } else { kept };
        let modified_ms = self.directory.now().unix_ms();
        let record = Record { modified_ms, headers, ..opened.record.clone() };
        let result = dto::CopyObjectResult {
            e_tag: Some(convert::etag(&record.etag)),
            last_modified: Some(convert::timestamp(modified_ms)),
            ..Default::default()
        };
        let (directory, input) = (Arc::clone(&self.directory), req.input);
        blocking(move || {
            let mut temp = directory.temp().map_err(io_failed)?;
            multipart::append(&mut temp, opened).map_err(io_failed)?;
            temp.seal(&record)?;
            directory.publish(temp, &input.bucket, &input.key, None)
        })
        .await?;
        answer(dto::CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<dto::ListObjectsV2Input>,
    ) -> Answer<dto::ListObjectsV2Output> {
        let input = req.input;
        let listing = self.list(&input).await?;
        let encode = convert::encoder(input.encoding_type.as_ref());
        let (contents, groups) = convert::lines(&listing, encode);
        answer(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix.as_deref().map(encode),
            delimiter: input.delimiter.as_deref().map(encode),
            start_after: input.start_after.as_deref().map(encode),
            encoding_type: input.encoding_type,
            max_keys: input.max_keys,
            key_count: Some((contents.len() + groups.len()) as i32),
            continuation_token: input.continuation_token,
            is_truncated: Some(listing.next.is_some()),
            next_continuation_token: listing.next.map(|next| next.encode()),
            contents: Some(contents),
            common_prefixes: Some(groups),
            ..Default::default()
        })
    }

    async fn list_objects(
        &self,
        req: S3Request<dto::ListObjectsInput>,
    ) -> Answer<dto::ListObjectsOutput> {
        let marker = req.input.marker.clone();
        let input = dto::ListObjectsV2Input::from(req.input);
        let listing = self.list(&input).await?;
        let encode = convert::encoder(input.encoding_type.as_ref());
        let (contents, groups) = convert::lines(&listing, encode);
        // Markers of this version are plain names; `convert::query` knows a group by its end.
        let next_marker = listing.next.as_ref().map(|next| match next {
            listing::After::Key(text) | listing::After::Group(text) => encode(text),
        });
        answer(dto::ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix.as_deref().map(encode),
            delimiter: input.delimiter.as_deref().map(encode),
            marker,
            encoding_type: input.encoding_type,
            max_keys: input.max_keys,
            is_truncated: Some(listing.next.is_some()),
            next_marker,
            contents: Some(contents),
            common_prefixes: Some(groups),
            ..Default::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        mut req: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        let headers = headers_of!(req.input);
        let (bucket, key) = (req.input.bucket, req.input.key);
        let (output_bucket, output_key) = (Some(bucket.clone()), Some(key.clone()));
        let directory = Arc::clone(&self.directory);
        let id = blocking(move || multipart::create(&directory, bucket, key, headers)).await?;
        answer(dto::CreateMultipartUploadOutput {
            bucket: output_bucket,
            key: output_key,
            upload_id: Some(id),
            ..Default::default()
        })
    }

    async fn upload_part(
        &self,
        mut req: S3Request<dto::UploadPartInput>,
    ) -> Answer<dto::UploadPartOutput> {
        let (name, number) = (upload_of!(req.input), req.input.part_number);
        let (directory, checked) = (Arc::clone(&self.directory), name.clone());
        blocking(move || multipart::check_part(&directory, &checked, number)).await?;
        let claims = Claims::new(&req.headers, req.trailing_headers, req.input.content_length);
        let received = body::receive(&self.directory, req.input.body.take(), claims).await?;
        let sums = received.sums.clone();
        let directory = Arc::clone(&self.directory);
        let put = move || multipart::put_part(&directory, &name, number, received);
        let etag = blocking(put).await?;
        answer(dto::UploadPartOutput {
            e_tag: Some(convert::etag(&etag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        })
    }

    async fn list_parts(
        &self,
        req: S3Request<dto::ListPartsInput>,
    ) -> Answer<dto::ListPartsOutput> {
        let (directory, name) = (Arc::clone(&self.directory), upload_of!(req.input));
        let parts = blocking(move || multipart::parts(&directory, &name)).await?;
        let part = |(number, record): (i32, Record)| dto::Part {
            part_number: Some(number),
            size: Some(convert::signed(record.len)),
            e_tag: Some(convert::etag(&record.etag)),
            last_modified: Some(convert::timestamp(record.modified_ms)),
            ..Default::default()
        };
        answer(dto::ListPartsOutput {
            bucket: Some(req.input.bucket),
            key: Some(req.input.key),
            upload_id: Some(req.input.upload_id),
            is_truncated: Some(false),
            parts: Some(parts.into_iter().map(part).collect()),
            ..Default::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        let (directory, input) = (Arc::clone(&self.directory), req.input);
        let name = upload_of!(input);
        let (bucket, key) = (Some(input.bucket), Some(input.key));
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let (matching, none_matching) = (input.if_match, input.if_none_match);
        let joined = blocking(move || {
            let check = |present: Option<&Record>| {
                convert::check_write(matching.as_ref(), none_matching.as_ref(), present)
            };
            let conditional = matching.is_some() || none_matching.is_some();
            let condition = conditional.then_some(&check as _);
            multipart::complete(&directory, &name, &parts, condition)
        })
        .await?;
        let e_tag = Some(convert::etag(&joined));
        answer(dto::CompleteMultipartUploadOutput { bucket, key, e_tag, ..Default::default() })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        let (directory, name) = (Arc::clone(&self.directory), upload_of!(req.input));
        blocking(move || multipart::abort(&directory, &name)).await?;
        answer(dto::AbortMultipartUploadOutput::default())
    }
}
