//! What every keeper of products promises.

use std::sync::Arc;

use vitrine::adapters::embedded::Embedded;
use vitrine::domain::catalog::{Product, Variant};
use vitrine::domain::id::{AccountId, ProductId, VariantId};
use vitrine::ports::catalog::CatalogStore;
use vitrine::ports::error::StoreError;

use crate::shop_rows::{at, usd};

/// The whole contract.
pub async fn check(store: Arc<dyn CatalogStore>) {
    a_product_comes_back_as_it_was_and_is_guarded(&*store).await;
    variants_lead_to_their_product(&*store).await;
    a_list_is_newest_first_and_of_one_merchant(&*store).await;
}

#[tokio::test]
async fn embedded() {
    check(Arc::new(Embedded::in_memory().unwrap())).await;
}

fn product(id: u128, merchant: u128, variants: &[u128]) -> Product {
    let variant = |&id: &u128| Variant {
        id: VariantId::from_bits(id),
        sku: format!("SKU-{id}"),
        gtin: Some("4006381333931".into()),
        title: "Oak".into(),
        options: vec![("size".into(), "L".into()), ("colour".into(), "oak".into())],
        price: usd(1_999),
        compare_at: (id % 2 == 0).then(|| usd(2_999)),
    };
    Product {
        id: ProductId::from_bits(id),
        merchant: AccountId::from_bits(merchant),
        title: "Mug".into(),
        description: "Holds tea.".into(),
        brand: "Nord".into(),
        category: "home/kitchen".into(),
        image_urls: vec!["/media/mug.jpg".into()],
        variants: variants.iter().map(variant).collect(),
        active: true,
        created_at: at(1),
        updated_at: at(2),
        version: 1,
    }
}

async fn a_product_comes_back_as_it_was_and_is_guarded(store: &dyn CatalogStore) {
    let first = product(100, 1, &[1, 2]);
    assert_eq!(store.get(first.id).await.unwrap(), None);
    store.put(&first).await.unwrap();
    assert_eq!(store.get(first.id).await.unwrap(), Some(first.clone()));
    assert!(matches!(store.put(&first).await, Err(StoreError::Conflict)));
    let next = Product { active: false, version: 2, ..first };
    store.put(&next).await.unwrap();
    assert!(matches!(store.put(&next).await, Err(StoreError::Conflict)));
    let found = store.get_many(&[ProductId::from_bits(9), next.id]).await.unwrap();
    assert_eq!(found, [next], "inactive ones too, and no others");
}

async fn variants_lead_to_their_product(store: &dyn CatalogStore) {
    let id = ProductId::from_bits(200);
    store.put(&product(200, 2, &[21, 22])).await.unwrap();
    store.put(&Product { version: 2, ..product(200, 2, &[22, 23]) }).await.unwrap();
    let wanted = [21, 22, 23].map(VariantId::from_bits);
    let owners = store.owners(&wanted).await.unwrap();
    assert_eq!(owners, [(wanted[1], id), (wanted[2], id)]);
}

async fn a_list_is_newest_first_and_of_one_merchant(store: &dyn CatalogStore) {
    for (id, merchant) in [(301, 3), (302, 4), (303, 3)] {
        store.put(&product(id, merchant, &[id * 10])).await.unwrap();
    }
    let merchant = AccountId::from_bits(3);
    let ids = |found: Vec<Product>| found.iter().map(|one| one.id.bits()).collect::<Vec<_>>();
    assert_eq!(ids(store.by_merchant(merchant, None, 9).await.unwrap()), [303, 301]);
    assert_eq!(ids(store.by_merchant(merchant, None, 1).await.unwrap()), [303]);
    let before = Some(ProductId::from_bits(303));
    assert_eq!(ids(store.by_merchant(merchant, before, 9).await.unwrap()), [301]);
}
