//! Bytes between a request and a file, a small buffer at a time.

use std::fs::File;
use std::future::Future;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::StreamExt as _;
use http::HeaderMap;
use s3s::S3Error;
use s3s::S3ErrorCode;
use s3s::S3Result;
use s3s::StdError;
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::crypto::Md5;
use s3s::dto::Checksum;
use s3s::dto::StreamingBlob;
use s3s::s3_error;
use s3s::stream::ByteStream;
use s3s::stream::RemainingLength;

use super::directory::Directory;
use super::directory::Temp;
use super::directory::io_failed;
use crate::domain::limits::OBJECT_BUFFER_BYTES;

/// Runs blocking work on the pool.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))),
    }
}

/// What the client says that the bytes must be. All of it is in headers, or in the trailers behind
/// the body.
pub(super) struct Claims {
    headers: HeaderMap,
    trailers: Option<TrailingHeaders>,
    content_length: Option<i64>,
}

impl Claims {
    pub(super) fn new(
        headers: &HeaderMap,
        trailers: Option<TrailingHeaders>,
        content_length: Option<i64>,
    ) -> Self {
        Self { headers: headers.clone(), trailers, content_length }
    }

    /// A hasher for each checksum that is given or announced as a trailer.
    fn hasher(&self) -> ChecksumHasher {
        let announced = self.headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
        let announced = announced.unwrap_or_default().to_ascii_lowercase();
        let wanted = |name: &str| {
            self.headers.contains_key(name) || announced.split(',').any(|each| each.trim() == name)
        };
        ChecksumHasher {
            crc32: wanted("x-amz-checksum-crc32").then(s3s::crypto::Crc32::new),
            crc32c: wanted("x-amz-checksum-crc32c").then(s3s::crypto::Crc32c::new),
            sha1: wanted("x-amz-checksum-sha1").then(s3s::crypto::Sha1::new),
            sha256: wanted("x-amz-checksum-sha256").then(s3s::crypto::Sha256::new),
            crc64nvme: wanted("x-amz-checksum-crc64nvme").then(s3s::crypto::Crc64Nvme::new),
        }
    }

    /// The value of a header or, once the body is read, of a trailer.
    fn claim(&self, name: &str) -> Option<String> {
        let text = |headers: &HeaderMap| {
            headers.get(name).and_then(|value| value.to_str().ok().map(str::to_owned))
        };
        let trailing = || self.trailers.as_ref().and_then(|trailers| trailers.read(text)?);
        text(&self.headers).or_else(trailing)
    }

    fn check(&self, len: u64, md5: &[u8; 16], sums: &Checksum) -> S3Result<()> {
        if self.content_length.is_some_and(|expected| expected.cast_unsigned() != len) {
            return Err(s3_error!(IncompleteBody));
        }
        let md5 = Some(BASE64_STANDARD.encode(md5));
        let pairs = [
            ("content-md5", &md5),
            ("x-amz-checksum-crc32", &sums.checksum_crc32),
            ("x-amz-checksum-crc32c", &sums.checksum_crc32c),
            ("x-amz-checksum-sha1", &sums.checksum_sha1),
            ("x-amz-checksum-sha256", &sums.checksum_sha256),
            ("x-amz-checksum-crc64nvme", &sums.checksum_crc64nvme),
        ];
        for (name, actual) in pairs {
            let claim = self.claim(name);
            if let (Some(claim), Some(actual)) = (claim, actual)
                && claim != *actual
            {
                return Err(s3_error!(BadDigest));
            }
        }
        Ok(())
    }
}

/// A body that has arrived whole and is what it claims to be. It is not flushed yet.
pub(super) struct Received {
    pub(super) temp: Temp,
    pub(super) len: u64,
    pub(super) md5: [u8; 16],
    pub(super) sums: Checksum,
}

/// The file that a body goes into, with its digests.
struct Writer {
    temp: Temp,
    len: u64,
    md5: Md5,
    sums: ChecksumHasher,
}

impl Writer {
    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.temp.file.write_all(piece)?;
            self.len += piece.len() as u64;
            self.md5.update(piece);
            self.sums.update(piece);
        }
        Ok(())
    }
}

/// Writes a request's body to a temporary file and checks it.
pub(super) async fn receive(
    directory: &Arc<Directory>,
    body: Option<StreamingBlob>,
    claims: Claims,
) -> S3Result<Received> {
    let (opener, sums) = (Arc::clone(directory), claims.hasher());
    let mut writer = blocking(move || {
        let temp = opener.temp().map_err(io_failed)?;
        Ok(Writer { temp, len: 0, md5: Md5::new(), sums })
    })
    .await?;
    let mut body = body;
    while let Some(stream) = &mut body {
        let mut pieces = Vec::new();
        let mut size = 0;
        let mut ended = false;
        while size < OBJECT_BUFFER_BYTES && !ended {
            match stream.next().await {
                Some(Ok(piece)) => {
                    size += piece.len();
                    pieces.push(piece);
                }
                Some(Err(cause)) => return Err(broken(cause)),
                None => ended = true,
            }
        }
        writer = blocking(move || {
            writer.write(&pieces).map_err(io_failed)?;
            Ok(writer)
        })
        .await?;
        if ended {
            body = None;
        }
    }
    let (md5, sums) = (writer.md5.finalize(), writer.sums.finalize());
    claims.check(writer.len, &md5, &sums)?;
    Ok(Received { temp: writer.temp, len: writer.len, md5, sums })
}

/// A body that breaks off: the client is gone, or what it signed is not what it sent.
fn broken(cause: StdError) -> S3Error {
    // The protocol layer's own verdict (a wrong digest, a wrong chunk signature) is the better one.
    match cause.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(cause) => S3Error::with_source(S3ErrorCode::IncompleteBody, cause),
    }
}

type ReadFuture = Pin<Box<dyn Future<Output = Result<Bytes, StdError>> + Send + Sync>>;

/// A part of a file as a stream. It fails, rather than end early, when the file is too short.
struct FileStream {
    file: Arc<File>,
    position: u64,
    end: u64,
    reading: Option<ReadFuture>,
}

/// The bytes `range` of `file`.
pub(super) fn send(file: File, range: std::ops::Range<u64>) -> StreamingBlob {
    StreamingBlob::new(FileStream {
        file: Arc::new(file),
        position: range.start,
        end: range.end,
        reading: None,
    })
}

async fn read(file: Arc<File>, position: u64, len: usize) -> Result<Bytes, StdError> {
    let read = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; len];
        file.read_exact_at(&mut buffer, position).map(|()| Bytes::from(buffer))
    });
    Ok(read.await??)
}

impl Stream for FileStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let len = (this.end - this.position).min(OBJECT_BUFFER_BYTES as u64);
        if len == 0 {
            return Poll::Ready(None);
        }
        let start = || Box::pin(read(Arc::clone(&this.file), this.position, len as usize)) as _;
        let reading: &mut ReadFuture = this.reading.get_or_insert_with(start);
        let result = std::task::ready!(reading.as_mut().poll(context));
        this.reading = None;
        // After an error the stream is over.
        this.position = if result.is_ok() { this.position + len } else { this.end };
        Poll::Ready(Some(result))
    }
}

impl ByteStream for FileStream {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact((self.end - self.position) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::ports::clock::Clock;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }
    }

    /// Whatever the transport lets through, a body of another length than announced is refused.
    #[tokio::test]
    async fn a_body_is_as_long_as_announced() {
        let root = tempfile::tempdir().unwrap();
        let ttl = std::time::Duration::MAX;
        let directory = Arc::new(Directory::open(root.path(), Arc::new(Still), ttl).unwrap());
        for (announced, whole) in
            [(None, true), (Some(3), true), (Some(2), false), (Some(4), false)]
        {
            let body = Some(StreamingBlob::from(s3s::Body::from("abc".to_owned())));
            let claims = Claims::new(&HeaderMap::new(), None, announced);
            match receive(&directory, body, claims).await {
                Ok(received) => assert!(whole && received.len == 3),
                Err(error) => assert!(!whole && *error.code() == S3ErrorCode::IncompleteBody),
            }
        }
        assert_eq!(std::fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_fails_its_reader() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(OBJECT_BUFFER_BYTES as u64 + 1).unwrap();
        let pieces: Vec<_> = send(file, 0..OBJECT_BUFFER_BYTES as u64 + 2).collect().await;
        assert_eq!(pieces.len(), 2);
        assert!(pieces[0].is_ok() && pieces[1].is_err());
    }
}
