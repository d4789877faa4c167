//! The contract of the upload records.

use std::sync::Arc;

use vitrine::domain::id::AccountId;
use vitrine::domain::id::ClipId;
use vitrine::domain::id::UploadId;
use vitrine::domain::upload::Upload;
use vitrine::domain::upload::UploadMetadata;
use vitrine::ports::uploads::UploadRecord;
use vitrine::ports::uploads::UploadStore;

use crate::stores;
use crate::stores::NOW;
use crate::stores::RACERS;
use crate::stores::refused;

stores::over_every_store!(UploadStore);

fn id(n: u128) -> UploadId {
    UploadId::new(NOW, n)
}

/// An upload of 100 bytes that ends `ends_ms` after now.
fn record(n: u128, owner: AccountId, ends_ms: i64) -> UploadRecord {
    let pairs = vec![("filename".to_owned(), vec![0xff, 0, b'x']), ("empty".to_owned(), vec![])];
    let metadata = UploadMetadata::new(pairs).unwrap();
    UploadRecord {
        id: id(n),
        owner,
        upload: Upload::new(100, metadata, NOW.plus_ms(ends_ms)).unwrap(),
        stored: false,
        clip: None,
        version: 1,
    }
}

/// The next version, with one more byte.
fn advanced(old: UploadRecord) -> UploadRecord {
    let offset = old.upload.offset();
    let upload = old.upload.received(offset, offset + 1).unwrap();
    UploadRecord { upload, version: old.version + 1, ..old }
}

async fn expired(store: &dyn UploadStore, now_ms: i64, limit: usize) -> Vec<UploadId> {
    let found = store.expired(NOW.plus_ms(now_ms), limit).await.unwrap();
    found.iter().map(|record| record.id).collect()
}

/// Runs every case over an empty store.
pub async fn suite(store: Arc<dyn UploadStore>) {
    the_longest_gone_expire_first(&*store).await;
    every_field_comes_back(&*store).await;
    only_the_next_version_is_written(&*store).await;
    open_uploads_are_counted_until_their_clip(&*store).await;
    a_removed_record_leaves_no_trace(&*store).await;
    no_update_is_lost(&store).await;
}

async fn the_longest_gone_expire_first(store: &dyn UploadStore) {
    let owner = stores::account(1);
    assert_eq!(expired(store, i64::from(i32::MAX), 10).await, []);
    for (n, ends_ms) in [(1, 30), (2, 10), (3, 40), (4, 20)] {
        store.put(&record(n, owner, ends_ms)).await.unwrap();
    }
    assert_eq!(expired(store, 9, 10).await, []);
    assert_eq!(expired(store, 10, 10).await, [id(2)], "the end itself is over");
    assert_eq!(expired(store, 35, 10).await, [2, 4, 1].map(id));
    assert_eq!(expired(store, 35, 2).await, [2, 4].map(id));
    let kept = record(2, owner, 10);
    let kept = UploadRecord { upload: kept.upload.kept_until(NOW.plus_ms(35)), version: 2, ..kept };
    store.put(&kept).await.unwrap();
    assert_eq!(expired(store, 34, 10).await, [4, 1].map(id), "a moved end counts");
    assert_eq!(store.expired(NOW.plus_ms(100), 10).await.unwrap()[2], kept);
    for n in 1..=4 {
        store.remove(id(n)).await.unwrap();
    }
    assert_eq!(expired(store, 100, 10).await, []);
}

async fn every_field_comes_back(store: &dyn UploadStore) {
    let fresh = record(11, stores::account(2), 1_000_000);
    assert_eq!(store.get(fresh.id).await.unwrap(), None);
    store.put(&fresh).await.unwrap();
    assert_eq!(store.get(fresh.id).await.unwrap(), Some(fresh.clone()));
    let upload = fresh.upload.received(0, 100).unwrap();
    let clip = Some(ClipId::from_bits(5));
    let whole = UploadRecord { upload, stored: true, clip, version: 2, ..fresh };
    store.put(&whole).await.unwrap();
    assert_eq!(store.get(whole.id).await.unwrap(), Some(whole));
    let upload = Upload::new(0, UploadMetadata::default(), NOW.plus_ms(1_000_000)).unwrap();
    let nothing = UploadRecord { upload, ..record(12, stores::account(2), 0) };
    store.put(&nothing).await.unwrap();
    assert_eq!(store.get(nothing.id).await.unwrap(), Some(nothing));
}

async fn only_the_next_version_is_written(store: &dyn UploadStore) {
    let owner = stores::account(3);
    let first = record(21, owner, 1_000_000);
    for version in [0, 2] {
        refused(store.put(&UploadRecord { version, ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), None);
        assert_eq!(store.open_of(owner, 10).await.unwrap(), 0, "a refusal lists nothing");
    }
    store.put(&first).await.unwrap();
    for version in [0, 1, 3] {
        let clip = Some(ClipId::from_bits(5));
        refused(store.put(&UploadRecord { version, clip, ..first.clone() }).await);
        assert_eq!(store.get(first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(store.open_of(owner, 10).await.unwrap(), 1);
    }
}

async fn open_uploads_are_counted_until_their_clip(store: &dyn UploadStore) {
    let (mine, other) = (stores::account(4), stores::account(5));
    for n in 31..=35 {
        store.put(&record(n, mine, 1_000_000)).await.unwrap();
    }
    store.put(&record(36, other, 1_000_000)).await.unwrap();
    assert_eq!(store.open_of(mine, 100).await.unwrap(), 5);
    assert_eq!(store.open_of(mine, 3).await.unwrap(), 3, "counted up to the limit");
    let clip = Some(ClipId::from_bits(5));
    let used = UploadRecord { clip, version: 2, ..record(31, mine, 1_000_000) };
    store.put(&used).await.unwrap();
    store.put(&advanced(record(32, mine, 1_000_000))).await.unwrap();
    assert_eq!(store.open_of(mine, 100).await.unwrap(), 4);
    store.remove(id(33)).await.unwrap();
    assert_eq!(store.open_of(mine, 100).await.unwrap(), 3);
    assert_eq!(store.open_of(other, 100).await.unwrap(), 1);
}

async fn a_removed_record_leaves_no_trace(store: &dyn UploadStore) {
    let owner = stores::account(6);
    let first = record(41, owner, 10);
    store.put(&first).await.unwrap();
    store.put(&advanced(first.clone())).await.unwrap();
    store.remove(first.id).await.unwrap();
    store.remove(first.id).await.unwrap();
    assert_eq!(store.get(first.id).await.unwrap(), None);
    assert_eq!(store.open_of(owner, 10).await.unwrap(), 0);
    assert_eq!(expired(store, 100, 10).await, []);
    refused(store.put(&UploadRecord { version: 3, ..first.clone() }).await);
    store.put(&first).await.unwrap();
    store.remove(first.id).await.unwrap();
}

async fn no_update_is_lost(store: &Arc<dyn UploadStore>) {
    let fresh = record(51, stores::account(7), 1_000_000);
    let (key, shared) = (fresh.id, Arc::clone(store));
    stores::race(move |_| {
        let (store, fresh) = (Arc::clone(&shared), fresh.clone());
        async move {
            let read = store.get(fresh.id).await?;
            let row = advanced(read.unwrap_or(UploadRecord { version: 0, ..fresh }));
            store.put(&row).await.map(|()| row.version)
        }
    })
    .await;
    let row = store.get(key).await.unwrap().unwrap();
    assert_eq!((row.version, row.upload.offset()), (RACERS, RACERS), "each byte is counted once");
}

/// Offsets and lists are there after each reopening.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn UploadStore>) {
    let owner = stores::account(1);
    let mut last = record(1, owner, 10);
    open().await.put(&last).await.unwrap();
    for _ in 0..4 {
        last = advanced(last);
        open().await.put(&last).await.unwrap();
        let again = open().await;
        assert_eq!(again.get(last.id).await.unwrap(), Some(last.clone()));
        refused(again.put(&last).await);
        assert_eq!(again.open_of(owner, 10).await.unwrap(), 1);
        assert_eq!(expired(&*again, 10, 10).await, [last.id]);
    }
    open().await.remove(last.id).await.unwrap();
    assert_eq!(open().await.get(last.id).await.unwrap(), None);
}
