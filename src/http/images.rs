//! Pictures of products: taken in, cleaned, shown.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::domain::id::MediaId;
use crate::domain::limits::IMAGE_BYTES_MAX;
use crate::http::Api;
use crate::http::extract::Merchant;
use crate::http::problem::{Problem, ProblemKind};
use crate::services::media::{Media, PictureError};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(keep).layer(DefaultBodyLimit::max(IMAGE_BYTES_MAX)))
        .routes(routes!(show))
}

/// Where a kept picture is shown.
#[derive(Serialize, ToSchema)]
pub struct ImageView {
    /// For `image_urls` of a product.
    image_url: String,
}

/// Keeps a picture: decoded, turned upright, made no larger than 1600 pixels, encoded anew as JPEG.
#[utoipa::path(post, path = "/v1/media", tag = "merchant", security(("bearer" = [])),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
    responses((status = 201, body = ImageView)))]
async fn keep(
    State(media): State<Arc<Media>>,
    Merchant(caller): Merchant,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<ImageView>), Problem> {
    let detail = format!("a picture has at most {IMAGE_BYTES_MAX} bytes");
    let bytes = body.map_err(|_| Problem::new(ProblemKind::TooLarge, detail))?;
    let image_url = media.keep_picture(caller.account, bytes).await?;
    Ok((StatusCode::CREATED, Json(ImageView { image_url })))
}

/// A kept picture.
#[utoipa::path(get, path = "/images/{name}", tag = "viewer",
    params(("name" = String, Path, description = "`med_….jpg`")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>)))]
async fn show(
    State(media): State<Arc<Media>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(ProblemKind::NotFound, "there is no such picture");
    let id: Option<MediaId> = name.strip_suffix(".jpg").and_then(|id| id.parse().ok());
    let found = media.picture(id.ok_or_else(missing)?).await?.ok_or_else(missing)?;
    let mut response = found.bytes.map_or_else(Body::empty, Body::from_stream).into_response();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(found.meta.len));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    set.insert(header::CACHE_CONTROL, forever);
    set.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Image(error) => Self::new(ProblemKind::UnsupportedMediaType, error),
            PictureError::Store(error) => error.into(),
        }
    }
}
