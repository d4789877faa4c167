//! Products in redb.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{PRODUCTS, PRODUCTS_BY_MERCHANT, VARIANT_OWNERS};
use crate::domain::catalog::Product;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::ports::catalog::CatalogStore;
use crate::ports::error::StoreError;
use crate::records;

fn product(id: ProductId, bytes: &[u8]) -> Result<Product, StoreError> {
    records::product::decode(id, bytes).map_err(damaged("products", id))
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
        let row = records::product::encode(new);
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
