//! A buyer's orders.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::id::OrderId;
use crate::domain::limits::{PAGE_LEN_DEFAULT, PAGE_LEN_MAX};
use crate::http::Api;
use crate::http::extract::{PathId, Query, Viewer};
use crate::http::fields::list_limit;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::shop_views::{ListQuery, OrderView, OrdersView};
use crate::services::orders::{Orders, OrdersError};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_orders)).routes(routes!(get_order))
}

impl From<OrdersError> for Problem {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::NotFound => Self::new(ProblemKind::NotFound, error),
            OrdersError::Cursor(error) => Self::new(ProblemKind::InvalidCursor, error),
            OrdersError::Store(error) => error.into(),
        }
    }
}

/// The caller's orders, newest first.
#[utoipa::path(get, path = "/v1/orders", tag = "viewer", security(("bearer" = [])),
    params(ListQuery), responses((status = 200, body = OrdersView)))]
async fn list_orders(
    State(orders): State<Arc<Orders>>,
    Viewer(caller): Viewer,
    Query(query): Query<ListQuery>,
) -> Result<Json<OrdersView>, Problem> {
    let limit = list_limit(query.limit, PAGE_LEN_DEFAULT, PAGE_LEN_MAX)?;
    let page = orders.list(caller.account, query.cursor.as_deref(), limit).await?;
    let orders = page.items.into_iter().map(OrderView::from).collect();
    Ok(Json(OrdersView { orders, next_cursor: page.next_cursor }))
}

/// One of the caller's orders.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path)), responses((status = 200, body = OrderView)))]
async fn get_order(
    State(orders): State<Arc<Orders>>,
    Viewer(caller): Viewer,
    PathId(id): PathId<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(orders.get(caller.account, id).await?.into()))
}
