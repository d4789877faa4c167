//! The contract of the catalog.

use std::collections::BTreeSet;
use std::sync::Arc;

use vitrine::domain::catalog::Product;
use vitrine::domain::catalog::Variant;
use vitrine::domain::id::AccountId;
use vitrine::domain::id::ProductId;
use vitrine::domain::id::VariantId;
use vitrine::domain::money::Money;
use vitrine::ports::catalog::CatalogStore;

use crate::stores;
use crate::stores::NOW;
use crate::stores::RACERS;
use crate::stores::refused;

stores::over_every_store!(CatalogStore);

/// The product number `n`; a higher number is a later product.
fn id(n: i64) -> ProductId {
    ProductId::new(NOW.plus_ms(n), 7)
}

fn variant_id(n: i64, of: u128) -> VariantId {
    VariantId::new(NOW.plus_ms(n), of)
}

fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

fn variant(n: i64, of: u128) -> Variant {
    Variant {
        id: variant_id(n, of),
        sku: format!("SKU-{n}-{of}"),
        gtin: None,
        title: "Oak, large".into(),
        options: vec![("colour".into(), "oak".into()), ("size".into(), "large".into())],
        price: euros(1_999),
        compare_at: None,
    }
}

fn product(n: i64, merchant: AccountId) -> Product {
    let dear = Variant {
        gtin: Some("4006381333931".into()),
        options: Vec::new(),
        compare_at: Some(euros(2_999)),
        ..variant(n, 1)
    };
    Product {
        id: id(n),
        merchant,
        title: "Lamp \u{1f4a1}".into(),
        description: "Light.\nWarm.".into(),
        brand: "Lumen".into(),
        category: "home/light".into(),
        image_urls: vec!["/v1/media/a".into(), "/v1/media/b".into()],
        variants: vec![dear, variant(n, 2)],
        active: true,
        created_at: NOW,
        updated_at: NOW.plus_ms(5),
        version: 1,
    }
}

/// Runs every case over an empty store.
pub async fn suite(store: Arc<dyn CatalogStore>) {
    every_field_comes_back(&*store).await;
    many_are_read_at_once(&*store).await;
    a_merchants_list_is_newest_first_and_paged(&*store).await;
    variants_name_their_product(&*store).await;
    only_the_next_version_is_written(&*store).await;
    no_update_is_lost(&store).await;
}

async fn every_field_comes_back(store: &dyn CatalogStore) {
    let full = product(1, stores::account(1));
    assert_eq!(store.get(full.id).await.unwrap(), None);
    store.put(&full).await.unwrap();
    assert_eq!(store.get(full.id).await.unwrap(), Some(full.clone()));
    let off = Product { active: false, image_urls: Vec::new(), version: 2, ..full };
    store.put(&off).await.unwrap();
    assert_eq!(store.get(off.id).await.unwrap(), Some(off));
}

async fn many_are_read_at_once(store: &dyn CatalogStore) {
    for n in [11, 12, 13] {
        store.put(&product(n, stores::account(2))).await.unwrap();
    }
    let found = store.get_many(&[13, 99, 11].map(id)).await.unwrap();
    let found: BTreeSet<ProductId> = found.iter().map(|product| product.id).collect();
    assert_eq!(found, BTreeSet::from([11, 13].map(id)));
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
    assert_eq!(store.get_many(&[id(99)]).await.unwrap(), []);
}

async fn a_merchants_list_is_newest_first_and_paged(store: &dyn CatalogStore) {
    let (mine, other, nobody) = (stores::account(3), stores::account(4), stores::account(5));
    for n in [23, 21, 25, 22, 24] {
        store.put(&product(n, mine)).await.unwrap();
        store.put(&product(n + 10, other)).await.unwrap();
    }
    let off = Product { active: false, version: 2, ..product(24, mine) };
    store.put(&off).await.unwrap();
    let list = async |before: Option<i64>, limit| -> Vec<ProductId> {
        let found = store.by_merchant(mine, before.map(id), limit).await.unwrap();
        found.iter().map(|product| product.id).collect()
    };
    assert_eq!(list(None, 10).await, [25, 24, 23, 22, 21].map(id), "inactive ones included");
    assert_eq!(list(None, 2).await, [25, 24].map(id));
    assert_eq!(list(Some(24), 2).await, [23, 22].map(id));
    assert_eq!(list(Some(22), 2).await, [21].map(id));
    assert_eq!(list(Some(21), 2).await, []);
    assert_eq!(list(Some(30), 1).await, [25].map(id), "the start need not exist");
    assert_eq!(store.by_merchant(nobody, None, 10).await.unwrap(), []);
    let whole = store.by_merchant(mine, Some(id(25)), 1).await.unwrap();
    assert_eq!(whole, [off]);
}

async fn variants_name_their_product(store: &dyn CatalogStore) {
    let merchant = stores::account(6);
    store.put(&product(41, merchant)).await.unwrap();
    store.put(&product(42, merchant)).await.unwrap();
    let owners = async |wanted: &[VariantId]| -> BTreeSet<(VariantId, ProductId)> {
        store.owners(wanted).await.unwrap().into_iter().collect()
    };
    let (first, second, third) = (variant_id(41, 1), variant_id(42, 2), variant_id(41, 3));
    let expected = BTreeSet::from([(first, id(41)), (second, id(42))]);
    assert_eq!(owners(&[first, third, second]).await, expected);
    assert_eq!(owners(&[]).await, BTreeSet::new());

    let variants = vec![variant(41, 2), variant(41, 3)];
    store.put(&Product { variants, version: 2, ..product(41, merchant) }).await.unwrap();
    assert_eq!(owners(&[first, third]).await, BTreeSet::from([(third, id(41))]));

    // A variant that moved is not taken away by its former product.
    let variants = vec![variant(41, 3)];
    store.put(&Product { variants, version: 2, ..product(42, merchant) }).await.unwrap();
    let variants = vec![variant(41, 2)];
    store.put(&Product { variants, version: 3, ..product(41, merchant) }).await.unwrap();
    assert_eq!(owners(&[third]).await, BTreeSet::from([(third, id(42))]));
}

async fn only_the_next_version_is_written(store: &dyn CatalogStore) {
    let first = product(51, stores::account(7));
    for version in [0, 2] {
        refused(store.put(&Product { version, ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), None);
    }
    let nothing = store.by_merchant(first.merchant, None, 10).await.unwrap();
    assert_eq!(nothing, [], "a refusal lists nothing");
    store.put(&first).await.unwrap();
    for version in [0, 1, 3] {
        let variants = vec![variant(51, 9)];
        refused(store.put(&Product { version, variants, ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(store.owners(&[variant_id(51, 9)]).await.unwrap(), []);
    }
}

async fn no_update_is_lost(store: &Arc<dyn CatalogStore>) {
    let fresh = product(61, stores::account(8));
    let (key, shared) = (fresh.id, Arc::clone(store));
    stores::race(move |racer| {
        let (store, fresh) = (Arc::clone(&shared), fresh.clone());
        async move {
            let read = store.get(fresh.id).await?;
            let none = Product { title: "marks".into(), version: 0, ..fresh };
            let mut row = read.unwrap_or(none);
            stores::mark(&mut row.title, racer);
            row.version += 1;
            store.put(&row).await.map(|()| row.version)
        }
    })
    .await;
    let row = store.get(key).await.unwrap().unwrap();
    assert_eq!(row.version, RACERS);
    stores::assert_all_marks(&row.title);
}

/// Rows and look-ups are there after a reopening, and the guard with them.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn CatalogStore>) {
    let merchant = stores::account(1);
    let store = open().await;
    for n in [1, 2, 3] {
        store.put(&product(n, merchant)).await.unwrap();
    }
    drop(store);
    let again = open().await;
    let newest_first = [3, 2, 1].map(|n| product(n, merchant));
    assert_eq!(again.by_merchant(merchant, None, 10).await.unwrap(), newest_first);
    let owner = again.owners(&[variant_id(2, 1)]).await.unwrap();
    assert_eq!(owner, [(variant_id(2, 1), id(2))]);
    refused(again.put(&product(2, merchant)).await);
}
