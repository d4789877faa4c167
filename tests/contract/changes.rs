//! The contract of the change log.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use vitrine::domain::change::Change;
use vitrine::domain::id::AccountId;
use vitrine::domain::id::ClipId;
use vitrine::domain::id::ProductId;
use vitrine::ports::changes::ChangeLog;

use crate::stores;
use crate::stores::RACERS;

stores::over_every_store!(ChangeLog);

/// Longer than any wake-up takes; reached only when one is missed.
const PATIENCE: Duration = Duration::from_secs(10);

fn change(n: u64) -> Change {
    let bits = u128::from(n) | 1 << 127;
    match n % 5 {
        0 => Change::ClipPublished(ClipId::from_bits(bits)),
        1 => Change::ClipRemoved(ClipId::from_bits(bits)),
        2 => Change::ProductChanged(ProductId::from_bits(bits)),
        3 => Change::StockChanged(ProductId::from_bits(bits)),
        _ => Change::AccountChanged(AccountId::from_bits(bits)),
    }
}

fn changes(numbers: std::ops::Range<u64>) -> Vec<Change> {
    numbers.map(change).collect()
}

/// Runs every case. The log's first offset is told by [`survives`].
pub async fn suite(store: Arc<dyn ChangeLog>) {
    offsets_are_dense_from_one(&*store).await;
    batches_of_many_writers_do_not_mix(&store).await;
    a_wait_for_what_is_there_ends_at_once(&*store).await;
    no_wake_up_is_missed(&store).await;
    every_waiter_wakes(&store).await;
    the_oldest_entries_can_be_forgotten(&*store).await;
}

async fn the_oldest_entries_can_be_forgotten(store: &dyn ChangeLog) {
    let last = store.append(&changes(0..20)).await.unwrap();
    while store.trim(10, 7).await.unwrap() == 7 {}
    assert_eq!(store.trim(10, 7).await.unwrap(), 0);
    let kept: Vec<(u64, Change)> = (last - 9..=last).zip(changes(10..20)).collect();
    assert_eq!(store.read(0, 100).await.unwrap(), kept, "whoever lags behind sees the gap");
    assert_eq!(store.head().await.unwrap(), last);
    assert_eq!(store.trim(0, 100).await.unwrap(), 9, "one entry stays");
    assert_eq!(store.append(&changes(20..21)).await.unwrap(), last + 1, "offsets go on");
}

async fn offsets_are_dense_from_one(store: &dyn ChangeLog) {
    let head = store.head().await.unwrap();
    assert_eq!(store.read(head, 10).await.unwrap(), []);
    assert_eq!(store.append(&[]).await.unwrap(), head);
    assert_eq!(store.append(&changes(0..3)).await.unwrap(), head + 3);
    assert_eq!(store.append(&changes(3..10)).await.unwrap(), head + 10);
    let none = store.append(&[]).await.unwrap();
    assert_eq!(none, head + 10, "nothing more, so the last one is the last");
    assert_eq!(store.head().await.unwrap(), head + 10);
    let all: Vec<(u64, Change)> = (head + 1..).zip(changes(0..10)).collect();
    assert_eq!(store.read(head, 100).await.unwrap(), all);
    assert_eq!(store.read(head, 4).await.unwrap(), all[..4]);
    assert_eq!(store.read(head + 4, 4).await.unwrap(), all[4..8]);
    assert_eq!(store.read(head + 9, 4).await.unwrap(), all[9..]);
    assert_eq!(store.read(head + 10, 4).await.unwrap(), []);
    assert_eq!(store.read(u64::MAX, 4).await.unwrap(), []);
    assert_eq!(store.read(head, 0).await.unwrap(), []);
}

async fn batches_of_many_writers_do_not_mix(store: &Arc<dyn ChangeLog>) {
    let before = store.head().await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..RACERS {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut batches = Vec::new();
            for batch in 0..4 {
                let start = 1_000 + writer * 100 + batch * 10;
                let numbers = start..start + 1 + (writer + batch) % 4;
                let last = store.append(&changes(numbers.clone())).await.unwrap();
                // What is answered can be read at once.
                assert!(store.head().await.unwrap() >= last);
                batches.push((last, numbers));
            }
            batches
        });
    }
    let batches: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    let log = store.read(before, usize::MAX).await.unwrap();
    let offsets: Vec<u64> = log.iter().map(|(offset, _)| *offset).collect();
    let count: u64 = batches.iter().map(|(_, numbers)| numbers.end - numbers.start).sum();
    assert_eq!(offsets, (before + 1..=before + count).collect::<Vec<_>>(), "dense and in order");
    for (last, numbers) in batches {
        let len = numbers.end - numbers.start;
        let found: Vec<Change> = log
            .iter()
            .filter(|(offset, _)| (last - len + 1..=last).contains(offset))
            .map(|(_, change)| *change)
            .collect();
        assert_eq!(found, changes(numbers), "a batch stays together");
    }
}

async fn a_wait_for_what_is_there_ends_at_once(store: &dyn ChangeLog) {
    let head = store.head().await.unwrap();
    for after in [0, head - 1] {
        tokio::time::timeout(PATIENCE, store.wait(after)).await.expect("there is an entry above");
    }
}

/// The append comes before, while and after the waiter begins to listen.
async fn no_wake_up_is_missed(store: &Arc<dyn ChangeLog>) {
    for round in 0..100 {
        let head = store.head().await.unwrap();
        let (waiter, writer) = (Arc::clone(store), Arc::clone(store));
        let waiting = async move {
            for _ in 0..round % 3 {
                tokio::task::yield_now().await;
            }
            while waiter.head().await.unwrap() <= head {
                waiter.wait(head).await;
            }
        };
        let mut both = JoinSet::new();
        both.spawn(waiting);
        both.spawn(async move { writer.append(&[change(round)]).await.map(drop).unwrap() });
        let done = tokio::time::timeout(PATIENCE, both.join_all()).await;
        assert!(done.is_ok(), "round {round}: the waiter sleeps on");
    }
}

async fn every_waiter_wakes(store: &Arc<dyn ChangeLog>) {
    let head = store.head().await.unwrap();
    let mut waiters = JoinSet::new();
    for _ in 0..RACERS {
        let store = Arc::clone(store);
        waiters.spawn(async move {
            while store.head().await.unwrap() <= head {
                store.wait(head).await;
            }
        });
    }
    store.append(&[change(0)]).await.unwrap();
    tokio::time::timeout(PATIENCE, waiters.join_all()).await.expect("all of them wake");
}

/// Offsets begin at one, entries stay, and offsets go on where they ended.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn ChangeLog>) {
    assert_eq!(open().await.head().await.unwrap(), 0);
    for n in 0..5_u64 {
        assert_eq!(open().await.append(&changes(n * 2..n * 2 + 2)).await.unwrap(), n * 2 + 2);
    }
    let again = open().await;
    let all: Vec<(u64, Change)> = (1..=10).zip(changes(0..10)).collect();
    assert_eq!(again.read(0, 100).await.unwrap(), all);
}
