//! The backends of the record stores, and what every suite over them needs.
//!
//! A suite is `suite(store)`, which gets an empty store, and `survives(open)`, which opens the same
//! store again and again; a suite of several ports gets one argument each, all of one store. Each case
//! has ids of its own. A new backend is one more test in [`over_every_store`].

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use tokio::task::JoinSet;
use vitrine::adapters::embedded::Embedded;
use vitrine::domain::id::AccountId;
use vitrine::domain::time::Timestamp;
use vitrine::ports::error::StoreError;

/// 2026-01-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);
/// Tasks that race for one row.
pub const RACERS: u64 = 50;

/// Runs `suite` and `survives` of the calling module, which test these ports, over the embedded store.
macro_rules! over_the_embedded_store {
    ($($port:path),+) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn embedded_in_memory() {
            let store = $crate::stores::in_memory();
            suite($(std::sync::Arc::new(store.clone()) as std::sync::Arc<dyn $port>),+).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn embedded_on_a_file() {
            let directory = tempfile::tempdir().unwrap();
            let store = $crate::stores::on_file(directory.path());
            suite($(std::sync::Arc::new(store.clone()) as std::sync::Arc<dyn $port>),+).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn embedded_on_a_file_keeps_everything() {
            let directory = tempfile::tempdir().unwrap();
            let open = async || {
                let store = $crate::stores::on_file(directory.path());
                ($(std::sync::Arc::new(store.clone()) as std::sync::Arc<dyn $port>),+)
            };
            survives(open).await;
        }
    };
}
pub(crate) use over_the_embedded_store;

/// Runs `suite` and `survives` of the calling module, which test these ports, over every record store.
macro_rules! over_every_store {
    ($($port:path),+) => {
        $crate::stores::over_the_embedded_store!($($port),+);

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn scylla() {
            let store = $crate::cluster::scylla($crate::cluster::Keyspace::Suites).await;
            suite($(std::sync::Arc::new(store.clone()) as std::sync::Arc<dyn $port>),+).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn scylla_keeps_everything() {
            let open = async || {
                let store = $crate::cluster::scylla($crate::cluster::Keyspace::Kept).await;
                ($(std::sync::Arc::new(store.clone()) as std::sync::Arc<dyn $port>),+)
            };
            survives(open).await;
        }
    };
}
pub(crate) use over_every_store;

/// An empty embedded store in memory.
pub fn in_memory() -> Embedded {
    Embedded::in_memory().unwrap()
}

/// The embedded store in `directory`.
pub fn on_file(directory: &Path) -> Embedded {
    Embedded::open(&directory.join("store.redb")).unwrap()
}

/// The account number `n` of a suite.
pub fn account(n: u128) -> AccountId {
    AccountId::new(NOW, n)
}

/// Walks a list in pages of `limit` from its start to its end. Nothing may come twice, and only the
/// last page may be shorter.
pub async fn walk<T, Id: Copy + Ord + Debug>(
    limit: usize,
    id: impl Fn(&T) -> Id,
    page: impl AsyncFn(Option<Id>, usize) -> Result<Vec<T>, StoreError>,
) -> Vec<T> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let items = page(after, limit).await.unwrap();
        assert!(items.len() <= limit, "{} items on a page of {limit}", items.len());
        for item in &items {
            assert!(seen.insert(id(item)), "{:?} comes twice", id(item));
        }
        let Some(last) = items.last().map(&id) else { return found };
        if items.len() < limit {
            let rest = page(Some(last), limit).await.unwrap();
            assert!(rest.is_empty(), "a short page is not the last");
        }
        after = Some(last);
        found.extend(items);
    }
}

/// The write must have been refused because someone else was first.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "it is given a call's answer and nothing else")]
pub fn refused<T: Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
}

/// [`RACERS`] tasks read a row, change it and write it back until each has succeeded once. `change`
/// answers the version it wrote; no version may be won twice or left out.
pub async fn race<F, W>(change: F)
where
    F: Fn(u64) -> W + Clone + Send + 'static,
    W: Future<Output = Result<u64, StoreError>> + Send + 'static,
{
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let change = change.clone();
        racers.spawn(async move {
            loop {
                // Made in a statement of its own: the closure need not be shared between threads.
                let attempt = change(racer);
                match attempt.await {
                    Ok(version) => return version,
                    Err(StoreError::Conflict) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
    let mut won = racers.join_all().await;
    won.sort_unstable();
    assert_eq!(won, (1..=RACERS).collect::<Vec<_>>(), "each version is won exactly once");
}

/// Whether every racer left its mark in `text` exactly once; see [`mark`].
#[track_caller]
pub fn assert_all_marks(text: &str) {
    let mut marks: Vec<u64> = text.split(' ').skip(1).map(|mark| mark.parse().unwrap()).collect();
    marks.sort_unstable();
    assert_eq!(marks, (0..RACERS).collect::<Vec<_>>(), "an update was lost: {text}");
}

/// Adds a racer's mark.
pub fn mark(text: &mut String, racer: u64) {
    text.push(' ');
    text.push_str(&racer.to_string());
}
