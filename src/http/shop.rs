//! The shop's services and all its routes.

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{Api, checkouts, inventory, merchant, ops, orders, preview, products, sandbox};
use crate::services::catalog::Catalog;
use crate::services::checkout::Checkouts;
use crate::services::inventory::Inventory;
use crate::services::ledger::Ledger;
use crate::services::orders::Orders;
use crate::services::preview::Preview;
use crate::services::sandbox::SandboxBank;

/// Everything that sells.
#[derive(Clone)]
pub struct ShopApi {
    /// Products.
    pub catalog: Arc<Catalog>,
    /// Stock.
    pub inventory: Arc<Inventory>,
    /// Product sheets.
    pub preview: Arc<Preview>,
    /// Purchases.
    pub checkouts: Arc<Checkouts>,
    /// Orders.
    pub orders: Arc<Orders>,
    /// The books.
    pub ledger: Arc<Ledger>,
    /// The sandbox's bank.
    pub sandbox: Arc<SandboxBank>,
}

macro_rules! handlers_can_reach {
    ($($field:ident: $service:ty),* $(,)?) => {
        $(impl FromRef<Api> for Arc<$service> {
            fn from_ref(api: &Api) -> Self {
                Arc::clone(&api.shop.$field)
            }
        })*
    };
}

handlers_can_reach! {
    catalog: Catalog,
    inventory: Inventory,
    preview: Preview,
    checkouts: Checkouts,
    orders: Orders,
    ledger: Ledger,
    sandbox: SandboxBank,
}

/// All routes of the shop.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(products::routes())
        .merge(inventory::routes())
        .merge(preview::routes())
        .merge(checkouts::routes())
        .merge(orders::routes())
        .merge(merchant::routes())
        .merge(ops::routes())
        .merge(sandbox::routes())
}
