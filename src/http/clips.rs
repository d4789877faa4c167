//! Clips for their creators and for whoever opens one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::account::Account;
use crate::domain::clip::Clip;
use crate::domain::id::{AccountId, ClipId, ProductId};
use crate::domain::limits::{PAGE_LEN_DEFAULT, PAGE_LEN_MAX};
use crate::http::Api;
use crate::http::clip_views::{
    ClipListView, ClipView, CreateClip, EditClip, ListQuery, TagBody, check_tags,
};
use crate::http::conditional::{etag_of_body, expected_versions, is_known};
use crate::http::extract::{Anyone, Body, Creator, Merchant, PathId, PathIds, Query};
use crate::http::fields::{Checks, list_limit};
use crate::http::problem::{Problem, ProblemKind};
use crate::services::clips::{ClipDetail, ClipEdit, Clips, ClipsError};
use crate::services::feed_page::FeedPages;
use crate::services::media::Media;
use crate::services::social::Social;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(put_tags))
        .routes(routes!(own))
        .routes(routes!(link))
}

/// Shows clips: their links and what was counted of them.
#[derive(Clone)]
pub struct ClipShow {
    media: Arc<Media>,
    feed: Arc<FeedPages>,
    social: Arc<Social>,
}

impl FromRef<Api> for ClipShow {
    fn from_ref(api: &Api) -> Self {
        Self {
            media: Arc::clone(&api.media),
            feed: Arc::clone(&api.feed),
            social: Arc::clone(&api.social),
        }
    }
}

impl ClipShow {
    fn view(&self, clip: &Clip, creator: &Account) -> ClipView {
        ClipView::new(clip, creator, &self.media, &self.feed.counted(clip.id))
    }

    /// A clip as `viewer` sees it, with an entity tag of its version and its shown form: links expire,
    /// counts move and marks are set without a new version. Answers 304 if the client has that form.
    async fn answer(
        &self,
        status: StatusCode,
        viewer: AccountId,
        detail: &ClipDetail,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let ClipDetail { clip, creator } = detail;
        let marks = self.social.marks(viewer, clip.id, clip.creator).await?;
        let view = self.view(clip, creator).seen_by(marks);
        let body = serde_json::to_vec(&view)
            .map_err(|error| Problem::hidden(ProblemKind::Internal, &error))?;
        let tag = etag_of_body(clip.version, &body);
        if status == StatusCode::OK && is_known(headers, tag.as_bytes()) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
        let kind = HeaderValue::from_static("application/json");
        Ok((status, [(header::CONTENT_TYPE, kind), (header::ETAG, tag)], body).into_response())
    }
}

/// Makes a clip of a complete upload. The transcode runs in the background: `GET` shows its progress.
#[utoipa::path(post, path = "/v1/clips", tag = "creator", security(("bearer" = [])),
    request_body = CreateClip, responses((status = 202, body = ClipView)))]
async fn create(
    State(clips): State<Arc<Clips>>,
    State(show): State<ClipShow>,
    Creator(caller): Creator,
    Body(body): Body<CreateClip>,
) -> Result<Response, Problem> {
    let detail = clips.create(caller.account, body.check()?).await?;
    show.answer(StatusCode::ACCEPTED, caller.account, &detail, &HeaderMap::new()).await
}

/// A clip: for anybody once it plays, for its creator from the start.
#[utoipa::path(get, path = "/v1/clips/{id}", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    responses((status = 200, body = ClipView), (status = 304, description = "Unchanged.")))]
async fn show(
    State(clips): State<Arc<Clips>>,
    State(show): State<ClipShow>,
    Anyone(caller): Anyone,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let detail = clips.get(caller.account, id).await?;
    show.answer(StatusCode::OK, caller.account, &detail, &headers).await
}

/// Changes the caption or the markets of one's own clip.
#[utoipa::path(patch, path = "/v1/clips/{id}", tag = "creator", security(("bearer" = [])),
    params(("id" = String, Path, description = "`clip_…`")),
    request_body = EditClip, responses((status = 200, body = ClipView)))]
async fn edit(
    State(clips): State<Arc<Clips>>,
    State(show): State<ClipShow>,
    Creator(caller): Creator,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
    Body(body): Body<EditClip>,
) -> Result<Response, Problem> {
    let edit = body.check()?;
    let detail =
        clips.edit(caller.account, id, expected_versions(&headers).as_deref(), edit).await?;
    show.answer(StatusCode::OK, caller.account, &detail, &HeaderMap::new()).await
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
    State(show): State<ClipShow>,
    Creator(caller): Creator,
    PathId(id): PathId<ClipId>,
    headers: HeaderMap,
    Body(body): Body<Vec<TagBody>>,
) -> Result<Response, Problem> {
    let mut checks = Checks::new();
    let tags = check_tags(&mut checks, "", body);
    checks.done()?;
    let edit = ClipEdit { tags: Some(tags), ..ClipEdit::default() };
    let detail =
        clips.edit(caller.account, id, expected_versions(&headers).as_deref(), edit).await?;
    show.answer(StatusCode::OK, caller.account, &detail, &HeaderMap::new()).await
}

/// One's own clips, newest first.
#[utoipa::path(get, path = "/v1/creators/me/clips", tag = "creator", security(("bearer" = [])),
    params(ListQuery), responses((status = 200, body = ClipListView)))]
async fn own(
    State(clips): State<Arc<Clips>>,
    State(show): State<ClipShow>,
    Creator(caller): Creator,
    Query(query): Query<ListQuery>,
) -> Result<Json<ClipListView>, Problem> {
    let limit = list_limit(query.limit, PAGE_LEN_DEFAULT, PAGE_LEN_MAX)?;
    let (creator, page) = clips.own(caller.account, query.cursor.as_deref(), limit).await?;
    let clips = page.items.iter().map(|clip| show.view(clip, &creator)).collect();
    Ok(Json(ClipListView::new(clips, page.next_cursor)))
}

/// Shows one's own product over the whole of a clip.
#[utoipa::path(put, path = "/v1/products/{id}/clips/{clip_id}", tag = "merchant",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "`prd_…`"),
        ("clip_id" = String, Path, description = "`clip_…`")),
    responses((status = 200, body = ClipView)))]
async fn link(
    State(clips): State<Arc<Clips>>,
    State(show): State<ClipShow>,
    Merchant(caller): Merchant,
    PathIds(product, clip): PathIds<ProductId, ClipId>,
) -> Result<Response, Problem> {
    let detail = clips.link(caller.account, product, clip).await?;
    show.answer(StatusCode::OK, caller.account, &detail, &HeaderMap::new()).await
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
