//! Whether this node lives, and whether it should get requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Api, ServerInfo};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(livez)).routes(routes!(readyz))
}

/// `ok`, or why not.
#[derive(Serialize, ToSchema)]
pub struct HealthView {
    status: &'static str,
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/livez", tag = "operator", responses((status = 200, body = HealthView)))]
async fn livez() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}

/// Whether load balancers should send requests here: not while it starts or drains.
#[utoipa::path(get, path = "/readyz", tag = "operator",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
async fn readyz(State(server): State<Arc<ServerInfo>>) -> (StatusCode, Json<HealthView>) {
    if server.ready.load(Ordering::Acquire) {
        return (StatusCode::OK, Json(HealthView { status: "ok" }));
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(HealthView { status: "starting or draining" }))
}
