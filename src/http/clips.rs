//! Clips for their creators and for whoever opens one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::id::{ClipId, ProductId};
use crate::domain::limits::{PAGE_LEN_DEFAULT, PAGE_LEN_MAX};
use crate::http::Api;
use crate::http::clip_views::{
    ClipListView, ClipView, CreateClip, EditClip, ListQuery, TagBody, check_tags,
};
use crate::http::extract::{Anyone, Body, Creator, Merchant, PathId, PathIds, Query};
use crate::http::fields::{Checks, etag, list_limit, not_modified};
use crate::http::problem::{Problem, ProblemKind};
use crate::services::clips::{ClipDetail, ClipEdit, Clips, ClipsError};
use crate::services::media::Media;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(put_tags))
        .routes(routes!(own))
        .routes(routes!(link))
}

/// A clip with its version as an entity tag.
fn tagged(status: StatusCode, media: &Media, detail: &ClipDetail) -> Response {
    let version = detail.clip.version;
    let mut response = (status, Json(ClipView::new(detail, media))).into_response();
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}

/// Makes a clip of a complete upload. The transcode runs in the background: `GET` shows its progress.
#[utoipa::path(post, path = "/v1/clips", tag = "creator", security(("bearer" = [])),
    request_body = CreateClip, responses((status = 202, body = ClipView)))]
async fn create(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Creator(caller): Creator,
    Body(body): Body<CreateClip>,
) -> Result<Response, Problem> {
    let detail = clips.create(caller.account, body.check()?).await?;
    Ok(tagged(StatusCode::ACCEPTED, &media, &detail))
}

/// A clip: for anybody once it plays, for its creator from the start.
#[utoipa::path(get, path = "/v1/clips/{id}", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    responses((status = 200, body = ClipView), (status = 304, description = "Unchanged.")))]
async fn show(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Anyone(caller): Anyone,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let detail = clips.get(caller.account, id).await?;
    if not_modified(&headers, detail.clip.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(tagged(StatusCode::OK, &media, &detail))
}

/// Changes the caption or the markets of one's own clip.
#[utoipa::path(patch, path = "/v1/clips/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    request_body = EditClip, responses((status = 200, body = ClipView)))]
async fn edit(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Creator(caller): Creator,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
    Body(body): Body<EditClip>,
) -> Result<Response, Problem> {
    let edit = body.check()?;
    let detail = clips.edit(caller.account, id, expected_version(&headers)?, edit).await?;
    Ok(tagged(StatusCode::OK, &media, &detail))
}

/// Takes one's own clip down. It leaves the feed within a second.
#[utoipa::path(delete, path = "/v1/clips/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    responses((status = 204, description = "It is down.")))]
async fn remove(
    State(clips): State<Arc<Clips>>,
    Creator(caller): Creator,
    PathId(id): PathId<ClipId>,
) -> Result<StatusCode, Problem> {
    clips.remove(caller.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the whole list of product tags, at most 30.
#[utoipa::path(put, path = "/v1/clips/{id}/product-tags", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    request_body = Vec<TagBody>, responses((status = 200, body = ClipView)))]
async fn put_tags(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Creator(caller): Creator,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
    Body(body): Body<Vec<TagBody>>,
) -> Result<Response, Problem> {
    let mut checks = Checks::new();
    let tags = check_tags(&mut checks, "", body);
    checks.done()?;
    let edit = ClipEdit { tags: Some(tags), ..ClipEdit::default() };
    let detail = clips.edit(caller.account, id, expected_version(&headers)?, edit).await?;
    Ok(tagged(StatusCode::OK, &media, &detail))
}

/// One's own clips, newest first.
#[utoipa::path(get, path = "/v1/creators/me/clips", tag = "creator", security(("bearer" = [])),
    params(ListQuery), responses((status = 200, body = ClipListView)))]
async fn own(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Creator(caller): Creator,
    Query(query): Query<ListQuery>,
) -> Result<Json<ClipListView>, Problem> {
    let limit = list_limit(query.limit, PAGE_LEN_DEFAULT, PAGE_LEN_MAX)?;
    let (creator, page) = clips.own(caller.account, query.cursor.as_deref(), limit).await?;
    Ok(Json(ClipListView::new(&creator, page, &media)))
}

/// Shows one's own product over the whole of a clip.
#[utoipa::path(put, path = "/v1/products/{id}/clips/{clip_id}", tag = "merchant",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "`prd_…`"),
        ("clip_id" = String, Path, description = "`clip_…`")),
    responses((status = 200, body = ClipView)))]
async fn link(
    State(clips): State<Arc<Clips>>,
    State(media): State<Arc<Media>>,
    Merchant(caller): Merchant,
    PathIds(product, clip): PathIds<ProductId, ClipId>,
) -> Result<Response, Problem> {
    let detail = clips.link(caller.account, product, clip).await?;
    Ok(tagged(StatusCode::OK, &media, &detail))
}

/// The version that `If-Match` asks for.
fn expected_version(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix("\"v").and_then(|rest| rest.strip_suffix('"'));
    let version = version.and_then(|digits| digits.parse().ok());
    version.map(Some).ok_or_else(|| Problem::field("/If-Match", "is an `ETag` as it was answered"))
}

impl From<ClipsError> for Problem {
    fn from(error: ClipsError) -> Self {
        match error {
            ClipsError::NotFound | ClipsError::NotTheirs(_) => {
                Self::new(ProblemKind::NotFound, error)
            }
            ClipsError::NoSuchProduct(_) | ClipsError::NoSuchVariant { .. } => {
                Self::field("/product_tags", error)
            }
            ClipsError::TagBeyondEnd { index, .. } => {
                Self::field(format!("/product_tags/{index}/start_ms"), error)
            }
            ClipsError::TooManyTags => Self::new(ProblemKind::Conflict, error),
            ClipsError::VersionMismatch(_) => Self::new(ProblemKind::PreconditionFailed, error),
            ClipsError::Cursor(_) => Self::new(ProblemKind::InvalidCursor, error),
            ClipsError::Upload(error) => error.into(),
            ClipsError::Store(error) => error.into(),
        }
    }
}
