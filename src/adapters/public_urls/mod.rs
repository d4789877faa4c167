//! A catalog whose own pictures move with the server.
//!
//! Pictures that this installation keeps have URLs below its public one. They are stored without it, so
//! that a server which is reached under another name tomorrow shows them under that name.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::catalog::Product;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::ports::catalog::CatalogStore;
use crate::ports::error::StoreError;

/// Where this installation's own pictures lie.
const PICTURES: &str = "/images/";

/// Wraps a catalog: takes the public URL off what goes in, puts it on what comes out.
pub struct PublicUrls {
    inner: Arc<dyn CatalogStore>,
    public_url: String,
}

impl PublicUrls {
    /// `public_url` has no slash at its end.
    pub fn new(inner: Arc<dyn CatalogStore>, public_url: String) -> Self {
        Self { inner, public_url }
    }

    fn stored(&self, mut product: Product) -> Product {
        for url in &mut product.image_urls {
            let own = url.strip_prefix(&self.public_url).filter(|rest| rest.starts_with(PICTURES));
            if let Some(path) = own.map(str::to_owned) {
                *url = path;
            }
        }
        product
    }

    fn shown(&self, mut product: Product) -> Product {
        for url in &mut product.image_urls {
            if url.starts_with(PICTURES) {
                url.insert_str(0, &self.public_url);
            }
        }
        product
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl CatalogStore for PublicUrls {
    async fn get(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        Ok(self.inner.get(id).await?.map(|product| self.shown(product)))
    }

    async fn get_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        let found = self.inner.get_many(ids).await?;
        Ok(found.into_iter().map(|product| self.shown(product)).collect())
    }

    async fn owners(&self, ids: &[VariantId]) -> Result<Vec<(VariantId, ProductId)>, StoreError> {
        self.inner.owners(ids).await
    }

    async fn put(&self, product: &Product) -> Result<(), StoreError> {
        self.inner.put(&self.stored(product.clone())).await
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<ProductId>,
        limit: usize,
    ) -> Result<Vec<Product>, StoreError> {
        let found = self.inner.by_merchant(merchant, before, limit).await?;
        Ok(found.into_iter().map(|product| self.shown(product)).collect())
    }
}
