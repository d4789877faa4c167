//! Products and accounts in memory, for nodes whose stores are a network away.
//!
//! What a node keeps here is forgotten when the change log says so, milliseconds after any node wrote it.
//! Whoever moves money or stock reads past it.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::domain::account::Account;
use crate::domain::catalog::Product;
use crate::domain::change::Change;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::limits::{ACCOUNTS_CACHED_MAX, PRODUCTS_CACHED_MAX};
use crate::ports::accounts::AccountStore;
use crate::ports::catalog::CatalogStore;
use crate::ports::error::StoreError;
use crate::services::recent::Recent;

/// Values by key that are known to be there, and keys known to have none.
struct Known<K, V> {
    values: Recent<K, Arc<Option<V>>>,
    /// Whether absence is kept too. Where strangers choose the keys they could fill the room with it.
    keeps_absence: bool,
    /// Grows with everything that is forgotten: a value that was being read meanwhile is not kept, for it
    /// may be the old one.
    forgotten: AtomicU64,
}

impl<K: Hash + Eq + Copy, V: Clone> Known<K, V> {
    fn new(max: usize, keeps_absence: bool) -> Self {
        Self { values: Recent::new(max), keeps_absence, forgotten: AtomicU64::new(0) }
    }

    fn forget(&self, key: K) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.values.remove(&key);
    }

    async fn get(
        &self,
        key: K,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<V>, StoreError> {
        if let Some(known) = self.values.get(&key) {
            return Ok(Option::clone(&known));
        }
        let before = self.forgotten.load(Ordering::Acquire);
        let found = read.await?;
        if found.is_some() || self.keeps_absence {
            self.values.get_or_insert(key, Arc::new(found.clone()));
            // Looked at again after it is in: a change between both is not missed.
            if self.forgotten.load(Ordering::Acquire) != before {
                self.values.remove(&key);
            }
        }
        Ok(found)
    }
}

/// A cache over both stores, which stands for each of them.
pub struct ShelfCache {
    catalog: Arc<dyn CatalogStore>,
    accounts: Arc<dyn AccountStore>,
    products: Known<ProductId, Product>,
    people: Known<AccountId, Account>,
}

impl ShelfCache {
    /// Over these stores.
    pub fn new(catalog: Arc<dyn CatalogStore>, accounts: Arc<dyn AccountStore>) -> Self {
        Self {
            catalog,
            accounts,
            products: Known::new(PRODUCTS_CACHED_MAX, false),
            // Merchants and creators who never named themselves have no row; whom to ask for, our own
            // rows say.
            people: Known::new(ACCOUNTS_CACHED_MAX, true),
        }
    }

    /// Forgets what `change` made old.
    pub fn forget(&self, change: &Change) {
        match *change {
            Change::ProductChanged(id) => self.products.forget(id),
            Change::AccountChanged(id) => self.people.forget(id),
            // Stock and clips are not kept here.
            Change::StockChanged(_) | Change::ClipPublished(_) | Change::ClipRemoved(_) => {}
        }
    }
}

#[async_trait]
impl CatalogStore for ShelfCache {
    async fn get(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.products.get(id, self.catalog.get(id)).await
    }

    async fn get_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        self.catalog.get_many(ids).await
    }

    async fn owners(&self, ids: &[VariantId]) -> Result<Vec<(VariantId, ProductId)>, StoreError> {
        self.catalog.owners(ids).await
    }

    async fn put(&self, product: &Product) -> Result<(), StoreError> {
        let written = self.catalog.put(product).await;
        self.products.forget(product.id);
        written
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<ProductId>,
        limit: usize,
    ) -> Result<Vec<Product>, StoreError> {
        self.catalog.by_merchant(merchant, before, limit).await
    }
}

#[async_trait]
impl AccountStore for ShelfCache {
    async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.people.get(id, self.accounts.get(id)).await
    }

    async fn put(&self, account: &Account) -> Result<(), StoreError> {
        let written = self.accounts.put(account).await;
        self.people.forget(account.id);
        written
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn absence_is_kept_where_asked_for_until_something_changes() {
        for keeps_absence in [false, true] {
            let known = Known::<u64, u64>::new(8, keeps_absence);
            let (stored, reads) = (Cell::new(None), Cell::new(0));
            let read = async || {
                let stored = async {
                    reads.set(reads.get() + 1);
                    Ok(stored.get())
                };
                known.get(7, stored).await.unwrap()
            };
            assert_eq!((read().await, read().await), (None, None));
            assert_eq!(reads.get(), if keeps_absence { 1 } else { 2 });
            stored.set(Some(1));
            known.forget(7);
            let before = reads.get();
            assert_eq!((read().await, read().await), (Some(1), Some(1)));
            assert_eq!(reads.get(), before + 1);
        }
    }
}
