//! Likes, saves, follows and blocks: `PUT` sets, `DELETE` ends, both as often as one likes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::engagement::Relation;
use crate::domain::id::{AccountId, ClipId};
use crate::http::Api;
use crate::http::extract::{PathId, Viewer};
use crate::http::problem::{Problem, ProblemKind};
use crate::services::social::{Social, SocialError};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(put_like, delete_like))
        .routes(routes!(put_save, delete_save))
        .routes(routes!(put_follow, delete_follow))
        .routes(routes!(put_block, delete_block))
}

impl From<SocialError> for Problem {
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::NotFound(_) => Self::new(ProblemKind::NotFound, error),
            SocialError::Oneself => Self::field("/id", error),
            SocialError::Store(error) => error.into(),
        }
    }
}

macro_rules! relation_routes {
    ($($(#[$doc:meta])* $name:ident: $method:ident $path:literal $of:ident($id:ty) = $relation:ident, $on:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path($method, path = $path, tag = "viewer", security(("bearer" = [])),
            params(("id" = String, Path)), responses((status = 204)))]
        async fn $name(
            State(social): State<Arc<Social>>,
            Viewer(caller): Viewer,
            PathId(id): PathId<$id>,
        ) -> Result<StatusCode, Problem> {
            social.$of(caller.account, id, (Relation::$relation, $on)).await?;
            Ok(StatusCode::NO_CONTENT)
        })*
    };
}

relation_routes! {
    /// Likes a clip.
    put_like: put "/v1/clips/{id}/like" clip(ClipId) = Like, true;
    /// Takes a like back.
    delete_like: delete "/v1/clips/{id}/like" clip(ClipId) = Like, false;
    /// Keeps a clip.
    put_save: put "/v1/clips/{id}/save" clip(ClipId) = Save, true;
    /// Keeps it no longer.
    delete_save: delete "/v1/clips/{id}/save" clip(ClipId) = Save, false;
    /// Follows a creator.
    put_follow: put "/v1/creators/{id}/follow" creator(AccountId) = Follow, true;
    /// Follows no longer.
    delete_follow: delete "/v1/creators/{id}/follow" creator(AccountId) = Follow, false;
    /// Sees nothing of a creator any more.
    put_block: put "/v1/creators/{id}/block" creator(AccountId) = Block, true;
    /// Lets a creator be shown again.
    delete_block: delete "/v1/creators/{id}/block" creator(AccountId) = Block, false;
}
