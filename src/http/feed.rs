//! The feed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::limits::{FEED_PAGE_LEN_DEFAULT, FEED_PAGE_LEN_MAX};
use crate::http::Api;
use crate::http::extract::{Query, Viewer};
use crate::http::feed_views::FeedPageView;
use crate::http::fields::list_limit;
use crate::http::problem::{Problem, ProblemKind};
use crate::services::feed_page::{FeedError, FeedPage, FeedPages, PageRequest, parse_surface};
use crate::telemetry::figures::{Feed, Figures};
use crate::telemetry::traces;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_feed))
}

/// Which page of which feed.
#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FeedParams {
    /// Clips, 1 to 50; 10 if left out.
    limit: Option<u32>,
    /// `next_cursor` of the page before. The same cursor always gives the same page.
    cursor: Option<String>,
    /// `for_you` (the default) or `following`.
    surface: Option<String>,
    /// A watermark of `POST /v1/events`: the page reflects at least those events.
    after: Option<String>,
}

/// The next clips for the caller.
#[utoipa::path(get, path = "/v1/feed", tag = "viewer", security(("bearer" = [])),
    params(FeedParams), responses((status = 200, body = FeedPageView)))]
async fn get_feed(
    State(feed): State<Arc<FeedPages>>,
    State(figures): State<Arc<Figures>>,
    Viewer(caller): Viewer,
    Query(params): Query<FeedParams>,
) -> Result<Response, Problem> {
    let wrong_surface = || Problem::field("/surface", "is `for_you` or `following`");
    let surface =
        params.surface.as_deref().map(|word| parse_surface(word).ok_or_else(wrong_surface));
    let wrong_after =
        || Problem::field("/after", "is the `watermark` of an answer to POST /v1/events");
    let after = params.after.as_deref().map(|text| text.parse().map_err(|_| wrong_after()));
    let request = PageRequest {
        viewer: caller.account,
        surface: surface.transpose()?,
        limit: list_limit(params.limit, FEED_PAGE_LEN_DEFAULT, FEED_PAGE_LEN_MAX)?,
        cursor: params.cursor.as_deref(),
        after: after.transpose()?,
    };
    let page = feed.page(request).await?;
    count(&page, &figures.feed);
    Ok(show(page))
}

/// A page that was served before cost nothing and counts for nothing.
fn count(page: &FeedPage, figures: &Feed) {
    for stage in &page.trace {
        let took = Duration::from_micros(u64::from(stage.took_us));
        figures.stage(stage.name, took, u64::from(stage.candidates));
    }
    for (source, candidates) in &page.brought {
        figures.brought(source, u64::from(*candidates));
    }
    traces::note_stages(page.trace.iter().map(|stage| (stage.name, stage.took_us)));
}

fn show(page: FeedPage) -> Response {
    static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
    let mut timing = String::new();
    for stage in &page.trace {
        let separator = if timing.is_empty() { "" } else { ", " };
        let (ms, us) = (stage.took_us / 1_000, stage.took_us % 1_000);
        let candidates = stage.candidates;
        let name = stage.name;
        let part = write!(timing, "{separator}{name};dur={ms}.{us:03};desc=\"{candidates}\"");
        part.expect("writing to a string cannot fail");
    }
    let mut response = page.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A page is made for one viewer and carries links that end.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(value) = HeaderValue::from_str(&timing)
        && !timing.is_empty()
    {
        headers.insert(SERVER_TIMING.clone(), value);
    }
    response
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::InvalidCursor => Self::new(ProblemKind::InvalidCursor, error),
            FeedError::CursorExpired => Self::new(ProblemKind::CursorExpired, error),
            FeedError::UnknownWatermark => Self::field("/after", error),
            FeedError::Store(error) => error.into(),
        }
    }
}
