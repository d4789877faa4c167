//! What every giver of offices promises.

use std::sync::Arc;

use futures_util::future::join_all;
use vitrine::adapters::system::LocalLeases;
use vitrine::domain::time::Timestamp;
use vitrine::ports::leases::{Leases, Office};

use crate::cluster::{Keyspace, scylla};

#[tokio::test]
async fn local() {
    suite(Arc::new(LocalLeases::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_scylla() {
    suite(Arc::new(scylla(Keyspace::Suites).await)).await;
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

async fn suite(leases: Arc<dyn Leases>) {
    let hold = async |holder, now, until| {
        leases.hold(Office::Housekeeper, holder, at(now), at(until)).await.unwrap()
    };
    assert!(hold(1, 10, 20).await, "nobody holds it");
    assert!(!hold(2, 19, 30).await, "one at a time");
    assert!(leases.hold(Office::Trainer, 2, at(19), at(30)).await.unwrap(), "offices are apart");
    assert!(hold(1, 15, 40).await, "a holder keeps it");
    assert!(!hold(2, 39, 50).await);
    assert!(hold(2, 40, 50).await, "it ended");
    assert!(!hold(1, 41, 60).await);
    leases.give_back(Office::Housekeeper, 1).await.unwrap();
    assert!(!hold(1, 42, 60).await, "it was not the first one's to give");
    leases.give_back(Office::Housekeeper, 2).await.unwrap();
    // Of many who ask at once one gets it.
    let asked = (10..40).map(|holder| hold(holder, 43, 60));
    let got = join_all(asked).await.into_iter().filter(|got| *got).count();
    assert_eq!(got, 1);
}
