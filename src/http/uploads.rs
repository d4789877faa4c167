//! Resumable uploads: tus 1.0 (<https://tus.io/protocols/resumable-upload>), core with creation,
//! creation-with-upload, expiration, checksum and termination.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, options};
use futures_util::StreamExt as _;
use jiff::fmt::rfc2822::DateTimePrinter;
use parking_lot::Mutex;
use ring::digest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::id::{AccountId, UploadId};
use crate::domain::time::Timestamp;
use crate::domain::upload::{UploadError, UploadMetadata};
use crate::http::Api;
use crate::http::extract::{Creator, PathId};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::tus_headers::{
    ChecksumAlgorithm, UploadChecksum, format_metadata, parse_checksum, parse_metadata,
};
use crate::ports::error::Cause;
use crate::services::uploads::{ChecksumVerdict, Received, Uploads, UploadsError};

/// A client that sends nothing for so long is taken for gone; what came is kept.
const SILENCE_MAX: Duration = Duration::from_mins(1);
const OFFSET_STREAM: &str = "application/offset+octet-stream";
const EXTENSIONS: &str = "creation,creation-with-upload,expiration,checksum,termination";

static TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
static TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
static UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
static UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The routes of this file, with and without a slash at the end of the collection.
pub fn routes() -> OpenApiRouter<Api> {
    let slashed: MethodRouter<Api> = options(discover).post(create);
    OpenApiRouter::new()
        .routes(routes!(create, discover))
        .route("/v1/uploads/", slashed)
        .routes(routes!(head, append, terminate))
        .layer(from_fn(speak_tus))
}

/// A request in the version of the protocol that is spoken here.
struct Tus;

impl<S: Send + Sync> FromRequestParts<S> for Tus {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.headers.get(&TUS_RESUMABLE).is_some_and(|version| version == "1.0.0") {
            return Ok(Self);
        }
        Err(Problem::new(ProblemKind::TusVersion, "send `Tus-Resumable: 1.0.0`"))
    }
}

/// Every answer names the protocol's version, refusals included; one for a wrong version names the right.
async fn speak_tus(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let version = HeaderValue::from_static("1.0.0");
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(TUS_VERSION.clone(), version.clone());
    }
    response.headers_mut().insert(TUS_RESUMABLE.clone(), version);
    response
}

/// An answer of the protocol: status and headers, no body.
fn answer(status: StatusCode, headers: &[(HeaderName, String)]) -> Response {
    let mut response = status.into_response();
    let set = response.headers_mut();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            set.insert(name.clone(), value);
        }
    }
    response
}

/// What the server can do.
#[utoipa::path(options, path = "/v1/uploads", tag = "creator",
    responses((status = 204, description = "See the `Tus-` headers.")))]
async fn discover(State(uploads): State<Arc<Uploads>>) -> Response {
    let named = |name: &'static str, value: &str| (HeaderName::from_static(name), value.to_owned());
    let headers = [
        (TUS_VERSION.clone(), "1.0.0".to_owned()),
        named("tus-extension", EXTENSIONS),
        named("tus-max-size", &uploads.policy().bytes_max.to_string()),
        named("tus-checksum-algorithm", "sha1,sha256"),
    ];
    answer(StatusCode::NO_CONTENT, &headers)
}

/// Opens an upload. `Upload-Length` is needed; `Upload-Metadata` may follow, and first bytes with the
/// content type `application/offset+octet-stream`.
#[utoipa::path(post, path = "/v1/uploads", tag = "creator", security(("bearer" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "Bytes of the whole file."),
        ("Upload-Metadata" = Option<String>, Header, description = "Pairs of key and base 64 value."),
    ),
    responses((status = 201, description = "`Location` is the upload; continue it with PATCH.")))]
async fn create(
    State(uploads): State<Arc<Uploads>>,
    Creator(caller): Creator,
    _: Tus,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let length = number(&headers, &UPLOAD_LENGTH)?;
    let metadata = match headers.get("upload-metadata") {
        Some(value) => parse_metadata(text(value, "/Upload-Metadata")?)
            .map_err(|error| Problem::field("/Upload-Metadata", error))?,
        None => UploadMetadata::default(),
    };
    let checksum = checksum(&headers)?;
    let with_upload = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == OFFSET_STREAM);
    let mut record = uploads.create(caller.account, length, metadata).await?;
    if with_upload || length == 0 {
        let (body, checksum) = if with_upload { (body, checksum) } else { (Body::empty(), None) };
        let id = record.id;
        record = match receive(&uploads, caller.account, id, 0, body, checksum).await {
            Ok(received) => received,
            Err(refused) => {
                // A refusal tells no `Location`: kept, it would count against its owner for nothing.
                if let Err(error) = uploads.terminate(caller.account, id).await {
                    tracing::debug!(upload = %id, %error, "a refused upload stays until it expires");
                }
                return Err(refused);
            }
        };
    }
    let headers = [
        (header::LOCATION, format!("/v1/uploads/{}", record.id)),
        (UPLOAD_OFFSET.clone(), record.upload.offset().to_string()),
        expires(record.upload.expires_at()),
    ];
    Ok(answer(StatusCode::CREATED, &headers))
}

/// How far an upload has come. The offset is true also after a crash.
#[utoipa::path(head, path = "/v1/uploads/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`upl_…`"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 200, description = "`Upload-Offset` says how far.")))]
async fn head(
    State(uploads): State<Arc<Uploads>>,
    Creator(caller): Creator,
    PathId(id): PathId<UploadId>,
    _: Tus,
) -> Result<Response, Problem> {
    let record = uploads.get(caller.account, id).await?;
    let mut headers = vec![
        (UPLOAD_OFFSET.clone(), record.upload.offset().to_string()),
        (UPLOAD_LENGTH.clone(), record.upload.length().to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        expires(record.upload.expires_at()),
    ];
    let metadata = format_metadata(record.upload.metadata());
    if !metadata.is_empty() {
        headers.push((HeaderName::from_static("upload-metadata"), metadata));
    }
    Ok(answer(StatusCode::OK, &headers))
}

/// Continues an upload at `Upload-Offset`.
#[utoipa::path(patch, path = "/v1/uploads/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`upl_…`"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where these bytes start."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` and base 64.")),
    request_body(content_type = "application/offset+octet-stream", content = Vec<u8>),
    responses((status = 204, description = "`Upload-Offset` says how far it is now.")))]
async fn append(
    State(uploads): State<Arc<Uploads>>,
    Creator(caller): Creator,
    PathId(id): PathId<UploadId>,
    _: Tus,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != OFFSET_STREAM) {
        let detail = format!("send `Content-Type: {OFFSET_STREAM}`");
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let offset = number(&headers, &UPLOAD_OFFSET)?;
    let checksum = checksum(&headers)?;
    let record = receive(&uploads, caller.account, id, offset, body, checksum).await?;
    let headers = [
        (UPLOAD_OFFSET.clone(), record.upload.offset().to_string()),
        expires(record.upload.expires_at()),
    ];
    Ok(answer(StatusCode::NO_CONTENT, &headers))
}

/// Ends an upload and drops its bytes.
#[utoipa::path(delete, path = "/v1/uploads/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`upl_…`"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 204, description = "It is gone.")))]
async fn terminate(
    State(uploads): State<Arc<Uploads>>,
    Creator(caller): Creator,
    PathId(id): PathId<UploadId>,
    _: Tus,
) -> Result<Response, Problem> {
    uploads.terminate(caller.account, id).await?;
    Ok(answer(StatusCode::NO_CONTENT, &[]))
}

/// Streams a body into an upload, digesting on the way if a checksum was stated.
async fn receive(
    uploads: &Arc<Uploads>,
    owner: AccountId,
    id: UploadId,
    offset: u64,
    body: Body,
    checksum: Option<UploadChecksum>,
) -> Result<Received, Problem> {
    let digest = checksum.as_ref().map(|stated| {
        let algorithm = match stated.algorithm {
            ChecksumAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            ChecksumAlgorithm::Sha256 => &digest::SHA256,
        };
        Arc::new(Mutex::new(digest::Context::new(algorithm)))
    });
    let pieces = futures_util::stream::unfold(body.into_data_stream(), next_piece);
    let seen = digest.clone();
    let pieces = pieces.inspect(move |piece| {
        if let (Some(seen), Ok(bytes)) = (&seen, piece) {
            seen.lock().update(bytes);
        }
    });
    let verdict = checksum.zip(digest).map(|(stated, digest)| -> ChecksumVerdict {
        Box::new(move || digest.lock().clone().finish().as_ref() == stated.digest.as_slice())
    });
    Ok(uploads.append(owner, id, offset, Box::pin(pieces), verdict).await?)
}

/// The next piece of a body, or the error that a silent client is.
async fn next_piece(
    mut stream: axum::body::BodyDataStream,
) -> Option<(Result<bytes::Bytes, Cause>, axum::body::BodyDataStream)> {
    let piece = match tokio::time::timeout(SILENCE_MAX, stream.next()).await {
        Ok(piece) => piece?.map_err(Cause::from),
        Err(_) => Err(Cause::from("the client fell silent")),
    };
    Some((piece, stream))
}

fn text<'a>(value: &'a HeaderValue, pointer: &str) -> Result<&'a str, Problem> {
    value.to_str().map_err(|_| Problem::field(pointer, "has characters outside ASCII"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    // `parse` alone would also take a sign.
    let digits = value.filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::field(format!("/{name}"), "is needed: a whole number of bytes"))
}

fn checksum(headers: &HeaderMap) -> Result<Option<UploadChecksum>, Problem> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let parsed = parse_checksum(text(value, "/Upload-Checksum")?);
    parsed.map(Some).map_err(|error| Problem::field("/Upload-Checksum", error))
}

/// `Upload-Expires` in the form of HTTP dates.
fn expires(at: Timestamp) -> (HeaderName, String) {
    static PRINTER: DateTimePrinter = DateTimePrinter::new();
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default();
    let text = PRINTER.timestamp_to_rfc9110_string(&instant).unwrap_or_default();
    (HeaderName::from_static("upload-expires"), text)
}

impl From<UploadsError> for Problem {
    fn from(error: UploadsError) -> Self {
        use UploadsError as E;
        let kind = match &error {
            E::NotFound => ProblemKind::NotFound,
            E::TooLarge(_) | E::Upload(UploadError::TooLong | UploadError::OutOfBounds { .. }) => {
                ProblemKind::TooLarge
            }
            E::Upload(UploadError::OffsetMismatch { .. }) => ProblemKind::UploadOffsetMismatch,
            E::Upload(UploadError::Expired) | E::Used => ProblemKind::UploadGone,
            E::Upload(UploadError::Incomplete { .. }) => ProblemKind::UploadIncomplete,
            E::TooMany(_) => ProblemKind::TooMany,
            E::Busy => ProblemKind::UploadBusy,
            E::ChecksumMismatch => ProblemKind::ChecksumMismatch,
            E::InsufficientStorage => ProblemKind::InsufficientStorage,
            E::Interrupted(_) => ProblemKind::Invalid,
            E::Store(_) => {
                let E::Store(error) = error else { unreachable!("matched above") };
                return error.into();
            }
        };
        Self::new(kind, error)
    }
}
