//! Products: what merchants put on the shelf.

use std::sync::Arc;

use crate::domain::catalog::{FieldError, Product, Variant, check_product};
use crate::domain::change::Change;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::limits::CONFLICT_RETRIES_MAX;
use crate::domain::money::Money;
use crate::domain::policy::ShopPolicy;
use crate::domain::stock::StockLevel;
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::inventory::InventoryStore;
use crate::ports::signer::Signer;
use crate::services::cursor::{self, CursorError, Page};
use crate::services::idempotency::{Replayable, RequestKey};

/// The route whose keys create products.
const CREATE_ROUTE: &str = "POST /v1/products";

/// A variant as a merchant describes it. In an edit, `id` (or else the SKU) names the one that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantDraft {
    /// Which variant of the product it is; `None` for a new one.
    pub id: Option<VariantId>,
    /// See [`Variant::sku`].
    pub sku: String,
    /// See [`Variant::gtin`].
    pub gtin: Option<String>,
    /// See [`Variant::title`].
    pub title: String,
    /// See [`Variant::options`].
    pub options: Vec<(String, String)>,
    /// See [`Variant::price`].
    pub price: Money,
    /// See [`Variant::compare_at`].
    pub compare_at: Option<Money>,
}

/// A change of a product; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductDraft {
    /// See [`Product::title`].
    pub title: Option<String>,
    /// See [`Product::description`].
    pub description: Option<String>,
    /// See [`Product::brand`].
    pub brand: Option<String>,
    /// See [`Product::category`].
    pub category: Option<String>,
    /// See [`Product::image_urls`].
    pub image_urls: Option<Vec<String>>,
    /// All variants; one that is missing here is gone.
    pub variants: Option<Vec<VariantDraft>>,
}

/// Why a product is not created, shown or edited.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The description has faults.
    #[error("the product is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such product, or it is someone else's.
    #[error("there is no such product")]
    NotFound,
    /// The caller edits a version that is no longer the present one.
    #[error("it is now at version \"v{current}\"")]
    VersionMismatch {
        /// The present version.
        current: u64,
    },
    /// The key created another product.
    #[error("the key belongs to another product")]
    KeyReused,
    /// The cursor is not this list's.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A product with the stock of its variants, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockedProduct {
    /// The product.
    pub product: Product,
    /// The level of each variant.
    pub levels: Vec<StockLevel>,
}

/// Everything outside that the catalog needs.
pub struct CatalogPorts {
    /// Products.
    pub catalog: Arc<dyn CatalogStore>,
    /// Stock, to show availability.
    pub inventory: Arc<dyn InventoryStore>,
    /// Where edits are announced.
    pub changes: Arc<dyn ChangeLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub entropy: Arc<dyn Entropy>,
    /// Derived ids and cursors.
    pub signer: Arc<dyn Signer>,
}

/// Creates, shows and edits products.
pub struct Catalog {
    ports: CatalogPorts,
    policy: Arc<ShopPolicy>,
}

impl Catalog {
    /// A catalog over these stores, of what this policy can send.
    pub const fn new(ports: CatalogPorts, policy: Arc<ShopPolicy>) -> Self {
        Self { ports, policy }
    }

    /// Puts a product on the shelf. With a key, the ids derive from it: a repeat finds the first one.
    pub async fn create(
        &self,
        merchant: AccountId,
        draft: ProductDraft,
        key: Option<&RequestKey>,
    ) -> Result<Replayable<StockedProduct>, CatalogError> {
        let product = self.drafted(merchant, draft, key);
        if let Some(first) = self.ports.catalog.get(product.id).await? {
            return self.repeated(first, &product).await;
        }
        self.check(&product)?;
        match self.ports.catalog.put(&product).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => {
                let first = self.ports.catalog.get(product.id).await?;
                let first = first.ok_or(StoreError::Conflict)?;
                return self.repeated(first, &product).await;
            }
            Err(error) => return Err(error.into()),
        }
        self.announce(product.id).await?;
        Ok(Replayable::first(self.stocked(product).await?))
    }

    fn drafted(
        &self,
        merchant: AccountId,
        draft: ProductDraft,
        key: Option<&RequestKey>,
    ) -> Product {
        let now = self.ports.clock.now();
        let signer = self.ports.signer.as_ref();
        let id = match key {
            Some(key) => ProductId::derived(key.digest(signer, merchant, CREATE_ROUTE)),
            None => ProductId::new(now, self.ports.entropy.bits()),
        };
        let variant_id = |index: usize| match key {
            // The body's digest is part of the id: the variants tell whether a repeat is a true one.
            Some(key) => {
                let parts: [&[u8]; 4] =
                    [b"variant", &id.bits().to_be_bytes(), &key.fingerprint, &[index as u8]];
                VariantId::derived(signer.derive(&parts))
            }
            None => VariantId::new(now, self.ports.entropy.bits()),
        };
        let variants = draft.variants.unwrap_or_default().into_iter().enumerate();
        Product {
            id,
            merchant,
            title: draft.title.unwrap_or_default(),
            description: draft.description.unwrap_or_default(),
            brand: draft.brand.unwrap_or_default(),
            category: draft.category.unwrap_or_default(),
            image_urls: draft.image_urls.unwrap_or_default(),
            variants: variants.map(|(index, draft)| variant(variant_id(index), draft)).collect(),
            active: true,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    async fn repeated(
        &self,
        first: Product,
        again: &Product,
    ) -> Result<Replayable<StockedProduct>, CatalogError> {
        if !again.variants.iter().any(|variant| first.variant(variant.id).is_some()) {
            return Err(CatalogError::KeyReused);
        }
        Ok(Replayable::again(self.stocked(first).await?))
    }

    /// The product on the shelf.
    pub async fn get(&self, id: ProductId) -> Result<StockedProduct, CatalogError> {
        let found = self.ports.catalog.get(id).await?.filter(|product| product.active);
        self.stocked(found.ok_or(CatalogError::NotFound)?).await
    }

    /// The merchant's products on the shelf, newest first.
    pub async fn list(
        &self,
        merchant: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<StockedProduct>, CatalogError> {
        let signer = self.ports.signer.as_ref();
        let list = format!("products {merchant}");
        let mut before = cursor
            .map(|cursor| cursor::verify(signer, &list, cursor).map(ProductId::from_bits))
            .transpose()?;
        let mut shown = Vec::new();
        while shown.len() <= limit {
            let batch = self.ports.catalog.by_merchant(merchant, before, limit + 1).await?;
            let is_last = batch.len() <= limit;
            before = batch.last().map(|product| product.id);
            shown.extend(batch.into_iter().filter(|product| product.active));
            if is_last {
                break;
            }
        }
        let page = Page::cut(shown, limit, signer, &list, |product| product.id.bits());
        let mut items = Vec::with_capacity(page.items.len());
        for product in page.items {
            items.push(self.stocked(product).await?);
        }
        Ok(Page { items, next_cursor: page.next_cursor })
    }

    /// Changes a product, if its version is among `expected` (or nothing is expected).
    pub async fn edit(
        &self,
        merchant: AccountId,
        id: ProductId,
        draft: &ProductDraft,
        expected: Option<&[u64]>,
    ) -> Result<StockedProduct, CatalogError> {
        let product = self
            .change(merchant, id, expected, |mut product| {
                let edit = draft.clone();
                product.title = edit.title.unwrap_or(product.title);
                product.description = edit.description.unwrap_or(product.description);
                product.brand = edit.brand.unwrap_or(product.brand);
                product.category = edit.category.unwrap_or(product.category);
                product.image_urls = edit.image_urls.unwrap_or(product.image_urls);
                if let Some(drafts) = edit.variants {
                    product.variants = self.merged(&product.variants, drafts)?;
                }
                self.check(&product)?;
                Ok(product)
            })
            .await?;
        self.stocked(product).await
    }

    /// Takes a product off the shelf. Orders keep their copies of it.
    pub async fn remove(
        &self,
        merchant: AccountId,
        id: ProductId,
        expected: Option<&[u64]>,
    ) -> Result<(), CatalogError> {
        let gone = |product| Ok(Product { active: false, ..product });
        self.change(merchant, id, expected, gone).await.map(drop)
    }

    async fn change(
        &self,
        merchant: AccountId,
        id: ProductId,
        expected: Option<&[u64]>,
        apply: impl Fn(Product) -> Result<Product, CatalogError>,
    ) -> Result<Product, CatalogError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let found = self.ports.catalog.get(id).await?;
            let product = found
                .filter(|product| product.active && product.merchant == merchant)
                .ok_or(CatalogError::NotFound)?;
            if expected.is_some_and(|expected| !expected.contains(&product.version)) {
                return Err(CatalogError::VersionMismatch { current: product.version });
            }
            let mut next = apply(product)?;
            next.version += 1;
            next.updated_at = self.ports.clock.now();
            match self.ports.catalog.put(&next).await {
                Ok(()) => {
                    self.announce(id).await?;
                    return Ok(next);
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The variants after an edit: those that are named by id or SKU keep their ids, the others are new.
    fn merged(
        &self,
        present: &[Variant],
        drafts: Vec<VariantDraft>,
    ) -> Result<Vec<Variant>, CatalogError> {
        let now = self.ports.clock.now();
        let one = |(index, draft): (usize, VariantDraft)| {
            let id = match draft.id {
                Some(id) if present.iter().any(|variant| variant.id == id) => id,
                Some(_) => {
                    let pointer = format!("/variants/{index}/id");
                    let fault = FieldError::at(pointer, "is not a variant of this product");
                    return Err(CatalogError::Invalid(vec![fault]));
                }
                None => present
                    .iter()
                    .find(|variant| variant.sku == draft.sku)
                    .map_or_else(|| VariantId::new(now, self.ports.entropy.bits()), |v| v.id),
            };
            Ok(variant(id, draft))
        };
        drafts.into_iter().enumerate().map(one).collect()
    }

    /// What nobody could buy is refused here, where its merchant can mend it, and not at the checkout.
    fn check(&self, product: &Product) -> Result<(), CatalogError> {
        let mut faults = check_product(product);
        let served = self.policy.currencies();
        for (index, variant) in product.variants.iter().enumerate() {
            let currency = variant.price.currency();
            if !served.contains(&currency) {
                let codes: Vec<String> = served.iter().map(ToString::to_string).collect();
                let detail =
                    format!("this shop delivers for {}, not for {currency}", codes.join(", "));
                faults.push(FieldError::at(format!("/variants/{index}/price/currency"), detail));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(CatalogError::Invalid(faults)) }
    }

    async fn announce(&self, id: ProductId) -> Result<(), StoreError> {
        self.ports.changes.append(&[Change::ProductChanged(id)]).await.map(drop)
    }

    async fn stocked(&self, product: Product) -> Result<StockedProduct, CatalogError> {
        let variants: Vec<VariantId> = product.variants.iter().map(|variant| variant.id).collect();
        let levels = self.ports.inventory.levels(&variants).await?;
        Ok(StockedProduct { product, levels })
    }
}

fn variant(id: VariantId, draft: VariantDraft) -> Variant {
    let VariantDraft { id: _, sku, gtin, title, options, price, compare_at } = draft;
    Variant { id, sku, gtin, title, options, price, compare_at }
}
