//! Tokens for guests: viewers whom nobody knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::fields::rfc3339;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::{Api, ServerInfo};
use crate::services::access::{Access, Issued};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create_guest_token))
}

/// A bearer token and whom it speaks for.
#[derive(Serialize, ToSchema)]
pub struct TokenView {
    /// For `Authorization: Bearer`.
    token: String,
    /// The guest's name in the token.
    subject: String,
    /// RFC 3339.
    expires_at: String,
}

impl From<Issued> for TokenView {
    fn from(issued: Issued) -> Self {
        Self {
            token: issued.token,
            subject: issued.claims.subject,
            expires_at: rfc3339(issued.claims.expires_at),
        }
    }
}

/// Makes a new guest. Where the operator turned guests off, it is a 404.
#[utoipa::path(post, path = "/v1/guest-tokens", tag = "viewer", responses((status = 201, body = TokenView)))]
async fn create_guest_token(
    State(access): State<Arc<Access>>,
    State(server): State<Arc<ServerInfo>>,
) -> Result<(StatusCode, Json<TokenView>), Problem> {
    if !server.guests {
        return Err(Problem::new(ProblemKind::NotFound, "guests are turned off here"));
    }
    Ok((StatusCode::CREATED, Json(access.issue_guest()?.into())))
}
