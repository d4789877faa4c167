//! The contract of the accounts.

use std::sync::Arc;

use vitrine::domain::account::Account;
use vitrine::domain::account::Market;
use vitrine::domain::id::AccountId;
use vitrine::ports::accounts::AccountStore;

use crate::stores;
use crate::stores::NOW;
use crate::stores::RACERS;
use crate::stores::refused;

stores::over_every_store!(AccountStore);

fn profile(id: AccountId, version: u64) -> Account {
    Account {
        id,
        handle: "mina.makes".into(),
        display_name: "Mina \u{1f3fa} Müller".into(),
        shop_name: Some("Mina's".into()),
        market: Market::new("DE").unwrap(),
        max_shoppable_share: 300_000,
        personalised: false,
        created_at: NOW,
        version,
    }
}

/// Runs every case over an empty store.
pub async fn suite(store: Arc<dyn AccountStore>) {
    every_field_comes_back(&*store).await;
    only_the_next_version_is_written(&*store).await;
    no_update_is_lost(&store).await;
}

async fn every_field_comes_back(store: &dyn AccountStore) {
    let full = profile(stores::account(1), 1);
    assert_eq!(store.get(full.id).await.unwrap(), None);
    store.put(&full).await.unwrap();
    assert_eq!(store.get(full.id).await.unwrap(), Some(full));

    let bare = Account { version: 1, ..Account::unnamed(stores::account(2), Market::US, NOW) };
    store.put(&bare).await.unwrap();
    assert_eq!(store.get(bare.id).await.unwrap(), Some(bare));
}

async fn only_the_next_version_is_written(store: &dyn AccountStore) {
    let id = stores::account(3);
    for version in [0, 2, 3] {
        refused(store.put(&profile(id, version)).await);
        assert_eq!(store.get(id).await.unwrap(), None, "a refusal writes nothing");
    }
    store.put(&profile(id, 1)).await.unwrap();
    let other = |version| Account { handle: "other".into(), ..profile(id, version) };
    for version in [0, 1, 3] {
        refused(store.put(&other(version)).await);
        assert_eq!(store.get(id).await.unwrap(), Some(profile(id, 1)));
    }
    store.put(&other(2)).await.unwrap();
    assert_eq!(store.get(id).await.unwrap(), Some(other(2)));
}

async fn no_update_is_lost(store: &Arc<dyn AccountStore>) {
    let id = stores::account(4);
    let shared = Arc::clone(store);
    stores::race(move |racer| {
        let store = Arc::clone(&shared);
        async move {
            let read = store.get(id).await?;
            let mut row = read.unwrap_or_else(|| Account::unnamed(id, Market::US, NOW));
            stores::mark(&mut row.display_name, racer);
            row.version += 1;
            store.put(&row).await.map(|()| row.version)
        }
    })
    .await;
    let row = store.get(id).await.unwrap().unwrap();
    assert_eq!(row.version, RACERS);
    stores::assert_all_marks(&row.display_name);
}

/// What was answered is there after each reopening, and the guard with it.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn AccountStore>) {
    let id = stores::account(1);
    for version in 1..=5 {
        open().await.put(&profile(id, version)).await.unwrap();
        let again = open().await;
        assert_eq!(again.get(id).await.unwrap(), Some(profile(id, version)));
        refused(again.put(&profile(id, version)).await);
    }
}
