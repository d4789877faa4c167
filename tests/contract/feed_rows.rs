//! What every keeper of feed sessions and of counters promises.

use vitrine::adapters::embedded::Embedded;
use vitrine::domain::account::Market;
use vitrine::domain::engagement::ClipCounters;
use vitrine::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use vitrine::domain::time::Timestamp;
use vitrine::ports::counters::{CounterRow, CounterStore};
use vitrine::ports::error::StoreError;
use vitrine::ports::feed_sessions::{FeedSessions, ServedItem, ServedPage, SessionHead};

#[tokio::test]
async fn embedded() {
    let store = Embedded::in_memory().unwrap();
    sessions(&store).await;
    counters(&store).await;
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn head(id: u128, started_ms: i64) -> SessionHead {
    SessionHead {
        id: FeedSessionId::from_bits(id),
        viewer: AccountId::from_bits(1),
        following: id % 2 == 1,
        market: Market::new("DE").unwrap(),
        seed: u64::MAX,
        started_at: at(started_ms),
    }
}

fn page(number: u32) -> ServedPage {
    let item = |clip: u128| ServedItem {
        clip: ClipId::from_bits(clip),
        source: 3,
        propensity: 0.25,
        score: -1.5,
    };
    ServedPage {
        number,
        slate: SlateId::from_bits(u128::from(number) + 1),
        served_at: at(9),
        log_offset: 8,
        config: 7,
        items: (0..3).map(item).collect(),
        exhausted: number == 2,
        degraded: number == 1,
    }
}

/// The contract of sessions. A page is there at the latest after the next durable write.
pub async fn sessions(store: &dyn FeedSessions) {
    for (id, started_ms) in [(1, 10), (2, 20)] {
        for number in 0..3 {
            store.record(&head(id, started_ms), &page(number));
        }
    }
    assert_eq!(store.forget(at(0), 10).await.unwrap(), 0);
    let found = store.load(FeedSessionId::from_bits(1)).await.unwrap();
    assert_eq!(found, Some((head(1, 10), (0..3).map(page).collect())));
    assert_eq!(store.load(FeedSessionId::from_bits(3)).await.unwrap(), None);

    assert_eq!(store.forget(at(20), 2).await.unwrap(), 2, "bounded");
    assert_eq!(store.forget(at(20), 10).await.unwrap(), 1, "the rest of it");
    assert_eq!(store.load(FeedSessionId::from_bits(1)).await.unwrap(), None);
    assert!(store.load(FeedSessionId::from_bits(2)).await.unwrap().is_some());
}

fn row(clip: u128, plays: u32) -> CounterRow {
    let counters = ClipCounters { decayed: [0.5; 12], at_s: 4, plays, likes: 2, shares: 3 };
    let heat = vec![(Market::US, 6_512.25), (Market::new("DE").unwrap(), -1.0)];
    CounterRow { clip: ClipId::from_bits(clip), counters, heat }
}

/// The contract of counters.
pub async fn counters(store: &dyn CounterStore) {
    let ids = [1, 2, 3].map(ClipId::from_bits);
    assert_eq!(store.load(&ids).await.unwrap(), (0, Vec::new()));
    store.save(5, vec![row(1, 1), row(2, 1)]).await.unwrap();
    store.save(9, vec![row(2, 7)]).await.unwrap();
    assert_eq!(store.load(&ids).await.unwrap(), (9, vec![row(1, 1), row(2, 7)]));
    let back = store.save(8, vec![row(1, 9)]).await;
    assert!(matches!(back, Err(StoreError::Conflict)));
    assert_eq!(store.load(&ids[..1]).await.unwrap(), (9, vec![row(1, 1)]));
}
