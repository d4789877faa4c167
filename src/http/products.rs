//! Products: a merchant's shelf, and what everyone sees of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::catalog::{Availability, FieldError, Variant};
use crate::domain::id::ProductId;
use crate::domain::limits::{PAGE_LEN_DEFAULT, PAGE_LEN_MAX};
use crate::domain::stock::StockLevel;
use crate::http::Api;
use crate::http::conditional::{etag, expected_versions, is_known};
use crate::http::extract::{Anyone, Body, Merchant, OptionalIdempotencyKey, PathId, Query};
use crate::http::fields::{Checks, MoneyView, list_limit, rfc3339};
use crate::http::problem::{self, Problem, ProblemKind};
use crate::http::replay::{replay_headers, request_key};
use crate::http::shop_views::{ListQuery, RatingView};
use crate::services::catalog::{Catalog, CatalogError, ProductDraft, StockedProduct, VariantDraft};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create_product, list_products)).routes(routes!(
        get_product,
        edit_product,
        remove_product
    ))
}

/// A variant to put on the shelf.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantInput {
    /// In an edit: which variant stays. Without it the SKU decides.
    #[serde(default)]
    id: Option<String>,
    /// The merchant's own key, unique within the product.
    #[schema(example = "MUG-OAK")]
    sku: String,
    /// 8, 12, 13 or 14 digits with a right check digit.
    #[serde(default)]
    gtin: Option<String>,
    /// What tells it apart.
    #[serde(default)]
    #[schema(example = "Oak")]
    title: String,
    /// Named choices.
    #[serde(default)]
    options: BTreeMap<String, String>,
    /// What one costs.
    price: MoneyView,
    /// A former price, above the price.
    #[serde(default)]
    compare_at: Option<MoneyView>,
}

/// A product to put on the shelf.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    /// A line.
    #[schema(example = "Camp mug")]
    title: String,
    /// A few paragraphs.
    #[serde(default)]
    description: String,
    /// The maker.
    #[serde(default)]
    brand: String,
    /// A path.
    #[serde(default)]
    #[schema(example = "home/kitchen")]
    category: String,
    /// Pictures, the best first.
    #[serde(default)]
    image_urls: Vec<String>,
    /// At least one, all in one currency.
    variants: Vec<VariantInput>,
}

/// What to change; fields left out stay. `variants` is the whole list.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProduct {
    /// See [`CreateProduct`].
    title: Option<String>,
    /// See [`CreateProduct`].
    description: Option<String>,
    /// See [`CreateProduct`].
    brand: Option<String>,
    /// See [`CreateProduct`].
    category: Option<String>,
    /// See [`CreateProduct`].
    image_urls: Option<Vec<String>>,
    /// See [`CreateProduct`].
    variants: Option<Vec<VariantInput>>,
}

fn drafts(inputs: Vec<VariantInput>, checks: &mut Checks) -> Vec<VariantDraft> {
    let mut drafts = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let at = |field: &str| format!("/variants/{index}/{field}");
        let id = input.id.as_deref().and_then(|id| checks.parse(at("id"), id));
        let price = checks.money(&at("price"), &input.price);
        let former = input.compare_at.as_ref();
        let compare_at = former.and_then(|money| checks.money(&at("compare_at"), money));
        // Without a price the checks refuse in the end.
        let Some(price) = price else { continue };
        drafts.push(VariantDraft {
            id,
            sku: input.sku,
            gtin: input.gtin,
            title: input.title,
            options: input.options.into_iter().collect(),
            price,
            compare_at,
        });
    }
    drafts
}

impl CreateProduct {
    fn check(self) -> Result<ProductDraft, Problem> {
        let mut checks = Checks::new();
        for (index, _) in self.variants.iter().enumerate().filter(|(_, v)| v.id.is_some()) {
            checks.refuse(format!("/variants/{index}/id"), "is given by the server");
        }
        let variants = drafts(self.variants, &mut checks);
        checks.done().map(|()| ProductDraft {
            title: Some(self.title),
            description: Some(self.description),
            brand: Some(self.brand),
            category: Some(self.category),
            image_urls: Some(self.image_urls),
            variants: Some(variants),
        })
    }
}

impl EditProduct {
    fn check(self) -> Result<ProductDraft, Problem> {
        let mut checks = Checks::new();
        let variants = self.variants.map(|inputs| drafts(inputs, &mut checks));
        checks.done().map(|()| ProductDraft {
            title: self.title,
            description: self.description,
            brand: self.brand,
            category: self.category,
            image_urls: self.image_urls,
            variants,
        })
    }
}

/// A variant on the shelf.
#[derive(Serialize, ToSchema)]
pub struct VariantView {
    /// `var_…`
    id: String,
    /// The merchant's own key.
    sku: String,
    /// Global Trade Item Number.
    gtin: Option<String>,
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
}

impl VariantView {
    fn new(variant: Variant, level: StockLevel) -> Self {
        Self {
            id: variant.id.to_string(),
            sku: variant.sku,
            gtin: variant.gtin,
            title: variant.title,
            options: variant.options.into_iter().collect(),
            price: variant.price.into(),
            compare_at: variant.compare_at.map(MoneyView::from),
            availability: level.availability().as_str(),
        }
    }
}

/// A product.
#[derive(Serialize, ToSchema)]
pub struct ProductView {
    /// `prd_…`
    id: String,
    /// `usr_…`: who sells it.
    merchant_id: String,
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
    /// What can be bought.
    variants: Vec<VariantView>,
    /// The best word of its variants.
    #[schema(example = "in_stock")]
    availability: &'static str,
    /// How buyers judged it.
    rating: RatingView,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// Grows with each edit; the `ETag` in words.
    version: u64,
}

impl From<StockedProduct> for ProductView {
    fn from(stocked: StockedProduct) -> Self {
        let StockedProduct { product, levels } = stocked;
        let best = levels.iter().map(StockLevel::availability).max();
        let variants = product.variants.into_iter().zip(levels);
        Self {
            id: product.id.to_string(),
            merchant_id: product.merchant.to_string(),
            title: product.title,
            description: product.description,
            brand: product.brand,
            category: product.category,
            image_urls: product.image_urls,
            variants: variants.map(|(variant, level)| VariantView::new(variant, level)).collect(),
            availability: best.unwrap_or(Availability::SoldOut).as_str(),
            rating: RatingView::NONE,
            created_at: rfc3339(product.created_at),
            updated_at: rfc3339(product.updated_at),
            version: product.version,
        }
    }
}

/// A page of products.
#[derive(Serialize, ToSchema)]
pub struct ProductsView {
    /// Newest first.
    products: Vec<ProductView>,
    /// For the next page; null at the end.
    next_cursor: Option<String>,
}

/// A problem with the faults of a description.
pub fn invalid(faults: Vec<FieldError>) -> Problem {
    let field =
        |fault: FieldError| problem::FieldError { pointer: fault.pointer, detail: fault.detail };
    Problem::fields(faults.into_iter().map(field).collect())
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Invalid(faults) => invalid(faults),
            CatalogError::NotFound => Self::new(ProblemKind::NotFound, "no such product"),
            CatalogError::VersionMismatch { .. } => {
                Self::new(ProblemKind::PreconditionFailed, error)
            }
            CatalogError::KeyReused => Self::new(ProblemKind::IdempotencyKeyReused, error),
            CatalogError::Cursor(error) => Self::new(ProblemKind::InvalidCursor, error),
            CatalogError::Store(error) => error.into(),
        }
    }
}

/// The entity tag: the version, and a letter per variant for its availability, which moves without a
/// new version. An edit is guarded by the version alone.
fn tag(stocked: &StockedProduct) -> HeaderValue {
    let letter = |level: &StockLevel| match level.availability() {
        Availability::SoldOut => 's',
        Availability::LowStock => 'l',
        Availability::InStock => 'i',
    };
    let letters: String = stocked.levels.iter().map(letter).collect();
    etag(stocked.product.version, &letters)
}

/// With the `ETag` of its version.
fn tagged(status: StatusCode, stocked: StockedProduct, replayed: bool) -> Response {
    let tag = [(header::ETAG, tag(&stocked))];
    (status, replay_headers(replayed), tag, Json(ProductView::from(stocked))).into_response()
}

/// Puts a product on the shelf. An `Idempotency-Key` may be given.
#[utoipa::path(post, path = "/v1/products", tag = "merchant", security(("bearer" = [])),
    request_body = CreateProduct, responses((status = 201, body = ProductView)))]
async fn create_product(
    State(catalog): State<Arc<Catalog>>,
    Merchant(caller): Merchant,
    OptionalIdempotencyKey(key): OptionalIdempotencyKey,
    Body(body): Body<CreateProduct>,
) -> Result<Response, Problem> {
    let key = key.map(|key| request_key(key, &body));
    let made = catalog.create(caller.account, body.check()?, key.as_ref()).await?;
    Ok(tagged(StatusCode::CREATED, made.value, made.replayed))
}

/// The caller's products, newest first.
#[utoipa::path(get, path = "/v1/products", tag = "merchant", security(("bearer" = [])),
    params(ListQuery), responses((status = 200, body = ProductsView)))]
async fn list_products(
    State(catalog): State<Arc<Catalog>>,
    Merchant(caller): Merchant,
    Query(query): Query<ListQuery>,
) -> Result<Json<ProductsView>, Problem> {
    let limit = list_limit(query.limit, PAGE_LEN_DEFAULT, PAGE_LEN_MAX)?;
    let page = catalog.list(caller.account, query.cursor.as_deref(), limit).await?;
    let products = page.items.into_iter().map(ProductView::from).collect();
    Ok(Json(ProductsView { products, next_cursor: page.next_cursor }))
}

/// A product on the shelf.
#[utoipa::path(get, path = "/v1/products/{id}", tag = "viewer", security(("bearer" = [])),
    params(("id" = String, Path, example = "prd_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, body = ProductView), (status = 304)))]
async fn get_product(
    State(catalog): State<Arc<Catalog>>,
    _caller: Anyone,
    PathId(id): PathId<ProductId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stocked = catalog.get(id).await?;
    let tag = tag(&stocked);
    if is_known(&headers, tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(tagged(StatusCode::OK, stocked, false))
}

/// Changes a product. With `If-Match`, only the version that it names.
#[utoipa::path(patch, path = "/v1/products/{id}", tag = "merchant", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = EditProduct,
    responses((status = 200, body = ProductView)))]
async fn edit_product(
    State(catalog): State<Arc<Catalog>>,
    Merchant(caller): Merchant,
    PathId(id): PathId<ProductId>,
    headers: HeaderMap,
    Body(body): Body<EditProduct>,
) -> Result<Response, Problem> {
    let expected = expected_versions(&headers);
    let edited = catalog.edit(caller.account, id, &body.check()?, expected.as_deref()).await?;
    Ok(tagged(StatusCode::OK, edited, false))
}

/// Takes a product off the shelf. Orders keep their copies of it.
#[utoipa::path(delete, path = "/v1/products/{id}", tag = "merchant", security(("bearer" = [])),
    params(("id" = String, Path)), responses((status = 204)))]
async fn remove_product(
    State(catalog): State<Arc<Catalog>>,
    Merchant(caller): Merchant,
    PathId(id): PathId<ProductId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    catalog.remove(caller.account, id, expected_versions(&headers).as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
