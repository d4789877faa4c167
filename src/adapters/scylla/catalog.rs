//! Products in CQL.

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::guarded::{Guard, NewRow};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{KEYS_PER_READ, Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::catalog::Product;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::ports::catalog::CatalogStore;
use crate::ports::error::StoreError;
use crate::records;

const GET: Cql = Cql::read("SELECT id, body FROM products WHERE id = ?");
const GET_MANY: Cql = Cql::read("SELECT id, body FROM products WHERE id IN ?");
const GUARD: Guard = Guard {
    first: Cql::conditional(
        "INSERT INTO products (id, version, body) VALUES (?, ?, ?) IF NOT EXISTS",
    ),
    next: Cql::conditional("UPDATE products SET version = ?, body = ? WHERE id = ? IF version = ?"),
    read: Cql::serial_read("SELECT version, body FROM products WHERE id = ?"),
};
const LIST: Cql = Cql::write("INSERT INTO products_by_merchant (merchant, product) VALUES (?, ?)");
const LISTED: Cql = Cql::read(
    "SELECT product FROM products_by_merchant WHERE merchant = ? AND product < ? LIMIT ?",
);
const OWNERS: Cql = Cql::read("SELECT variant, product FROM variant_owners WHERE variant IN ?");
const OWN: Cql = Cql::write("INSERT INTO variant_owners (variant, product) VALUES (?, ?)");
const DISOWN: Cql = Cql::write("DELETE FROM variant_owners WHERE variant = ?");

fn product((id, body): (Uuid, Vec<u8>)) -> Result<Product, StoreError> {
    let id = ProductId::from_bits(id.as_u128());
    records::product::decode(id, &body).map_err(|damage| corrupt("products", id, damage))
}

#[async_trait]
impl CatalogStore for Scylla {
    async fn get(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.row(GET, (uuid(id.bits()),)).await?.map(product).transpose()
    }

    async fn get_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(KEYS_PER_READ) {
            let keys: Vec<Uuid> = some.iter().map(|id| uuid(id.bits())).collect();
            let rows: Vec<(Uuid, Vec<u8>)> = self.rows(GET_MANY, (keys,)).await?;
            for row in rows {
                found.push(product(row)?);
            }
        }
        Ok(found)
    }

    async fn owners(&self, ids: &[VariantId]) -> Result<Vec<(VariantId, ProductId)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(KEYS_PER_READ) {
            let keys: Vec<Uuid> = some.iter().map(|id| uuid(id.bits())).collect();
            let rows: Vec<(Uuid, Uuid)> = self.rows(OWNERS, (keys,)).await?;
            found.extend(rows.into_iter().map(|(variant, product)| {
                let variant = VariantId::from_bits(variant.as_u128());
                (variant, ProductId::from_bits(product.as_u128()))
            }));
        }
        Ok(found)
    }

    async fn put(&self, new: &Product) -> Result<(), StoreError> {
        let id = uuid(new.id.bits());
        let former = if new.version > 1 { self.get(new.id).await? } else { None };
        self.run(LIST, (uuid(new.merchant.bits()), &sorted(new.id.bits())[..])).await?;
        let body = records::product::encode(new);
        let row = NewRow { id, version: new.version, body, more: None };
        self.put_guarded(&GUARD, &row).await?;
        self.own(new, former.as_ref()).await
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<ProductId>,
        limit: usize,
    ) -> Result<Vec<Product>, StoreError> {
        let mut end = before.map_or(u128::MAX, ProductId::bits);
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = (limit - found.len()).min(KEYS_PER_READ);
            let key = (uuid(merchant.bits()), &sorted(end)[..], wanted as i32);
            let listed: Vec<(Vec<u8>,)> = self.rows(LISTED, key).await?;
            let Some((last,)) = listed.last() else { break };
            end = unsorted("products_by_merchant", last)?;
            let ids: Result<Vec<ProductId>, StoreError> = listed
                .iter()
                .map(|(id,)| Ok(ProductId::from_bits(unsorted("products_by_merchant", id)?)))
                .collect();
            let mut products = self.get_many(&ids?).await?;
            products.sort_unstable_by_key(|product| std::cmp::Reverse(product.id));
            found.append(&mut products);
            if listed.len() < wanted {
                break;
            }
        }
        Ok(found)
    }
}

impl Scylla {
    /// Brings the look-up by variant up to date with a product that was written.
    async fn own(&self, new: &Product, former: Option<&Product>) -> Result<(), StoreError> {
        let id = uuid(new.id.bits());
        let present: Vec<VariantId> = new.variants.iter().map(|variant| variant.id).collect();
        let before: Vec<VariantId> =
            former.iter().flat_map(|old| &old.variants).map(|variant| variant.id).collect();
        let added = present.iter().filter(|variant| !before.contains(variant));
        let writes = added.map(|variant| self.run(OWN, (uuid(variant.bits()), id)));
        futures_util::future::try_join_all(writes).await?;
        let gone: Vec<VariantId> =
            before.into_iter().filter(|variant| !present.contains(variant)).collect();
        for (variant, owner) in self.owners(&gone).await? {
            // It may have moved to another product meanwhile.
            if owner == new.id {
                self.run(DISOWN, (uuid(variant.bits()),)).await?;
            }
        }
        Ok(())
    }
}
