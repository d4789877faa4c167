//! The books and their laws, for operators.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::ledger::{LedgerAccount, Sums, TrialBalance};
use crate::domain::time::Timestamp;
use crate::http::Api;
use crate::http::extract::Operator;
use crate::http::fields::rfc3339;
use crate::http::problem::Problem;
use crate::services::freshness::{Effect, Lags};
use crate::services::ledger::{Invariant, Ledger};
use crate::services::training::{Head, ModelSigns};
use crate::services::vitals::{FreshnessSigns, LogPlace, Vitals};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(trial_balance))
        .routes(routes!(invariants))
        .routes(routes!(freshness))
}

/// Both sides of one account.
#[derive(Serialize, ToSchema)]
pub struct AccountSumsView {
    /// The kind, such as `merchant_payable`.
    account: &'static str,
    /// `usr_…` for the kinds that belong to someone.
    owner: Option<String>,
    /// The left side in minor units.
    debits: i128,
    /// The right side in minor units.
    credits: i128,
}

/// One currency.
#[derive(Serialize, ToSchema)]
pub struct CurrencySumsView {
    /// ISO 4217.
    currency: String,
    /// The left sides in minor units.
    debits: i128,
    /// The right sides in minor units; equal to `debits`.
    credits: i128,
    /// Each account.
    accounts: Vec<AccountSumsView>,
}

/// The sums of all accounts.
#[derive(Serialize, ToSchema)]
pub struct TrialBalanceView {
    /// Whether debits equal credits in every currency.
    balanced: bool,
    /// RFC 3339: later transfers may be missing.
    as_of: String,
    /// How many transfers there are.
    transfers: u64,
    /// Per currency.
    currencies: Vec<CurrencySumsView>,
}

fn accounts(sums: &BTreeMap<LedgerAccount, Sums>) -> Vec<AccountSumsView> {
    let view = |(account, sums): (&LedgerAccount, &Sums)| AccountSumsView {
        account: account.kind(),
        owner: account.owner().map(|owner| owner.to_string()),
        debits: sums.debits,
        credits: sums.credits,
    };
    sums.iter().map(view).collect()
}

impl TrialBalanceView {
    fn new(balance: &TrialBalance, as_of: Timestamp) -> Self {
        let currencies = balance.currencies.iter().map(|(&currency, sums)| {
            let totals = balance.totals(currency);
            CurrencySumsView {
                currency: currency.code().to_owned(),
                debits: totals.debits,
                credits: totals.credits,
                accounts: accounts(sums),
            }
        });
        Self {
            balanced: balance.is_balanced(),
            as_of: rfc3339(as_of),
            transfers: balance.transfers,
            currencies: currencies.collect(),
        }
    }
}

/// One law as it was found.
#[derive(Serialize, ToSchema)]
pub struct InvariantView {
    /// Which.
    name: &'static str,
    /// Whether it holds.
    holds: bool,
    /// How many records were looked at.
    checked: u64,
    /// What breaks it.
    violations: Vec<String>,
}

/// All laws.
#[derive(Serialize, ToSchema)]
pub struct InvariantsView {
    /// Whether all hold.
    holds: bool,
    /// RFC 3339.
    as_of: String,
    /// Each law.
    invariants: Vec<InvariantView>,
}

impl InvariantsView {
    fn new(laws: Vec<Invariant>, as_of: Timestamp) -> Self {
        let view = |law: Invariant| InvariantView {
            name: law.name,
            holds: law.violations.is_empty(),
            checked: law.checked,
            violations: law.violations,
        };
        let invariants: Vec<InvariantView> = laws.into_iter().map(view).collect();
        let holds = invariants.iter().all(|law| law.holds);
        Self { holds, as_of: rfc3339(as_of), invariants }
    }
}

/// The sums of all accounts; debits equal credits.
#[utoipa::path(get, path = "/v1/ops/trial-balance", tag = "operator", security(("bearer" = [])),
    responses((status = 200, body = TrialBalanceView)))]
async fn trial_balance(
    State(ledger): State<Arc<Ledger>>,
    _caller: Operator,
) -> Result<Json<TrialBalanceView>, Problem> {
    let (balance, as_of) = ledger.trial_balance().await?;
    Ok(Json(TrialBalanceView::new(&balance, as_of)))
}

/// Walks all stores and checks what must hold between them.
#[utoipa::path(get, path = "/v1/ops/invariants", tag = "operator", security(("bearer" = [])),
    responses((status = 200, body = InvariantsView)))]
async fn invariants(
    State(ledger): State<Arc<Ledger>>,
    _caller: Operator,
) -> Result<Json<InvariantsView>, Problem> {
    let (laws, as_of) = ledger.invariants().await?;
    Ok(Json(InvariantsView::new(laws, as_of)))
}

/// This node's place in a log.
#[derive(Serialize, ToSchema)]
pub struct LogPlaceView {
    /// The newest entry.
    head: String,
    /// The newest entry that this node has taken in.
    applied: String,
    /// Entries between them.
    behind: u64,
}

impl From<LogPlace> for LogPlaceView {
    fn from(place: LogPlace) -> Self {
        Self {
            head: place.head.to_string(),
            applied: place.applied.to_string(),
            behind: place.head.saturating_sub(place.applied),
        }
    }
}

/// How long accepted events took to an effect, over the last ten minutes at most.
#[derive(Serialize, ToSchema)]
pub struct EffectView {
    /// `viewer_state`: the next page of the viewer reflects it; `index`: the pages of all viewers do;
    /// `model`: it was learned from.
    effect: &'static str,
    /// Batches that were measured.
    samples: u64,
    /// The median, in milliseconds.
    p50_ms: f64,
    /// Nine of ten took no longer.
    p90_ms: f64,
    /// Ninety-nine of a hundred took no longer.
    p99_ms: f64,
    /// The longest.
    max_ms: f64,
}

/// How fresh the ranking of this node is.
#[derive(Serialize, ToSchema)]
pub struct FreshnessView {
    /// The log of what viewers do.
    events: LogPlaceView,
    /// The log of clips, products, stock and profiles.
    changes: LogPlaceView,
    /// From accepted to effective.
    effects: Vec<EffectView>,
    /// What this node has learned.
    model: ModelView,
}

/// How well a head is calibrated.
#[derive(Serialize, ToSchema)]
pub struct HeadView {
    /// What it predicts.
    head: &'static str,
    /// How often it was predicted for each time that it came, over the last thousands of views; `null` while
    /// too little came to tell.
    predicted_per_came: Option<f32>,
}

/// What a node has learned from watching.
#[derive(Serialize, ToSchema)]
pub struct ModelView {
    /// Views that were learned from.
    views: u64,
    /// Whether it is ranked by. If not, explicit estimates are, until a good model is back in place.
    sound: bool,
    /// Examples that were refused since they made no sense.
    refused: u64,
    /// The stored model that this node wrote or went on from last.
    stored: Option<String>,
    /// RFC 3339: when it did.
    stored_at: Option<String>,
    /// How often a stored model was put back because what was learned made no sense.
    put_back: u64,
    /// Each head.
    heads: Vec<HeadView>,
}

impl From<ModelSigns> for ModelView {
    fn from(signs: ModelSigns) -> Self {
        let head = |(head, &ratio): (&Head, &Option<f32>)| HeadView {
            head: head.as_str(),
            predicted_per_came: ratio,
        };
        Self {
            views: signs.views,
            sound: signs.is_sound,
            refused: signs.health.refused,
            stored_at: signs.stored.as_ref().map(|(_, at)| rfc3339(*at)),
            stored: signs.stored.map(|(name, _)| name),
            put_back: signs.put_back,
            heads: Head::ALL.iter().zip(&signs.health.calibration).map(head).collect(),
        }
    }
}

impl From<FreshnessSigns> for FreshnessView {
    fn from(signs: FreshnessSigns) -> Self {
        let ms = |lag: Duration| lag.as_secs_f64() * 1_000.0;
        let effect = |(effect, lags): (Effect, Lags)| EffectView {
            effect: effect.as_str(),
            samples: lags.samples as u64,
            p50_ms: ms(lags.p50),
            p90_ms: ms(lags.p90),
            p99_ms: ms(lags.p99),
            max_ms: ms(lags.max),
        };
        Self {
            events: signs.events.into(),
            changes: signs.changes.into(),
            effects: signs.effects.into_iter().map(effect).collect(),
            model: signs.model.into(),
        }
    }
}

/// How long it takes on this node from an accepted event to its effect, as measured, and how far the node
/// is behind the logs.
#[utoipa::path(get, path = "/v1/ops/freshness", tag = "operator", security(("bearer" = [])),
    responses((status = 200, body = FreshnessView)))]
async fn freshness(
    State(vitals): State<Arc<Vitals>>,
    _caller: Operator,
) -> Result<Json<FreshnessView>, Problem> {
    Ok(Json(vitals.freshness().await?.into()))
}
