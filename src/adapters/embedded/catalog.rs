//! Products in redb.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{PRODUCTS, PRODUCTS_BY_MERCHANT, VARIANT_OWNERS};
use crate::domain::catalog::{Product, Variant};
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::ports::catalog::CatalogStore;
use crate::ports::error::StoreError;

#[derive(Serialize, Deserialize)]
struct ProductRow {
    merchant: u128,
    title: String,
    description: String,
    brand: String,
    category: String,
    image_urls: Vec<String>,
    currency: String,
    variants: Vec<VariantRow>,
    active: bool,
    created_at_ms: i64,
    updated_at_ms: i64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct VariantRow {
    id: u128,
    sku: String,
    gtin: Option<String>,
    title: String,
    options: Vec<(String, String)>,
    price_minor: i64,
    compare_at_minor: Option<i64>,
}

impl From<&Product> for ProductRow {
    fn from(product: &Product) -> Self {
        let currency = product.variants.first().map(|variant| variant.price.currency());
        Self {
            merchant: product.merchant.bits(),
            title: product.title.clone(),
            description: product.description.clone(),
            brand: product.brand.clone(),
            category: product.category.clone(),
            image_urls: product.image_urls.clone(),
            currency: currency.map_or(String::new(), |currency| currency.code().to_owned()),
            variants: product.variants.iter().map(VariantRow::from).collect(),
            active: product.active,
            created_at_ms: product.created_at.unix_ms(),
            updated_at_ms: product.updated_at.unix_ms(),
            version: product.version,
        }
    }
}

impl From<&Variant> for VariantRow {
    fn from(variant: &Variant) -> Self {
        Self {
            id: variant.id.bits(),
            sku: variant.sku.clone(),
            gtin: variant.gtin.clone(),
            title: variant.title.clone(),
            options: variant.options.clone(),
            price_minor: variant.price.minor(),
            compare_at_minor: variant.compare_at.map(Money::minor),
        }
    }
}

fn product(id: ProductId, bytes: &[u8]) -> Result<Product, StoreError> {
    let row: ProductRow = decode("products", id, bytes)?;
    let variant = |variant: VariantRow| -> Result<Variant, StoreError> {
        let currency = row.currency.parse().map_err(|error| corrupt("products", id, error))?;
        Ok(Variant {
            id: VariantId::from_bits(variant.id),
            sku: variant.sku,
            gtin: variant.gtin,
            title: variant.title,
            options: variant.options,
            price: Money::new(variant.price_minor, currency),
            compare_at: variant.compare_at_minor.map(|minor| Money::new(minor, currency)),
        })
    };
    Ok(Product {
        id,
        merchant: AccountId::from_bits(row.merchant),
        title: row.title,
        description: row.description,
        brand: row.brand,
        category: row.category,
        image_urls: row.image_urls,
        variants: row.variants.into_iter().map(variant).collect::<Result<_, _>>()?,
        active: row.active,
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        updated_at: Timestamp::from_unix_ms(row.updated_at_ms),
        version: row.version,
    })
}

/// Those of `ids` that exist.
fn products(
    txn: &ReadTransaction,
    ids: impl Iterator<Item = ProductId>,
) -> Result<Vec<Product>, StoreError> {
    let table = txn.open_table(PRODUCTS).map_err(io)?;
    let mut found = Vec::new();
    for id in ids {
        if let Some(row) = table.get(id.bits()).map_err(io)? {
            found.push(product(id, row.value())?);
        }
    }
    Ok(found)
}

#[async_trait]
impl CatalogStore for Embedded {
    async fn get(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.read(|txn| Ok(products(txn, std::iter::once(id))?.pop()))
    }

    async fn get_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        self.read(|txn| products(txn, ids.iter().copied()))
    }

    async fn owners(&self, ids: &[VariantId]) -> Result<Vec<(VariantId, ProductId)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(VARIANT_OWNERS).map_err(io)?;
            let mut found = Vec::new();
            for &id in ids {
                if let Some(owner) = table.get(id.bits()).map_err(io)? {
                    found.push((id, ProductId::from_bits(owner.value())));
                }
            }
            Ok(found)
        })
    }

    async fn put(&self, new: &Product) -> Result<(), StoreError> {
        let row = encode(&ProductRow::from(new));
        let (id, merchant, version) = (new.id, new.merchant, new.version);
        let variants: Vec<u128> = new.variants.iter().map(|variant| variant.id.bits()).collect();
        self.write(move |txn| {
            let mut table = txn.open_table(PRODUCTS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            let stored = found.map(|row| product(id, row.value())).transpose()?;
            if stored.as_ref().map_or(0, |stored| stored.version) + 1 != version {
                return Err(StoreError::Conflict);
            }
            table.insert(id.bits(), row.as_slice()).map_err(io)?;
            let mut listed = txn.open_table(PRODUCTS_BY_MERCHANT).map_err(io)?;
            listed.insert((merchant.bits(), id.bits()), ()).map_err(io)?;
            let mut owners = txn.open_table(VARIANT_OWNERS).map_err(io)?;
            for former in stored.iter().flat_map(|stored| &stored.variants) {
                let owner = owners.get(former.id.bits()).map_err(io)?.map(|owner| owner.value());
                // It may have moved to another product meanwhile.
                if owner == Some(id.bits()) && !variants.contains(&former.id.bits()) {
                    owners.remove(former.id.bits()).map_err(io)?;
                }
            }
            for variant in &variants {
                owners.insert(variant, id.bits()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<ProductId>,
        limit: usize,
    ) -> Result<Vec<Product>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(PRODUCTS_BY_MERCHANT).map_err(io)?;
            let end = before.map_or(u128::MAX, ProductId::bits);
            let range = (merchant.bits(), 0)..(merchant.bits(), end);
            let mut ids = Vec::new();
            for entry in table.range(range).map_err(io)?.rev().take(limit) {
                ids.push(ProductId::from_bits(entry.map_err(io)?.0.value().1));
            }
            products(txn, ids.into_iter())
        })
    }
}
