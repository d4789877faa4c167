//! What a merchant sold and is owed.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::limits::{PAGE_LEN_DEFAULT, PAGE_LEN_MAX};
use crate::domain::money::{Currency, Money};
use crate::http::Api;
use crate::http::extract::{Merchant, Query};
use crate::http::fields::{MoneyView, list_limit, rfc3339};
use crate::http::problem::Problem;
use crate::http::shop_views::{ListQuery, OrderView, OrdersView};
use crate::services::ledger::{Ledger, Owed};
use crate::services::orders::Orders;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_sold)).routes(routes!(get_balance))
}

/// What is owed in one currency.
#[derive(Serialize, ToSchema)]
pub struct OwedView {
    /// ISO 4217.
    currency: String,
    /// For goods, after fee and commissions.
    merchant_payable: MoneyView,
    /// For clips that sold.
    creator_payable: MoneyView,
}

/// What is owed to the caller.
#[derive(Serialize, ToSchema)]
pub struct BalanceView {
    /// RFC 3339: later transfers may be missing.
    as_of: String,
    /// Per currency.
    balances: Vec<OwedView>,
}

fn owed(owed: BTreeMap<Currency, Owed>) -> Vec<OwedView> {
    // Amounts of one account in one currency stay far below 63 bits; a view that did not fit shows the end.
    let money = |minor: i128, currency| {
        MoneyView::from(Money::new(i64::try_from(minor).unwrap_or(i64::MAX), currency))
    };
    let view = |(currency, owed): (Currency, Owed)| OwedView {
        currency: currency.code().to_owned(),
        merchant_payable: money(owed.merchant_minor, currency),
        creator_payable: money(owed.creator_minor, currency),
    };
    owed.into_iter().map(view).collect()
}

/// Orders with lines of the caller, newest first. Each merchant of an order sees only their own lines.
#[utoipa::path(get, path = "/v1/merchants/me/orders", tag = "merchant", security(("bearer" = [])),
    params(ListQuery), responses((status = 200, body = OrdersView)))]
async fn list_sold(
    State(orders): State<Arc<Orders>>,
    Merchant(caller): Merchant,
    Query(query): Query<ListQuery>,
) -> Result<Json<OrdersView>, Problem> {
    let limit = list_limit(query.limit, PAGE_LEN_DEFAULT, PAGE_LEN_MAX)?;
    let page = orders.list_sold(caller.account, query.cursor.as_deref(), limit).await?;
    let orders = page.items.into_iter().map(OrderView::from).collect();
    Ok(Json(OrdersView { orders, next_cursor: page.next_cursor }))
}

/// What the house owes the caller.
#[utoipa::path(get, path = "/v1/merchants/me/balance", tag = "merchant",
    security(("bearer" = [])), responses((status = 200, body = BalanceView)))]
async fn get_balance(
    State(ledger): State<Arc<Ledger>>,
    Merchant(caller): Merchant,
) -> Result<Json<BalanceView>, Problem> {
    let (balances, as_of) = ledger.owed(caller.account).await?;
    Ok(Json(BalanceView { as_of: rfc3339(as_of), balances: owed(balances) }))
}
