//! Buying.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::checkout::{Checkout, CheckoutStatus, Refusal};
use crate::domain::id::CheckoutId;
use crate::domain::limits::NAME_CHARS_MAX;
use crate::domain::time::Timestamp;
use crate::http::Api;
use crate::http::extract::{Body, IdempotencyKey, PathId, Viewer};
use crate::http::fields::{Checks, MoneyView, rfc3339};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::products::invalid;
use crate::http::replay::{replay_headers, request_key};
use crate::http::shop_views::{AddressView, LineView, OrderView, TotalsView};
use crate::services::checkout::{
    CheckoutError, Checkouts, Completed, LineRequest, NextAction, OpenRequest, PayRequest,
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(open_checkout))
        .routes(routes!(get_checkout))
        .routes(routes!(complete_checkout))
        .routes(routes!(cancel_checkout))
}

/// One thing to buy.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenLine {
    /// `var_…`
    variant_id: String,
    /// How many.
    #[schema(example = 1)]
    quantity: u32,
    /// From the preview: the price that was shown.
    #[serde(default)]
    quote: Option<String>,
    /// From the feed item that led here.
    #[serde(default)]
    attribution_token: Option<String>,
}

/// What to buy, and where it goes.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCheckout {
    /// Things to buy; all in one currency.
    lines: Vec<OpenLine>,
    /// Where the receipt goes.
    #[schema(example = "vera@shop.example")]
    email: String,
    /// Where the goods go.
    shipping_address: AddressView,
    /// A `delivery` option of the preview.
    #[schema(example = "standard")]
    shipping_option: String,
}

impl OpenCheckout {
    fn check(self) -> Result<OpenRequest, Problem> {
        let mut checks = Checks::new();
        let mut lines = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.into_iter().enumerate() {
            let pointer = format!("/lines/{index}/variant_id");
            let Some(variant) = checks.parse(pointer, &line.variant_id) else { continue };
            let OpenLine { quantity, quote, attribution_token, .. } = line;
            lines.push(LineRequest { variant, quantity, quote, attribution_token });
        }
        let email = checks.text("/email", &self.email, 2 * NAME_CHARS_MAX);
        if !is_email(&email) {
            checks.refuse("/email", "is an address such as `vera@shop.example`");
        }
        let shipping_address = self.shipping_address.check(&mut checks);
        let shipping_option = self.shipping_option;
        checks.done().map(|()| OpenRequest { lines, email, shipping_address, shipping_option })
    }
}

/// One `@` with something on both sides; what is right beyond that only a letter can tell.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !text.chars().any(char::is_whitespace)
    })
}

/// How to pay.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentInput {
    /// The provider's name.
    #[schema(example = "sandbox")]
    provider: String,
    /// The provider's name for the means of payment.
    #[schema(example = "pm_approve")]
    method: String,
}

/// How to pay.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteCheckout {
    /// The means of payment; never card data.
    payment: PaymentInput,
}

/// Until when stock is held.
#[derive(Serialize, ToSchema)]
pub struct HoldView {
    /// RFC 3339.
    expires_at: String,
}

/// What the buyer must do.
#[derive(Serialize, ToSchema)]
pub struct NextActionView {
    /// The kind of action.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where.
    url: String,
}

/// A payment on its way.
#[derive(Serialize, ToSchema)]
pub struct PaymentView {
    /// `pay_…`
    id: String,
    /// `pending`, `requires_action` or `captured`.
    state: &'static str,
    /// What the buyer must do; null when nothing.
    next_action: Option<NextActionView>,
}

/// An attempt to buy.
#[derive(Serialize, ToSchema)]
pub struct CheckoutView {
    /// `chk_…`
    id: String,
    /// `open`, `completed`, `expired` or `canceled`.
    #[schema(example = "open")]
    state: &'static str,
    /// What is bought.
    lines: Vec<LineView>,
    /// For how much.
    totals: TotalsView,
    /// The stock that is held; null when none is.
    hold: Option<HoldView>,
    /// What keeps it from being completed.
    problems: Vec<String>,
    /// `ord_…` once it is completed.
    order_id: Option<String>,
    /// The code of the shipping option.
    shipping_option: String,
    /// Where the receipt goes.
    email: String,
    /// Where the goods go.
    shipping_address: AddressView,
    /// RFC 3339.
    created_at: String,
    /// The payment; null before there is one.
    payment: Option<PaymentView>,
}

impl CheckoutView {
    fn new(row: Checkout, now: Timestamp, action: Option<NextAction>) -> Self {
        let status = row.status(now).unwrap_or(CheckoutStatus::Expired);
        let open = status == CheckoutStatus::Open && row.is_held();
        let order = row.attempt().filter(|_| status == CheckoutStatus::Completed);
        let mut action = action.map(|next| NextActionView { kind: next.kind, url: next.url });
        Self {
            id: row.id.to_string(),
            state: status.as_str(),
            totals: row.totals.into(),
            hold: open.then(|| HoldView { expires_at: rfc3339(row.expires_at) }),
            problems: Vec::new(),
            order_id: order.map(|attempt| attempt.order.to_string()),
            created_at: rfc3339(row.created_at),
            payment: row.payment().map(|(id, state)| PaymentView {
                id: id.to_string(),
                state: state.as_str(),
                next_action: action.take(),
            }),
            lines: row.lines.into_iter().map(LineView::from).collect(),
            shipping_option: row.shipping_option,
            email: row.email,
            shipping_address: row.shipping_address.into(),
        }
    }
}

/// What a payment led to.
#[derive(Serialize, ToSchema)]
pub struct CompletedView {
    /// The checkout by now.
    checkout: CheckoutView,
    /// The order; null while the buyer must act.
    order: Option<OrderView>,
    /// The payment that waits for the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentView>,
}

impl CompletedView {
    fn new(done: Completed, checkouts: &Checkouts) -> Self {
        let action = checkouts.next_action(&done.checkout);
        let payment = action.clone().and_then(|next| {
            let (id, state) = done.checkout.payment()?;
            let next_action = Some(NextActionView { kind: next.kind, url: next.url });
            Some(PaymentView { id: id.to_string(), state: state.as_str(), next_action })
        });
        Self {
            checkout: CheckoutView::new(done.checkout, checkouts.now(), action),
            order: done.order.map(OrderView::from),
            payment,
        }
    }
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::Invalid(faults) => invalid(faults),
            CheckoutError::NotFound => Self::new(ProblemKind::NotFound, error),
            CheckoutError::KeyReused => Self::new(ProblemKind::IdempotencyKeyReused, error),
            CheckoutError::InProgress => Self::new(ProblemKind::IdempotencyInProgress, error),
            CheckoutError::Refused { refusal, replayed } => refused(refusal).replayed(replayed),
            CheckoutError::Expired => Self::new(ProblemKind::CheckoutExpired, error),
            CheckoutError::Closed(_) => Self::new(ProblemKind::CheckoutClosed, error),
            CheckoutError::TooMany(_) => Self::new(ProblemKind::TooMany, error),
            CheckoutError::PaymentUnknown => Self::new(ProblemKind::PaymentUnknown, error),
            CheckoutError::Store(error) => error.into(),
            CheckoutError::Ledger(_) => Self::hidden(ProblemKind::Internal, &error),
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::OutOfStock { variant, available } => {
            let detail = format!("{available} units of {variant} are left");
            Problem::new(ProblemKind::OutOfStock, detail)
                .with("variant_id", variant.to_string())
                .with("available", available)
        }
        Refusal::PriceChanged { variant, price, quote } => {
            let detail = format!("confirm the present price of {variant}");
            let price = MoneyView::from(price);
            let price = serde_json::json!({ "amount": price.amount, "currency": price.currency });
            Problem::new(ProblemKind::PriceChanged, detail)
                .with("variant_id", variant.to_string())
                .with("price", price)
                .with("quote", quote)
        }
        Refusal::Declined(reason) => Problem::new(ProblemKind::PaymentDeclined, reason.sentence())
            .with("reason", reason.as_str()),
    }
}

/// Prices the lines and holds their stock, once per key.
#[utoipa::path(post, path = "/v1/checkouts", tag = "viewer", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header)), request_body = OpenCheckout,
    responses((status = 201, body = CheckoutView)))]
async fn open_checkout(
    State(checkouts): State<Arc<Checkouts>>,
    Viewer(caller): Viewer,
    key: IdempotencyKey,
    Body(body): Body<OpenCheckout>,
) -> Result<Response, Problem> {
    let key = request_key(key, &body);
    let opened = checkouts.open(caller.account, &body.check()?, &key).await?;
    // The first answer was open, whatever the clock says by now.
    let view = CheckoutView::new(opened.value.clone(), opened.value.created_at, None);
    Ok((StatusCode::CREATED, replay_headers(opened.replayed), Json(view)).into_response())
}

/// One of the caller's checkouts.
#[utoipa::path(get, path = "/v1/checkouts/{id}", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path)), responses((status = 200, body = CheckoutView)))]
async fn get_checkout(
    State(checkouts): State<Arc<Checkouts>>,
    Viewer(caller): Viewer,
    PathId(id): PathId<CheckoutId>,
) -> Result<Json<CheckoutView>, Problem> {
    let row = checkouts.get(caller.account, id).await?;
    let action = checkouts.next_action(&row);
    Ok(Json(CheckoutView::new(row, checkouts.now(), action)))
}

/// Pays and places the order, once per key. While the buyer must act, or the outcome is not known, the
/// same key goes on.
#[utoipa::path(post, path = "/v1/checkouts/{id}/complete", tag = "viewer",
    security(("bearer" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = CompleteCheckout, responses((status = 200, body = CompletedView)))]
async fn complete_checkout(
    State(checkouts): State<Arc<Checkouts>>,
    Viewer(caller): Viewer,
    PathId(id): PathId<CheckoutId>,
    key: IdempotencyKey,
    Body(body): Body<CompleteCheckout>,
) -> Result<Response, Problem> {
    let key = request_key(key, &body);
    let PaymentInput { provider, method } = body.payment;
    let pay = PayRequest { provider, method };
    let done = checkouts.complete(caller.account, id, &pay, &key).await?;
    let view = CompletedView::new(done.value, &checkouts);
    Ok((replay_headers(done.replayed), Json(view)).into_response())
}

/// Gives the stock back.
#[utoipa::path(post, path = "/v1/checkouts/{id}/cancel", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CheckoutView)))]
async fn cancel_checkout(
    State(checkouts): State<Arc<Checkouts>>,
    Viewer(caller): Viewer,
    PathId(id): PathId<CheckoutId>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let key = request_key(key, &"cancel");
    let canceled = checkouts.cancel(caller.account, id, &key).await?;
    let view = CheckoutView::new(canceled.value, checkouts.now(), None);
    Ok((replay_headers(canceled.replayed), Json(view)).into_response())
}
