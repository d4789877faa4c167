//! What every keeper of the clips' counters promises.

use std::sync::Arc;

use vitrine::domain::account::Market;
use vitrine::domain::engagement::ClipCounters;
use vitrine::domain::id::ClipId;
use vitrine::ports::counters::{CounterRow, CounterStore};

use crate::stores;
use crate::stores::refused;

stores::over_every_store!(CounterStore);

fn row(clip: u128, plays: u32) -> CounterRow {
    let counters = ClipCounters { decayed: [0.5; 12], at_s: 4, plays, likes: 2, shares: 3 };
    let heat = vec![(Market::US, 6_512.25), (Market::new("DE").unwrap(), -1.0)];
    CounterRow { clip: ClipId::from_bits(clip), counters, heat }
}

/// The whole contract over an empty store.
pub async fn suite(store: Arc<dyn CounterStore>) {
    let ids = [1, 2, 3].map(ClipId::from_bits);
    assert_eq!(store.load(None, &ids).await.unwrap(), (0, Vec::new()));
    store.save(5, vec![row(1, 1), row(2, 1)]).await.unwrap();
    store.save(9, vec![row(2, 7)]).await.unwrap();
    assert_eq!(store.load(None, &ids).await.unwrap(), (9, vec![row(1, 1), row(2, 7)]));
    refused(store.save(8, vec![row(1, 9)]).await);
    assert_eq!(store.load(None, &ids[..1]).await.unwrap(), (9, vec![row(1, 1)]));
}

/// Other nodes save while one that starts reads in steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_the_snapshot_that_a_reader_began_with() {
    let config = crate::cluster::fresh("counters");
    let holder =
        vitrine::ports::entropy::Entropy::bits(&vitrine::adapters::system::OsEntropy::new());
    let clock = vitrine::adapters::system::SystemClock;
    vitrine::adapters::scylla::migrate(&config, &clock, holder, &mut |_| {}).await.unwrap();
    let store = vitrine::adapters::scylla::Scylla::connect(&config, crate::cluster::ports()).await;
    let store: Arc<dyn CounterStore> = Arc::new(store.unwrap());
    let ids = [1, 2].map(ClipId::from_bits);
    store.save(5, vec![row(1, 1), row(2, 1)]).await.unwrap();
    let (offset, _) = store.load(None, &ids[..1]).await.unwrap();
    store.save(9, vec![row(1, 7), row(2, 7)]).await.unwrap();
    assert_eq!(store.load(Some(offset), &ids[1..]).await.unwrap(), (5, vec![row(2, 1)]));
    assert_eq!(store.load(None, &ids[1..]).await.unwrap(), (9, vec![row(2, 7)]));
}

/// The snapshot is there after each reopening, and its offset never goes back.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn CounterStore>) {
    let ids = [1, 2].map(ClipId::from_bits);
    open().await.save(5, vec![row(1, 1)]).await.unwrap();
    open().await.save(7, vec![row(2, 2)]).await.unwrap();
    let store = open().await;
    refused(store.save(6, vec![row(1, 9)]).await);
    assert_eq!(store.load(None, &ids).await.unwrap(), (7, vec![row(1, 1), row(2, 2)]));
}
