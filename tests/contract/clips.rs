//! The contract of the clips.

use std::ops::RangeInclusive;
use std::sync::Arc;

use vitrine::domain::account::Market;
use vitrine::domain::clip::Clip;
use vitrine::domain::clip::ClipFailure;
use vitrine::domain::clip::ClipMedia;
use vitrine::domain::clip::ClipState;
use vitrine::domain::id::AccountId;
use vitrine::domain::id::ClipId;
use vitrine::domain::id::ProductId;
use vitrine::domain::id::TagId;
use vitrine::domain::id::UploadId;
use vitrine::domain::id::VariantId;
use vitrine::domain::tag::Hotspot;
use vitrine::domain::tag::ProductTag;
use vitrine::ports::clips::ClipStore;

use crate::stores;
use crate::stores::NOW;
use crate::stores::RACERS;
use crate::stores::refused;

stores::over_every_store!(ClipStore);

/// The clip number `n`; a higher number is a later clip.
fn id(n: i64) -> ClipId {
    ClipId::new(NOW.plus_ms(n), 7)
}

fn clip(n: i64, creator: AccountId, state: ClipState) -> Clip {
    let tag = |variant, hotspot| ProductTag {
        id: TagId::from_bits(1),
        product: ProductId::from_bits(2),
        variant,
        start_ms: 0,
        end_ms: u32::MAX,
        hotspot,
    };
    Clip {
        id: id(n),
        creator,
        upload: UploadId::from_bits(u128::MAX),
        caption: "A lamp #oak \u{1f4a1}".into(),
        tags: vec![
            tag(None, None),
            tag(Some(VariantId::from_bits(3)), Some(Hotspot { x: 10_000, y: 0 })),
        ],
        markets: vec![Market::US, Market::new("DE").unwrap()],
        state,
        created_at: NOW,
        version: 1,
    }
}

fn processing() -> ClipState {
    ClipState::Processing { progress_permille: 450 }
}

fn ready() -> ClipState {
    let media = ClipMedia {
        prefix: "clips/x/1".into(),
        duration_ms: 8_000,
        width: 1_080,
        height: 1_920,
        has_storyboard: true,
    };
    ClipState::Ready { media, published_at: NOW.plus_ms(9) }
}

fn failed() -> ClipState {
    let failure = ClipFailure { code: "encrypted".into(), detail: "It is encrypted.".into() };
    ClipState::Failed { failure, at: NOW.plus_ms(8) }
}

fn removed() -> ClipState {
    ClipState::Removed { at: NOW.plus_ms(10) }
}

/// Writes the next version of the clip in another state.
async fn turn(store: &dyn ClipStore, id: ClipId, state: ClipState) {
    let old = store.get(id).await.unwrap().unwrap();
    let version = old.version + 1;
    store.put(&Clip { state, version, ..old }).await.unwrap();
}

async fn ids_of(
    store: &dyn ClipStore,
    creator: AccountId,
    before: Option<i64>,
    limit: usize,
) -> Vec<ClipId> {
    let clips = store.by_creator(creator, before.map(id), limit).await.unwrap();
    clips.iter().map(|clip| clip.id).collect()
}

/// Which of the clips of these numbers are published, by a walk in pages of `limit`.
async fn published_of(
    store: &dyn ClipStore,
    limit: usize,
    numbers: RangeInclusive<i64>,
) -> Vec<ClipId> {
    let page = async |after, limit| store.published(after, limit).await;
    let found = stores::walk(limit, |clip: &Clip| clip.id, page).await;
    numbers.map(id).filter(|&id| found.iter().any(|clip| clip.id == id)).collect()
}

async fn published(store: &dyn ClipStore, numbers: RangeInclusive<i64>) -> Vec<ClipId> {
    published_of(store, 100, numbers).await
}

/// Runs every case over an empty store.
pub async fn suite(store: Arc<dyn ClipStore>) {
    a_creators_list_is_newest_first_and_paged(&*store).await;
    what_is_published_is_walked_once(&*store).await;
    a_walk_goes_on_behind_a_clip_that_left_it(&*store).await;
    lists_follow_the_state(&*store).await;
    every_field_comes_back(&*store).await;
    only_the_next_version_is_written(&*store).await;
    no_update_is_lost(&store).await;
}

async fn a_creators_list_is_newest_first_and_paged(store: &dyn ClipStore) {
    let (mine, other, nobody) = (stores::account(1), stores::account(2), stores::account(3));
    for n in [3, 1, 5, 2, 4] {
        store.put(&clip(n, mine, processing())).await.unwrap();
        store.put(&clip(100 + n, other, ready())).await.unwrap();
    }
    assert_eq!(ids_of(store, mine, None, 10).await, [5, 4, 3, 2, 1].map(id));
    assert_eq!(ids_of(store, mine, None, 2).await, [5, 4].map(id));
    assert_eq!(ids_of(store, mine, Some(4), 2).await, [3, 2].map(id));
    assert_eq!(ids_of(store, mine, Some(2), 2).await, [1].map(id));
    assert_eq!(ids_of(store, mine, Some(1), 2).await, []);
    assert_eq!(ids_of(store, mine, None, 0).await, []);
    assert_eq!(ids_of(store, nobody, None, 10).await, []);
}

async fn what_is_published_is_walked_once(store: &dyn ClipStore) {
    let creator = stores::account(8);
    for (n, state) in (601..).zip([ready(), failed(), ready(), processing(), ready(), removed()]) {
        store.put(&clip(n, creator, state)).await.unwrap();
    }
    for limit in [1, 2, 3, 100] {
        assert_eq!(published_of(store, limit, 601..=606).await, [601, 603, 605].map(id));
    }
    let page = store.published(None, 100).await.unwrap();
    let whole = page.into_iter().find(|clip| clip.id == id(603));
    assert_eq!(whole, Some(clip(603, creator, ready())));
}

async fn a_walk_goes_on_behind_a_clip_that_left_it(store: &dyn ClipStore) {
    let creator = stores::account(9);
    for n in 701..=705 {
        store.put(&clip(n, creator, ready())).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    while let Some(found) = store.published(after, 1).await.unwrap().pop() {
        after = Some(found.id);
        if found.creator == creator {
            turn(store, found.id, removed()).await;
            seen.push(found.id);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [701, 702, 703, 704, 705].map(id));
}

async fn lists_follow_the_state(store: &dyn ClipStore) {
    let creator = stores::account(4);
    for n in [201, 202] {
        store.put(&clip(n, creator, processing())).await.unwrap();
    }
    assert_eq!(published(store, 201..=202).await, []);
    turn(store, id(201), ready()).await;
    turn(store, id(202), failed()).await;
    assert_eq!(published(store, 201..=202).await, [id(201)]);
    assert_eq!(ids_of(store, creator, None, 10).await, [202, 201].map(id));
    turn(store, id(201), ready()).await;
    assert_eq!(published(store, 201..=202).await, [id(201)], "once, however often written");
    turn(store, id(201), removed()).await;
    turn(store, id(202), removed()).await;
    assert_eq!(published(store, 201..=202).await, []);
    assert_eq!(ids_of(store, creator, None, 10).await, []);
    assert_eq!(store.get(id(201)).await.unwrap().unwrap().state, removed());
}

async fn every_field_comes_back(store: &dyn ClipStore) {
    assert_eq!(store.get(id(300)).await.unwrap(), None);
    for (n, state) in (301..).zip([processing(), ready(), failed(), removed()]) {
        let full = clip(n, stores::account(5), state);
        store.put(&full).await.unwrap();
        assert_eq!(store.get(full.id).await.unwrap(), Some(full));
    }
    let bare = Clip {
        caption: String::new(),
        tags: Vec::new(),
        markets: Vec::new(),
        ..clip(310, stores::account(5), processing())
    };
    store.put(&bare).await.unwrap();
    assert_eq!(store.get(bare.id).await.unwrap(), Some(bare));
}

async fn only_the_next_version_is_written(store: &dyn ClipStore) {
    let first = clip(401, stores::account(6), processing());
    for version in [0, 2] {
        refused(store.put(&Clip { version, ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), None);
    }
    store.put(&first).await.unwrap();
    for version in [0, 1, 3] {
        refused(store.put(&Clip { version, state: ready(), ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(published(store, 401..=401).await, [], "a refusal lists nothing");
    }
}

async fn no_update_is_lost(store: &Arc<dyn ClipStore>) {
    let fresh = clip(501, stores::account(7), processing());
    let (key, shared) = (fresh.id, Arc::clone(store));
    stores::race(move |racer| {
        let (store, fresh) = (Arc::clone(&shared), fresh.clone());
        async move {
            let read = store.get(fresh.id).await?;
            let none = Clip { caption: "marks".into(), version: 0, ..fresh };
            let mut row = read.unwrap_or(none);
            stores::mark(&mut row.caption, racer);
            row.version += 1;
            store.put(&row).await.map(|()| row.version)
        }
    })
    .await;
    let row = store.get(key).await.unwrap().unwrap();
    assert_eq!(row.version, RACERS);
    stores::assert_all_marks(&row.caption);
}

/// Rows and lists are there after a reopening, and the guard with them.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn ClipStore>) {
    let creator = stores::account(1);
    let store = open().await;
    for (n, state) in (1..).zip([ready(), failed(), ready(), removed(), processing()]) {
        store.put(&clip(n, creator, state)).await.unwrap();
    }
    drop(store);
    let again = open().await;
    assert_eq!(ids_of(&*again, creator, None, 10).await, [5, 3, 2, 1].map(id));
    assert_eq!(published(&*again, 1..=5).await, [1, 3].map(id));
    let kept = again.get(id(2)).await.unwrap().unwrap();
    assert_eq!(kept, clip(2, creator, failed()));
    refused(again.put(&kept).await);
    turn(&*again, id(3), removed()).await;
    drop(again);
    assert_eq!(published(&*open().await, 1..=5).await, [id(1)]);
}
