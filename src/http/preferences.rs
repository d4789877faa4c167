//! How the caller wants to be served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::account::{Account, Market};
use crate::domain::limits::SHARE_WHOLE;
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
    /// How much of the feed may have something to buy, 0 to 1: a hard bound. Any 20 clips in a row of one
    /// session hold at most ⌊20 · ratio⌋ of them, and the first `n` at most ⌊n · ratio⌋ while there are
    /// fewer. Pages get shorter, and a session ends, rather than break it.
    max_shoppable_ratio: f64,
}

impl From<Account> for PreferencesView {
    fn from(account: Account) -> Self {
        Self {
            personalised: account.personalised,
            market: account.market.code().to_owned(),
            max_shoppable_ratio: f64::from(account.max_shoppable_share) / f64::from(SHARE_WHOLE),
        }
    }
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditPreferences {
    /// Whether the caller's own history may shape the feed.
    personalised: Option<bool>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    market: Option<String>,
    /// How much of the feed may have something to buy, 0 to 1, down to millionths.
    #[schema(example = 0.3)]
    max_shoppable_ratio: Option<f64>,
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
    let out_of_range = || Problem::field("/max_shoppable_ratio", "is a number from 0 to 1");
    let share = body.max_shoppable_ratio.map(|ratio| share(ratio).ok_or_else(out_of_range));
    let edit = ProfileEdit {
        personalised: body.personalised,
        market,
        max_shoppable_share: share.transpose()?,
        ..ProfileEdit::default()
    };
    let account = accounts.edit(caller.account, &edit).await?;
    viewers.refresh(caller.account).await?;
    Ok(Json(account.into()))
}

/// A ratio in millionths. What stands behind them is dropped, but for the last bits of a number that was
/// written with six digits.
fn share(ratio: f64) -> Option<u32> {
    let millionths = (ratio * f64::from(SHARE_WHOLE) + 1e-6).floor();
    (0.0..=1.0).contains(&ratio).then_some(millionths as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_with_six_digits_comes_back_as_it_was() {
        for millionths in (0..=SHARE_WHOLE).step_by(7).chain([SHARE_WHOLE]) {
            let ratio: f64 = format!("0.{millionths:06}").parse().unwrap();
            let ratio = if millionths == SHARE_WHOLE { 1.0 } else { ratio };
            assert_eq!(share(ratio), Some(millionths), "{ratio}");
            assert!((f64::from(millionths) / f64::from(SHARE_WHOLE) - ratio).abs() < f64::EPSILON);
        }
        assert_eq!(share(0.299_999_99), Some(299_999));
        assert!(share(-0.1).is_none() && share(1.000_1).is_none() && share(f64::NAN).is_none());
    }
}
