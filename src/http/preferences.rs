//! How the caller wants to be served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::account::{Account, Market};
use crate::http::Api;
use crate::http::extract::{Body, Viewer};
use crate::http::problem::Problem;
use crate::services::accounts::{Accounts, ProfileEdit};
use crate::services::viewers::Viewers;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_preferences, put_preferences))
}

/// How an account is served.
#[derive(Serialize, ToSchema)]
struct PreferencesView {
    /// Whether the caller's own history may shape the feed. Without it, everybody of a market gets the
    /// same feed but for creators one has blocked.
    personalised: bool,
    /// ISO 3166-1 alpha-2.
    market: String,
}

impl From<Account> for PreferencesView {
    fn from(account: Account) -> Self {
        Self { personalised: account.personalised, market: account.market.code().to_owned() }
    }
}

/// What to change; a market left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditPreferences {
    /// Whether the caller's own history may shape the feed.
    personalised: bool,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    market: Option<String>,
}

/// How the caller is served.
#[utoipa::path(get, path = "/v1/me/preferences", tag = "viewer", security(("bearer" = [])),
    responses((status = 200, body = PreferencesView)))]
async fn get_preferences(
    State(accounts): State<Arc<Accounts>>,
    Viewer(caller): Viewer,
) -> Result<Json<PreferencesView>, Problem> {
    Ok(Json(accounts.get(caller.account).await?.into()))
}

/// Changes how the caller is served, from the next page on.
#[utoipa::path(put, path = "/v1/me/preferences", tag = "viewer", security(("bearer" = [])),
    request_body = EditPreferences, responses((status = 200, body = PreferencesView)))]
async fn put_preferences(
    State(accounts): State<Arc<Accounts>>,
    State(viewers): State<Arc<Viewers>>,
    Viewer(caller): Viewer,
    Body(body): Body<EditPreferences>,
) -> Result<Json<PreferencesView>, Problem> {
    let wrong =
        || Problem::field("/market", "is a country code of two capital letters such as `US`");
    let market = body.market.map(|code| Market::new(&code).ok_or_else(wrong)).transpose()?;
    let edit =
        ProfileEdit { personalised: Some(body.personalised), market, ..ProfileEdit::default() };
    let account = accounts.edit(caller.account, &edit).await?;
    viewers.refresh(caller.account).await?;
    Ok(Json(account.into()))
}
