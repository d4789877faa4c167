//! Products with their variants, one partition each.

use async_trait::async_trait;

use crate::domain::catalog::Product;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::ports::error::StoreError;

/// Keeps products.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// The product, active or not.
    async fn get(&self, id: ProductId) -> Result<Option<Product>, StoreError>;

    /// Those of `ids` that exist, in any order.
    async fn get_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, StoreError>;

    /// The product that a variant belongs to, for those of `ids` that exist.
    async fn owners(&self, ids: &[VariantId]) -> Result<Vec<(VariantId, ProductId)>, StoreError>;

    /// Writes `product` if the stored version is `product.version - 1` (absence counts as version 0);
    /// else [`StoreError::Conflict`]. Look-ups by variant and merchant follow the write; a crash between
    /// both is healed by the next write of the same product.
    async fn put(&self, product: &Product) -> Result<(), StoreError>;

    /// Products of one merchant, newest id first, strictly below `before`, inactive ones included.
    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<ProductId>,
        limit: usize,
    ) -> Result<Vec<Product>, StoreError>;
}
