//! One's own profile as a creator and as a merchant.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::account::{Account, Market};
use crate::domain::limits::NAME_CHARS_MAX;
use crate::http::Api;
use crate::http::extract::{Body, Creator, Merchant};
use crate::http::fields::{Checks, rfc3339};
use crate::http::problem::Problem;
use crate::services::accounts::{Accounts, ProfileEdit};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_creator, put_creator))
        .routes(routes!(get_merchant, put_merchant))
}

/// A profile.
#[derive(Serialize, ToSchema)]
pub struct ProfileView {
    /// `usr_…`
    id: String,
    /// The public short name.
    handle: String,
    /// The public name; for a merchant the shop's.
    display_name: String,
    /// ISO 3166-1 alpha-2.
    market: String,
    /// RFC 3339.
    created_at: String,
}

impl ProfileView {
    fn new(account: &Account, display_name: &str) -> Self {
        Self {
            id: account.id.to_string(),
            handle: account.handle.clone(),
            display_name: display_name.to_owned(),
            market: account.market.code().to_owned(),
            created_at: rfc3339(account.created_at),
        }
    }
}

/// What to change; fields left out stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProfile {
    /// 3 to 30 of `a`–`z`, `0`–`9`, `.`, `_`, `-`.
    #[schema(example = "mina.makes")]
    handle: Option<String>,
    /// The public name.
    #[schema(example = "Mina")]
    display_name: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    market: Option<String>,
}

impl EditProfile {
    fn check(self, as_merchant: bool) -> Result<ProfileEdit, Problem> {
        let mut checks = Checks::new();
        let mut edit = ProfileEdit::default();
        if let Some(handle) = self.handle {
            if !is_handle(&handle) {
                checks.refuse("/handle", "has 3 to 30 of `a`–`z`, `0`–`9`, `.`, `_`, `-`");
            }
            edit.handle = Some(handle);
        }
        if let Some(name) = self.display_name {
            let name = checks.text("/display_name", &name, NAME_CHARS_MAX);
            if as_merchant {
                edit.shop_name = Some(name);
            } else {
                edit.display_name = Some(name);
            }
        }
        if let Some(code) = self.market {
            edit.market = Market::new(&code);
            if edit.market.is_none() {
                checks.refuse("/market", "is a country code of two capital letters such as `US`");
            }
        }
        checks.done().map(|()| edit)
    }
}

fn is_handle(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (3..=30).contains(&text.len()) && text.bytes().all(plain)
}

/// The caller's profile as a creator.
#[utoipa::path(get, path = "/v1/creators/me", tag = "creator", security(("bearer" = [])),
    responses((status = 200, body = ProfileView)))]
async fn get_creator(
    State(accounts): State<Arc<Accounts>>,
    Creator(caller): Creator,
) -> Result<Json<ProfileView>, Problem> {
    let account = accounts.get(caller.account).await?;
    Ok(Json(ProfileView::new(&account, &account.display_name)))
}

/// Changes the caller's profile as a creator.
#[utoipa::path(put, path = "/v1/creators/me", tag = "creator", security(("bearer" = [])),
    request_body = EditProfile, responses((status = 200, body = ProfileView)))]
async fn put_creator(
    State(accounts): State<Arc<Accounts>>,
    Creator(caller): Creator,
    Body(body): Body<EditProfile>,
) -> Result<Json<ProfileView>, Problem> {
    let account = accounts.edit(caller.account, &body.check(false)?).await?;
    Ok(Json(ProfileView::new(&account, &account.display_name)))
}

/// The caller's profile as a merchant.
#[utoipa::path(get, path = "/v1/merchants/me", tag = "merchant", security(("bearer" = [])),
    responses((status = 200, body = ProfileView)))]
async fn get_merchant(
    State(accounts): State<Arc<Accounts>>,
    Merchant(caller): Merchant,
) -> Result<Json<ProfileView>, Problem> {
    let account = accounts.get(caller.account).await?;
    Ok(Json(ProfileView::new(&account, account.seller_name())))
}

/// Changes the caller's profile as a merchant; `display_name` is the shop's.
#[utoipa::path(put, path = "/v1/merchants/me", tag = "merchant", security(("bearer" = [])),
    request_body = EditProfile, responses((status = 200, body = ProfileView)))]
async fn put_merchant(
    State(accounts): State<Arc<Accounts>>,
    Merchant(caller): Merchant,
    Body(body): Body<EditProfile>,
) -> Result<Json<ProfileView>, Problem> {
    let account = accounts.edit(caller.account, &body.check(true)?).await?;
    Ok(Json(ProfileView::new(&account, account.seller_name())))
}
