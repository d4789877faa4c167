//! What every keeper of feed sessions promises.

use std::sync::Arc;

use vitrine::domain::account::Market;
use vitrine::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use vitrine::domain::time::Timestamp;
use vitrine::ports::feed_sessions::{Basis, FeedSessions, ServedItem, ServedPage, SessionHead};

use crate::stores;

stores::over_the_embedded_store!(FeedSessions);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

/// A session.
pub fn head(id: u128, started_ms: i64) -> SessionHead {
    SessionHead {
        id: FeedSessionId::from_bits(id),
        viewer: AccountId::from_bits(1),
        following: id % 2 == 1,
        market: Market::new("DE").unwrap(),
        seed: u64::MAX,
        started_at: at(started_ms),
    }
}

/// A page of it.
pub fn page(number: u32) -> ServedPage {
    let item = |clip: u128| ServedItem {
        clip: ClipId::from_bits(clip),
        source: 3,
        propensity: 0.25,
        score: -1.5,
        sources: 8,
        inputs: std::array::from_fn(|place| place as f32),
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
        basis: Some(Basis { limit: number, lane: u128::MAX, ..Basis::default() }),
    }
}

/// The page of that number, with an id of its own.
fn slate(session: u128, number: u32) -> ServedPage {
    let slate = SlateId::from_bits(100 * session + u128::from(number));
    ServedPage { slate, ..page(number) }
}

/// The whole contract over an empty store. A page is there at the latest after the next durable write.
pub async fn suite(store: Arc<dyn FeedSessions>) {
    for (id, started_ms) in [(1, 10), (2, 20)] {
        for number in 0..3 {
            store.record(&head(id, started_ms), &slate(id, number));
        }
    }
    assert_eq!(store.forget(at(0), 10).await.unwrap(), 0);
    let found = store.load(FeedSessionId::from_bits(1)).await.unwrap();
    assert_eq!(found, Some((head(1, 10), (0..3).map(|number| slate(1, number)).collect())));
    assert_eq!(store.load(FeedSessionId::from_bits(3)).await.unwrap(), None);
    let some = |id, numbers| store.pages(FeedSessionId::from_bits(id), numbers);
    assert_eq!(some(1, 1..=9).await.unwrap(), [slate(1, 1), slate(1, 2)]);
    assert_eq!(some(2, 1..=1).await.unwrap(), [slate(2, 1)]);
    assert_eq!(some(1, 3..=3).await.unwrap(), []);
    assert_eq!(some(3, 0..=9).await.unwrap(), []);
    let wanted = slate(2, 1);
    let found = store.find(wanted.slate).await.unwrap();
    assert_eq!(found, Some((head(2, 20), wanted.clone())), "by its own id");
    assert_eq!(store.find(SlateId::from_bits(999)).await.unwrap(), None);

    assert_eq!(store.forget(at(20), 2).await.unwrap(), 2, "bounded");
    assert_eq!(store.forget(at(20), 10).await.unwrap(), 1, "the rest of it");
    assert_eq!(store.load(FeedSessionId::from_bits(1)).await.unwrap(), None);
    assert!(store.load(FeedSessionId::from_bits(2)).await.unwrap().is_some());
    assert_eq!(store.find(slate(1, 1).slate).await.unwrap(), None, "forgotten with its session");
    assert!(store.find(wanted.slate).await.unwrap().is_some());
}

/// What a durable write came after is there after a reopening.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn FeedSessions>) {
    let store = open().await;
    for number in 0..2 {
        store.record(&head(1, 10), &page(number));
    }
    assert_eq!(store.forget(at(0), 10).await.unwrap(), 0);
    drop(store);
    let store = open().await;
    let found = store.load(FeedSessionId::from_bits(1)).await.unwrap();
    assert_eq!(found, Some((head(1, 10), (0..2).map(page).collect())));
    store.record(&head(1, 10), &page(2));
    assert_eq!(store.forget(at(11), 10).await.unwrap(), 3, "one list of old and new pages");
    drop(store);
    assert_eq!(open().await.load(FeedSessionId::from_bits(1)).await.unwrap(), None);
}
