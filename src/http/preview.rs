//! The product sheet behind a card.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::catalog::Variant;
use crate::domain::id::{ClipId, ProductId};
use crate::domain::money::Currency;
use crate::domain::policy::{ShippingOption, ShopPolicy};
use crate::domain::stock::StockLevel;
use crate::http::Api;
use crate::http::extract::{PathId, Query, Viewer};
use crate::http::fields::{Checks, MoneyView, rfc3339};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::shop_views::RatingView;
use crate::services::preview::{Preview, ProductSheet};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(preview_product))
}

/// Where the tap came from.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// `clip_…`: the clip that shows the product.
    clip_id: Option<String>,
}

/// The product of a sheet.
#[derive(Serialize, ToSchema)]
pub struct SheetProductView {
    /// `prd_…`
    id: String,
    /// A line.
    title: String,
    /// A few paragraphs.
    description: String,
    /// The maker.
    brand: String,
    /// A path.
    category: String,
    /// Pictures, the best first.
    image_urls: Vec<String>,
}

/// A variant of a sheet.
#[derive(Serialize, ToSchema)]
pub struct SheetVariantView {
    /// `var_…`
    id: String,
    /// What tells it apart.
    title: String,
    /// Named choices.
    options: BTreeMap<String, String>,
    /// What one costs.
    price: MoneyView,
    /// A former price.
    compare_at: Option<MoneyView>,
    /// `in_stock`, `low_stock` or `sold_out`.
    #[schema(example = "in_stock")]
    availability: &'static str,
    /// A signed promise of the price, for `POST /v1/checkouts`.
    quote: String,
}

/// Who sells.
#[derive(Serialize, ToSchema)]
pub struct SellerView {
    /// `usr_…`
    id: String,
    /// The shop's name.
    display_name: String,
}

/// A way to send goods.
#[derive(Serialize, ToSchema)]
pub struct DeliveryView {
    /// The code for `shipping_option`.
    #[schema(example = "standard")]
    option: String,
    /// What a buyer reads.
    title: String,
    /// What it costs.
    price: MoneyView,
    /// Days until delivery at best.
    min_days: u16,
    /// Days until delivery at worst.
    max_days: u16,
}

/// All that a buyer sees after a tap.
#[derive(Serialize, ToSchema)]
pub struct PreviewView {
    /// The product.
    product: SheetProductView,
    /// What can be bought.
    variants: Vec<SheetVariantView>,
    /// RFC 3339: when the quotes end.
    quote_expires_at: String,
    /// How buyers judged it.
    rating: RatingView,
    /// Who sells.
    seller: SellerView,
    /// The ways to send it.
    delivery: Vec<DeliveryView>,
    /// Days in which it may be sent back.
    return_window_days: u16,
}

fn variant(((variant, level), quote): ((Variant, StockLevel), String)) -> SheetVariantView {
    SheetVariantView {
        id: variant.id.to_string(),
        title: variant.title,
        options: variant.options.into_iter().collect(),
        price: variant.price.into(),
        compare_at: variant.compare_at.map(MoneyView::from),
        availability: level.availability().as_str(),
        quote,
    }
}

fn delivery(policy: &ShopPolicy, currency: Currency) -> Vec<DeliveryView> {
    let view = |option: &ShippingOption| {
        Some(DeliveryView {
            option: option.code.clone(),
            title: option.title.clone(),
            price: option.price(currency)?.into(),
            min_days: option.min_days,
            max_days: option.max_days,
        })
    };
    policy.shipping_options.iter().filter_map(view).collect()
}

impl From<ProductSheet> for PreviewView {
    fn from(sheet: ProductSheet) -> Self {
        let ProductSheet { product, levels, quotes, policy, .. } = sheet;
        let currency = product.variants.first().map(|variant| variant.price.currency());
        let delivery = currency.map_or_else(Vec::new, |currency| delivery(&policy, currency));
        Self {
            product: SheetProductView {
                id: product.id.to_string(),
                title: product.title,
                description: product.description,
                brand: product.brand,
                category: product.category,
                image_urls: product.image_urls,
            },
            variants: product.variants.into_iter().zip(levels).zip(quotes).map(variant).collect(),
            quote_expires_at: rfc3339(sheet.quote_expires_at),
            rating: RatingView::NONE,
            seller: SellerView {
                id: product.merchant.to_string(),
                display_name: sheet.seller_name,
            },
            delivery,
            return_window_days: policy.return_window_days,
        }
    }
}

/// Variants, stock, delivery and signed quotes of a product, in one round trip.
#[utoipa::path(get, path = "/v1/products/{id}/preview", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path), PreviewQuery), responses((status = 200, body = PreviewView)))]
async fn preview_product(
    State(preview): State<Arc<Preview>>,
    _caller: Viewer,
    PathId(id): PathId<ProductId>,
    Query(query): Query<PreviewQuery>,
) -> Result<Json<PreviewView>, Problem> {
    let mut checks = Checks::new();
    let clip = query.clip_id.as_deref();
    let _: Option<ClipId> = clip.and_then(|clip| checks.parse("/clip_id", clip));
    checks.done()?;
    let sheet = preview.show(id).await?;
    let sheet = sheet.ok_or_else(|| Problem::new(ProblemKind::NotFound, "no such product"))?;
    Ok(Json(sheet.into()))
}
