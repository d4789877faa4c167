//! What every event log promises, together with the viewers' rows that it keeps.

use std::sync::Arc;

use futures_util::future::join_all;
use vitrine::domain::account::Market;
use vitrine::domain::engagement::Relation;
use vitrine::domain::event::{Event, EventKind};
use vitrine::domain::id::{AccountId, ClipId, EventId, ProductId, SlateId};
use vitrine::domain::time::Timestamp;
use vitrine::ports::events::{EventFate, EventLog, LoggedEvent, NewEvents};
use vitrine::ports::user_state::{Reach, UserRows, UserStates};

use crate::stores;

const ALL: Reach = Reach { seen_since: Timestamp::EPOCH, seen_max: 1_000, history_max: 1_000 };

stores::over_every_store!(EventLog, UserStates);

/// The whole contract.
pub async fn suite(log: Arc<dyn EventLog>, states: Arc<dyn UserStates>) {
    what_is_appended_is_read_back_whole(&*log).await;
    an_id_counts_once_per_viewer(&*log).await;
    relations_change_once(&*log, &*states).await;
    seen_marks_are_exact_and_can_be_forgotten(&*log, &*states).await;
    history_is_the_newest_oldest_first(&*log, &*states).await;
    one_relation_can_be_asked_for(&*log, &*states).await;
    offsets_grow_without_gaps_under_concurrency(log).await;
}

async fn one_relation_can_be_asked_for(log: &dyn EventLog, states: &dyn UserStates) {
    let viewer = AccountId::from_bits(60);
    let wanted = [(Relation::Like, 5), (Relation::Save, 5), (Relation::Like, 6)];
    assert_eq!(states.relates(viewer, &wanted).await.unwrap(), [false; 3]);
    log.append(batch(60, 1, &[event(1, EventKind::Save, 5), event(2, EventKind::Like, 6)]))
        .await
        .unwrap();
    assert_eq!(states.relates(viewer, &wanted).await.unwrap(), [false, true, true]);
    log.append(batch(60, 2, &[event(3, EventKind::Unlike, 6)])).await.unwrap();
    assert_eq!(states.relates(viewer, &wanted).await.unwrap(), [false, true, false]);
    assert_eq!(states.relates(AccountId::from_bits(61), &wanted).await.unwrap(), [false; 3]);
    assert_eq!(states.relates(viewer, &[]).await.unwrap(), [false; 0]);
}

/// In a cluster ids end by themselves.
#[tokio::test]
async fn old_ids_can_be_forgotten() {
    let log = &stores::in_memory();
    let share = |id| event(id, EventKind::Share, 1);
    let like = |id| event(id, EventKind::Like, 9);
    let before = EventLog::head(log).await.unwrap();
    EventLog::append(log, batch(50, -900, &[share(1), share(2), like(3), like(4)])).await.unwrap();
    log.append(batch(51, -800, &[share(1)])).await.unwrap();
    log.append(batch(50, -700, &[share(5), share(1)])).await.unwrap();
    let logged = log.read(before, 100).await.unwrap();
    assert_eq!(log.forget_ids(at(-900), 10).await.unwrap(), 0, "none before that instant");
    let mut gone = 0;
    for _ in 0..5 {
        gone += log.forget_ids(at(-700), 1).await.unwrap();
    }
    assert_eq!(gone, 5, "also that of an event which changed nothing");
    assert_eq!(log.read(before, 100).await.unwrap(), logged, "the events stay");
    let again = log.append(batch(50, 0, &[share(5), share(2), like(4)])).await.unwrap();
    assert!(
        matches!(
            again.fates[..],
            [EventFate::Duplicate, EventFate::Logged(_), EventFate::Unchanged]
        ),
        "{again:?}"
    );
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn event(id: u128, kind: EventKind, clip: u128) -> Event {
    Event {
        id: EventId(id),
        kind,
        clip: Some(ClipId::from_bits(clip)),
        creator: None,
        product: None,
        slate: None,
        position: None,
        occurred_at: at(5),
    }
}

fn batch(viewer: u128, ms: i64, events: &[Event]) -> NewEvents {
    NewEvents {
        viewer: AccountId::from_bits(viewer),
        market: Market::US,
        at: at(ms),
        events: events.to_vec(),
    }
}

const WATCH: EventKind = EventKind::Watch { watch_ms: 1_234, loops: 2 };

async fn what_is_appended_is_read_back_whole(log: &dyn EventLog) {
    let full = Event {
        creator: Some(AccountId::from_bits(2)),
        product: Some(ProductId::from_bits(3)),
        slate: Some(SlateId::from_bits(4)),
        position: Some(5),
        ..event(u128::MAX, WATCH, 1)
    };
    let bare = Event { clip: None, ..event(2, EventKind::Return, 1) };
    let before = log.head().await.unwrap();
    let appended = log.append(batch(1, 77, &[full, bare])).await.unwrap();
    assert_eq!(appended.fates, [EventFate::Logged(before + 1), EventFate::Logged(before + 2)]);
    assert_eq!((appended.head, log.head().await.unwrap()), (before + 2, before + 2));
    let viewer = AccountId::from_bits(1);
    let logged =
        |offset, event| LoggedEvent { offset, viewer, market: Market::US, at: at(77), event };
    let read = log.read(before, 10).await.unwrap();
    assert_eq!(read, [logged(before + 1, full), logged(before + 2, bare)]);
    assert_eq!(log.read(before, 1).await.unwrap().len(), 1);
    assert_eq!(log.read(before + 2, 10).await.unwrap(), []);
}

async fn an_id_counts_once_per_viewer(log: &dyn EventLog) {
    let twice = event(1, EventKind::Share, 1);
    let fates = log.append(batch(10, 1, &[twice, twice])).await.unwrap().fates;
    assert!(matches!(fates[..], [EventFate::Logged(_), EventFate::Duplicate]));
    let again = log.append(batch(10, 2, &[twice])).await.unwrap();
    assert_eq!(again.fates, [EventFate::Duplicate]);
    let other = log.append(batch(11, 2, &[twice])).await.unwrap();
    assert!(matches!(other.fates[..], [EventFate::Logged(_)]));
}

async fn rows(states: &dyn UserStates, viewer: u128, reach: Reach) -> UserRows {
    states.load(AccountId::from_bits(viewer), reach).await.unwrap()
}

async fn relations_change_once(log: &dyn EventLog, states: &dyn UserStates) {
    let creator = Some(AccountId::from_bits(9));
    let follow = |id, kind| Event { creator, clip: None, ..event(id, kind, 0) };
    let steps = [
        event(1, EventKind::Like, 5),
        event(2, EventKind::Like, 5),
        event(3, EventKind::Like, 6),
        event(4, EventKind::Unlike, 5),
        event(5, EventKind::Unlike, 5),
        follow(6, EventKind::Follow),
        follow(7, EventKind::HideCreator),
        follow(8, EventKind::Unfollow),
        event(9, EventKind::Unsave, 5),
    ];
    let fates = log.append(batch(20, 1, &steps)).await.unwrap().fates;
    let unchanged: Vec<usize> =
        (0..fates.len()).filter(|&place| fates[place] == EventFate::Unchanged).collect();
    assert_eq!(unchanged, [1, 4, 8]);
    let mut relations = rows(states, 20, ALL).await.relations;
    relations.sort_unstable();
    assert_eq!(relations, [(Relation::Like, 6), (Relation::Block, 9)]);
    assert_eq!(rows(states, 21, ALL).await.relations, []);
}

async fn seen_marks_are_exact_and_can_be_forgotten(log: &dyn EventLog, states: &dyn UserStates) {
    log.append(batch(30, 100, &[event(1, WATCH, 1), event(2, EventKind::Impression, 2)]))
        .await
        .unwrap();
    log.append(batch(30, 200, &[event(3, EventKind::NotInterested, 3)])).await.unwrap();
    log.append(batch(30, 300, &[event(4, WATCH, 1)])).await.unwrap();
    let seen = |rows: UserRows| {
        let mut seen = rows.seen;
        seen.sort_unstable();
        seen
    };
    let mark = |clip, ms| (ClipId::from_bits(clip), at(ms));
    assert_eq!(seen(rows(states, 30, ALL).await), [mark(1, 300), mark(3, 200)]);
    let since = Reach { seen_since: at(201), ..ALL };
    assert_eq!(seen(rows(states, 30, since).await), [mark(1, 300)]);
    let newest = Reach { seen_max: 1, ..ALL };
    assert_eq!(seen(rows(states, 30, newest).await), [mark(1, 300)]);
    states.forget_seen(AccountId::from_bits(30), at(300)).await.unwrap();
    // A later write of the same partition is answered after the forgetting was done, if it was.
    log.append(batch(30, 301, &[event(5, EventKind::Share, 1)])).await.unwrap();
    assert!(seen(rows(states, 30, ALL).await).contains(&mark(1, 300)));
}

async fn history_is_the_newest_oldest_first(log: &dyn EventLog, states: &dyn UserStates) {
    let events: Vec<Event> = (1..=20).map(|id| event(id, EventKind::Share, id)).collect();
    let head = log.append(batch(40, 1, &events)).await.unwrap().head;
    let some = rows(states, 40, Reach { history_max: 3, ..ALL }).await;
    let ids: Vec<u128> = some.history.iter().map(|logged| logged.event.id.0).collect();
    assert_eq!(ids, [18, 19, 20]);
    assert!(some.offset >= head);
    assert_eq!(rows(states, 41, ALL).await.history, []);
}

async fn offsets_grow_without_gaps_under_concurrency(log: Arc<dyn EventLog>) {
    let before = log.head().await.unwrap();
    let appends = (0..50_u128).map(|viewer| {
        let log = Arc::clone(&log);
        async move {
            let events = [event(1, EventKind::Share, 1), event(2, EventKind::Share, 1)];
            log.append(batch(100 + viewer, 1, &events)).await.unwrap()
        }
    });
    let mut offsets: Vec<u64> = Vec::new();
    for appended in join_all(appends).await {
        for fate in appended.fates {
            let EventFate::Logged(offset) = fate else { panic!("{fate:?}") };
            assert!(offset <= appended.head);
            offsets.push(offset);
        }
    }
    offsets.sort_unstable();
    assert_eq!(offsets, (before + 1..=before + 100).collect::<Vec<_>>());
}

/// The log and the viewers' rows are there after each reopening, and no event counts again.
pub async fn survives(open: impl AsyncFn() -> (Arc<dyn EventLog>, Arc<dyn UserStates>)) {
    let events = [event(1, EventKind::Like, 5), event(2, WATCH, 6)];
    for round in 0..3_u64 {
        let (log, states) = open().await;
        assert_eq!(log.head().await.unwrap(), round * 3, "offsets begin at one and go on");
        let own = event(10 + u128::from(round), EventKind::Share, 7);
        log.append(batch(50 + u128::from(round), 1, &[events[0], events[1], own])).await.unwrap();
        drop((log, states));
    }
    let (log, states) = open().await;
    let again = log.append(batch(51, 2, &events)).await.unwrap();
    assert_eq!(again.fates, [EventFate::Duplicate, EventFate::Duplicate]);
    assert_eq!(again.head, 9);
    let kinds: Vec<EventKind> =
        log.read(3, 3).await.unwrap().iter().map(|logged| logged.event.kind).collect();
    assert_eq!(kinds, [EventKind::Like, WATCH, EventKind::Share]);
    let kept = rows(&*states, 51, ALL).await;
    assert_eq!(kept.relations, [(Relation::Like, 5)]);
    assert_eq!(kept.seen, [(ClipId::from_bits(6), at(1))]);
    let offsets: Vec<u64> = kept.history.iter().map(|logged| logged.offset).collect();
    assert_eq!(offsets, [4, 5, 6]);
}
