//! The embedded store on a disk that fails, and after the power went.
//!
//! A seed chooses which operation of the disk fails, whether the disk recovers, and which of the
//! bytes that were written but not synced are there afterwards. (How commands fall into groups is the
//! scheduler's doing, so a seed repeats the faults, not each commit.) What the store had answered must
//! hold after reopening on what is left:
//!
//! - `Ok`: it is there;
//! - `Conflict`, `Unavailable`: it is not;
//! - `OutcomeUnknown`: either, but whole.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use rand_core::SeedableRng;
use vitrine::adapters::embedded::Embedded;
use vitrine::domain::account::Account;
use vitrine::domain::account::Market;
use vitrine::domain::change::Change;
use vitrine::domain::id::AccountId;
use vitrine::domain::id::ClipId;
use vitrine::domain::id::UploadId;
use vitrine::domain::upload::Upload;
use vitrine::domain::upload::UploadMetadata;
use vitrine::ports::accounts::AccountStore;
use vitrine::ports::changes::ChangeLog;
use vitrine::ports::error::StoreError;
use vitrine::ports::uploads::UploadRecord;
use vitrine::ports::uploads::UploadStore;

use crate::disk::Disk;
use crate::disk::Remains;
use crate::stores;
use crate::stores::NOW;

/// Disks tried in one run.
const SEEDS: u64 = 150;
/// Writers at once, and how often each writes.
const WRITERS: u128 = 6;
const ROUNDS: u64 = 10;
/// Accounts that the writers fight over.
const ACCOUNTS: u128 = 3;
/// Operations that the disk does in such a run, roughly.
const OPERATIONS: u64 = 600;

/// What a caller was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Done,
    Refused,
    Unknown,
}

impl Told {
    fn of<T>(outcome: &Result<T, StoreError>) -> Self {
        match outcome {
            Ok(_) => Self::Done,
            Err(StoreError::Conflict | StoreError::Unavailable(_)) => Self::Refused,
            Err(StoreError::OutcomeUnknown(_)) => Self::Unknown,
            Err(damage @ StoreError::Corrupt { .. }) => panic!("{damage}"),
        }
    }
}

/// Everything that was asked, with what was told.
#[derive(Default)]
struct Ledger {
    /// Account, version, the name that this very write gave it.
    accounts: Vec<(AccountId, u64, String, Told)>,
    /// The changes, and the offset of the last one if it was told.
    changes: Vec<(Vec<Change>, Option<u64>, Told)>,
    /// The versions of each writer's upload.
    uploads: Vec<(UploadId, u64, Told)>,
}

fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// What tells a change apart; only clips are published here.
fn bits(change: Change) -> u128 {
    let Change::ClipPublished(clip) = change else { panic!("nobody asked for {change:?}") };
    clip.bits()
}

fn upload(writer: u128, version: u64) -> UploadRecord {
    let whole = Upload::new(1_000, UploadMetadata::default(), NOW).unwrap();
    UploadRecord {
        id: UploadId::new(NOW, writer),
        owner: stores::account(100 + writer),
        upload: whole.received(0, version).unwrap(),
        stored: false,
        clip: None,
        version,
    }
}

/// Writes accounts, changes and an upload, as long as the store may take them.
async fn write(store: &Embedded, writer: u128, mut rng: ChaCha8Rng) -> Ledger {
    let mut ledger = Ledger::default();
    for round in 1..=ROUNDS {
        let id = stores::account(u128::from(rng.next_u32()) % ACCOUNTS);
        let read = AccountStore::get(store, id).await.unwrap();
        let mut account = read.unwrap_or_else(|| Account::unnamed(id, Market::US, NOW));
        // Now and then a write that is stale from the start.
        account.version += u64::from(!rng.next_u32().is_multiple_of(5));
        account.display_name = format!("{writer}-{round}");
        let outcome = AccountStore::put(store, &account).await;
        let told = Told::of(&outcome);
        ledger.accounts.push((id, account.version, account.display_name, told));

        let first = writer << 32 | u128::from(round) << 8;
        let changes: Vec<Change> = (first..=first + u128::from(rng.next_u32() % 3))
            .map(|bits| Change::ClipPublished(ClipId::from_bits(bits)))
            .collect();
        let outcome = store.append(&changes).await;
        ledger.changes.push((changes, outcome.as_ref().ok().copied(), Told::of(&outcome)));

        let record = upload(writer, round);
        let outcome = UploadStore::put(store, &record).await;
        ledger.uploads.push((record.id, round, Told::of(&outcome)));
    }
    ledger
}

async fn accounts_hold(store: &Embedded, ledger: &Ledger) {
    for n in 0..ACCOUNTS {
        let id = stores::account(n);
        let asked = || ledger.accounts.iter().filter(|entry| entry.0 == id);
        let done: BTreeMap<u64, &str> = asked()
            .filter(|entry| entry.3 == Told::Done)
            .map(|(_, version, name, _)| (*version, name.as_str()))
            .collect();
        let count = asked().filter(|entry| entry.3 == Told::Done).count();
        assert_eq!(done.len(), count, "a version was won twice");
        let stored = AccountStore::get(store, id).await.unwrap();
        let version = stored.as_ref().map_or(0, |account| account.version);
        let last_done = done.keys().next_back().copied().unwrap_or(0);
        assert!(version >= last_done, "version {last_done} was answered, {version} is there");
        let Some(stored) = stored else { continue };
        let origin = asked()
            .find(|entry| (entry.1, &entry.2) == (version, &stored.display_name))
            .expect("somebody asked for what is there");
        assert_ne!(origin.3, Told::Refused, "a refused write is there");
        if let Some(name) = done.get(&version) {
            assert_eq!(stored.display_name, *name, "another write took its place");
        }
    }
}

async fn changes_hold(store: &Embedded, ledger: &Ledger) {
    let log = ChangeLog::read(store, 0, usize::MAX).await.unwrap();
    let offsets: Vec<u64> = log.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (1..=log.len() as u64).collect::<Vec<_>>(), "offsets have gaps");
    let found: BTreeMap<u128, u64> =
        log.iter().map(|(offset, change)| (bits(*change), *offset)).collect();
    assert_eq!(found.len(), log.len(), "a change is there twice");
    let mut asked_len = 0;
    for (changes, last, told) in &ledger.changes {
        let at: Vec<u64> =
            changes.iter().filter_map(|change| found.get(&bits(*change)).copied()).collect();
        asked_len += at.len();
        match told {
            Told::Done => {
                let last = last.unwrap();
                let whole: Vec<u64> = (last + 1 - changes.len() as u64..=last).collect();
                assert_eq!(at, whole, "answered, but elsewhere or gone");
            }
            Told::Refused => assert!(at.is_empty(), "a refused append is there"),
            Told::Unknown => {
                assert!(at.is_empty() || at.len() == changes.len(), "half an append is there");
                assert!(at.windows(2).all(|pair| pair[0] + 1 == pair[1]), "an append was torn");
            }
        }
    }
    assert_eq!(asked_len, log.len(), "there is more than was asked for");
}

async fn uploads_hold(store: &Embedded, ledger: &Ledger) {
    let listed = store.expired(NOW, usize::MAX).await.unwrap();
    for writer in 0..WRITERS {
        let id = UploadId::new(NOW, writer);
        let stored = UploadStore::get(store, id).await.unwrap();
        let version = stored.as_ref().map_or(0, |record| record.version);
        let told = |wanted: Told| {
            let asked = ledger.uploads.iter().filter(move |entry| entry.0 == id);
            asked.filter(move |entry| entry.2 == wanted).map(|entry| entry.1)
        };
        assert!(told(Told::Done).max().unwrap_or(0) <= version, "answered bytes are gone");
        assert!(told(Told::Refused).all(|refused| refused != version), "a refused write is there");
        let is_there = stored.is_some();
        assert!(stored.is_none_or(|stored| stored == upload(writer, version)));
        // The lists agree with the rows: a group is there as a whole.
        let open = store.open_of(stores::account(100 + writer), 10).await.unwrap();
        assert_eq!(open, usize::from(is_there));
        assert_eq!(listed.iter().any(|record| record.id == id), is_there);
    }
}

async fn holds(store: &Embedded, ledger: &Ledger) {
    accounts_hold(store, ledger).await;
    changes_hold(store, ledger).await;
    uploads_hold(store, ledger).await;
}

/// One disk's life. Answers whether the disk failed while the store was in use.
async fn live(seed: u64) -> bool {
    let mut chance = rng(seed, 0);
    let disk = Disk::default();
    let store = Embedded::open_with_backend(disk.clone()).unwrap();
    disk.fail_after(u64::from(chance.next_u32()) % OPERATIONS, chance.next_u32().is_multiple_of(2));
    let writers = (0..WRITERS).map(|writer| write(&store, writer, rng(seed, 1 + writer as u64)));
    let mut ledger = Ledger::default();
    for part in join_all(writers).await {
        ledger.accounts.extend(part.accounts);
        ledger.changes.extend(part.changes);
        ledger.uploads.extend(part.uploads);
    }
    let failed = disk.is_broken();
    // The power goes before or after the process ends.
    let mut store = Some(store);
    if chance.next_u32().is_multiple_of(2) {
        drop(store.take());
    }
    let remains = [Remains::All, Remains::Nothing, Remains::Some, Remains::Some]
        [chance.next_u32() as usize % 4];
    let bytes = disk.after_power_cut(remains, &mut chance);
    drop(store);

    let store = Embedded::open_with_backend(Disk::with(bytes)).expect("it opens on what is left");
    holds(&store, &ledger).await;
    // And it goes on: the next write of a row is taken.
    let id = stores::account(0);
    let read = AccountStore::get(&store, id).await.unwrap();
    let mut account = read.unwrap_or_else(|| Account::unnamed(id, Market::US, NOW));
    account.version += 1;
    AccountStore::put(&store, &account).await.unwrap();
    failed
}

/// Names the seed when a test panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&format!("the disk of seed {} was lost", self.0));
        }
    }
}

#[expect(clippy::print_stderr, reason = "the seed belongs to the failed test's output")]
fn tell(text: &str) {
    eprintln!("{text}");
}

#[tokio::test]
async fn what_was_answered_outlives_the_disk() {
    let mut failed = 0;
    for seed in 0..SEEDS {
        let named = Named(seed);
        failed += u64::from(live(seed).await);
        drop(named);
    }
    assert!(failed > SEEDS / 2, "only {failed} of {SEEDS} disks failed in time: too few");
}

/// A store whose disk failed refuses further writes instead of losing them, and still answers reads.
#[tokio::test]
async fn a_broken_store_refuses_and_still_reads() {
    for recovers in [false, true] {
        let disk = Disk::default();
        let store = Embedded::open_with_backend(disk.clone()).unwrap();
        let account = |n, version| Account {
            version,
            ..Account::unnamed(stores::account(n), Market::US, NOW)
        };
        AccountStore::put(&store, &account(1, 1)).await.unwrap();
        disk.fail_after(0, recovers);
        let lost = AccountStore::put(&store, &account(1, 2)).await;
        assert_ne!(Told::of(&lost), Told::Done);
        for n in 2..5 {
            let refused = AccountStore::put(&store, &account(n, 1)).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            assert_eq!(AccountStore::get(&store, stores::account(n)).await.unwrap(), None);
        }
        let read = AccountStore::get(&store, stores::account(1)).await.unwrap();
        assert!(read.is_some(), "what was answered can be read");
    }
}
