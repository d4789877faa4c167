//! Stock, for merchants.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::id::VariantId;
use crate::domain::stock::{AdjustRefusal, StockEdit, StockLevel, StockReason};
use crate::http::Api;
use crate::http::extract::{Body, IdempotencyKey, Merchant, PathId};
use crate::http::fields::Checks;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::replay::{replay_headers, request_key};
use crate::services::inventory::{AdjustRequest, Inventory, InventoryError};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(adjust_stock)).routes(routes!(get_stock))
}

/// A correction: either `delta`, or `set` with the `version` it was counted against.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// `var_…`
    variant_id: String,
    /// So many more, or fewer.
    delta: Option<i64>,
    /// Exactly so many on hand.
    set: Option<u32>,
    /// The version of the stock that `set` was counted against.
    version: Option<u64>,
    /// `restock`, `damage`, `count` or `return`.
    #[schema(example = "restock")]
    reason: String,
}

impl AdjustStock {
    fn check(self) -> Result<AdjustRequest, Problem> {
        let mut checks = Checks::new();
        let variant = checks.parse("/variant_id", &self.variant_id);
        let edit = match (self.delta, self.set, self.version) {
            (Some(delta), None, None) => Some(StockEdit::Delta(delta)),
            (None, Some(on_hand), Some(version)) => Some(StockEdit::Set { on_hand, version }),
            (None, Some(_), None) => {
                checks.refuse("/version", "goes with `set`: the version it was counted against");
                None
            }
            (Some(_), _, _) | (None, None, _) => {
                checks.refuse("/delta", "send either `delta`, or `set` with `version`");
                None
            }
        };
        let reason = StockReason::from_word(&self.reason);
        if reason.is_none() {
            checks.refuse("/reason", "is `restock`, `damage`, `count` or `return`");
        }
        checks.done()?;
        match (variant, edit, reason) {
            (Some(variant), Some(edit), Some(reason)) => {
                Ok(AdjustRequest { variant, edit, reason })
            }
            _ => Err(Problem::new(ProblemKind::Invalid, "the correction is incomplete")),
        }
    }
}

/// The stock of one variant.
#[derive(Serialize, ToSchema)]
pub struct StockView {
    /// `var_…`
    variant_id: String,
    /// Units that are not sold.
    on_hand: u32,
    /// Units that buyers hold.
    held: u32,
    /// What may still be taken: `on_hand − held`.
    available: u32,
    /// Grows with each change.
    version: u64,
}

impl StockView {
    fn new(variant: VariantId, level: StockLevel) -> Self {
        Self {
            variant_id: variant.to_string(),
            on_hand: level.on_hand,
            held: level.held,
            available: level.available(),
            version: level.version,
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::NotFound => Self::new(ProblemKind::NotFound, error),
            InventoryError::KeyReused => Self::new(ProblemKind::IdempotencyKeyReused, error),
            InventoryError::Refused { refusal, replayed } => match refusal {
                AdjustRefusal::VersionChanged { current } => {
                    Self::new(ProblemKind::StockVersion, refusal).with("version", current)
                }
                AdjustRefusal::BelowHeld { held } => {
                    Self::new(ProblemKind::StockHeld, refusal).with("held", held)
                }
                AdjustRefusal::TooMany => Self::field("/delta", refusal),
            }
            .replayed(replayed),
            InventoryError::Store(error) => error.into(),
        }
    }
}

/// Corrects the stock of a variant, once per key.
#[utoipa::path(post, path = "/v1/inventory/adjustments", tag = "merchant",
    security(("bearer" = [])), params(("Idempotency-Key" = String, Header)),
    request_body = AdjustStock, responses((status = 200, body = StockView)))]
async fn adjust_stock(
    State(inventory): State<Arc<Inventory>>,
    Merchant(caller): Merchant,
    key: IdempotencyKey,
    Body(body): Body<AdjustStock>,
) -> Result<Response, Problem> {
    let key = request_key(key, &body);
    let request = body.check()?;
    let made = inventory.adjust(caller.account, request, &key).await?;
    let view = StockView::new(request.variant, made.value);
    Ok((replay_headers(made.replayed), Json(view)).into_response())
}

/// The stock of one of the caller's variants.
#[utoipa::path(get, path = "/v1/inventory/{variant_id}", tag = "merchant",
    security(("bearer" = [])), params(("variant_id" = String, Path)),
    responses((status = 200, body = StockView)))]
async fn get_stock(
    State(inventory): State<Arc<Inventory>>,
    Merchant(caller): Merchant,
    PathId(variant): PathId<VariantId>,
) -> Result<Json<StockView>, Problem> {
    let level = inventory.get(caller.account, variant).await?;
    Ok(Json(StockView::new(variant, level)))
}
