//! The contract of the job queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use vitrine::domain::id::ClipId;
use vitrine::domain::id::JobId;
use vitrine::domain::job::Job;
use vitrine::domain::job::JobKind;
use vitrine::domain::time::Timestamp;
use vitrine::ports::jobs::Claimed;
use vitrine::ports::jobs::JobQueue;
use vitrine::ports::jobs::QueueDepth;

use crate::stores;
use crate::stores::NOW;
use crate::stores::RACERS;
use crate::stores::refused;

stores::over_every_store!(JobQueue);

/// How long the leases of these cases run.
const LEASE_MS: i64 = 30_000;
/// Longer than any wake-up takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn id(n: u128) -> JobId {
    JobId::derived(n)
}

fn transcode(n: u128) -> JobKind {
    JobKind::Transcode(ClipId::from_bits(n))
}

fn at(ms: i64) -> Timestamp {
    NOW.plus_ms(ms)
}

/// Claims at that instant.
async fn claim(queue: &dyn JobQueue, now_ms: i64) -> Option<Claimed> {
    queue.claim(at(now_ms), at(now_ms + LEASE_MS)).await.unwrap()
}

/// Claims what must be there.
async fn take(queue: &dyn JobQueue, now_ms: i64) -> Claimed {
    claim(queue, now_ms).await.expect("a job is due")
}

async fn depth(queue: &dyn JobQueue) -> (u64, u64, u64) {
    let QueueDepth { waiting, leased, parked } = queue.depth().await.unwrap();
    (waiting, leased, parked)
}

/// Runs every case over an empty queue. Each has jobs of its own and leaves the queue
/// empty, but for a parked one at the end.
pub async fn suite(queue: Arc<dyn JobQueue>) {
    queued_twice_is_queued_once(&*queue).await;
    the_job_that_is_due_longest_comes_first(&*queue).await;
    an_expired_lease_is_taken_over(&*queue).await;
    a_heartbeat_keeps_the_lease(&*queue).await;
    a_failed_job_comes_back(&*queue).await;
    a_finished_job_may_be_queued_again(&*queue).await;
    a_lease_of_a_former_life_is_refused(&*queue).await;
    each_job_goes_to_one_worker(&queue).await;
    a_waiting_worker_wakes(&queue).await;
    a_job_that_is_given_back_was_not_tried(&*queue).await;
    a_parked_job_stays(&*queue).await;
}

async fn queued_twice_is_queued_once(queue: &dyn JobQueue) {
    assert_eq!(depth(queue).await, (0, 0, 0));
    assert!(claim(queue, 0).await.is_none());
    queue.enqueue(id(1), transcode(1), at(10)).await.unwrap();
    queue.enqueue(id(1), JobKind::Purge(ClipId::from_bits(9)), at(0)).await.unwrap();
    assert_eq!(depth(queue).await, (1, 0, 0));
    assert!(claim(queue, 9).await.is_none(), "not before it is due");
    let claimed = take(queue, 10).await;
    let first = Job { id: id(1), kind: transcode(1), attempts: 1, run_at: at(10) };
    assert_eq!(claimed.job, first, "the first one stays as it is");
    queue.enqueue(id(1), transcode(1), at(0)).await.unwrap();
    assert_eq!(depth(queue).await, (0, 1, 0));
    assert!(claim(queue, 11).await.is_none(), "a leased job is not queued anew");
    queue.complete(claimed.lease).await.unwrap();
    assert_eq!(depth(queue).await, (0, 0, 0));
}

async fn the_job_that_is_due_longest_comes_first(queue: &dyn JobQueue) {
    for (n, due_ms) in [(101, 30), (102, 10), (103, 50), (104, 20)] {
        queue.enqueue(id(n), transcode(n), at(due_ms)).await.unwrap();
    }
    for n in [102, 104, 101] {
        let claimed = take(queue, 40).await;
        assert_eq!(claimed.job.id, id(n));
        assert_eq!(claimed.lease.job, id(n));
        queue.complete(claimed.lease).await.unwrap();
    }
    assert!(claim(queue, 49).await.is_none());
    queue.complete(take(queue, 50).await.lease).await.unwrap();
}

async fn an_expired_lease_is_taken_over(queue: &dyn JobQueue) {
    queue.enqueue(id(201), transcode(201), at(0)).await.unwrap();
    let first = take(queue, 0).await;
    assert!(claim(queue, LEASE_MS - 1).await.is_none(), "the lease still runs");
    let second = take(queue, LEASE_MS).await;
    assert_eq!((second.job.id, second.job.attempts), (id(201), 2));
    assert_ne!(first.lease, second.lease);
    refused(queue.heartbeat(first.lease, at(1_000_000)).await);
    refused(queue.complete(first.lease).await);
    refused(queue.fail(first.lease, Some(at(0)), "stale").await);
    refused(queue.fail(first.lease, None, "stale").await);
    assert_eq!(depth(queue).await, (0, 1, 0), "the stale worker changed nothing");
    queue.complete(second.lease).await.unwrap();
    refused(queue.complete(second.lease).await);
    refused(queue.heartbeat(second.lease, at(1_000_000)).await);
    assert_eq!(depth(queue).await, (0, 0, 0));
}

async fn a_heartbeat_keeps_the_lease(queue: &dyn JobQueue) {
    queue.enqueue(id(301), transcode(301), at(0)).await.unwrap();
    let claimed = take(queue, 0).await;
    for beat in 1..=5 {
        let now_ms = beat * (LEASE_MS - 1);
        queue.heartbeat(claimed.lease, at(now_ms + LEASE_MS)).await.unwrap();
        assert!(claim(queue, now_ms + LEASE_MS - 1).await.is_none());
    }
    let end_ms = 5 * (LEASE_MS - 1) + LEASE_MS;
    let second = take(queue, end_ms).await;
    assert_eq!(second.job.attempts, 2, "a heartbeat is no try");
    queue.complete(second.lease).await.unwrap();
}

async fn a_failed_job_comes_back(queue: &dyn JobQueue) {
    queue.enqueue(id(401), transcode(401), at(0)).await.unwrap();
    for attempt in 1..=3 {
        let now_ms = i64::from(attempt) * 100;
        let claimed = take(queue, now_ms).await;
        assert_eq!(claimed.job.attempts, attempt);
        queue.fail(claimed.lease, Some(at(now_ms + 100)), "no luck").await.unwrap();
        refused(queue.fail(claimed.lease, Some(at(0)), "twice").await);
        assert_eq!(depth(queue).await, (1, 0, 0));
        assert!(claim(queue, now_ms + 99).await.is_none(), "not before it is due again");
    }
    let last = take(queue, 400).await;
    assert_eq!((last.job.attempts, last.job.run_at), (4, at(400)));
    queue.complete(last.lease).await.unwrap();
}

async fn a_finished_job_may_be_queued_again(queue: &dyn JobQueue) {
    for life in 0..3 {
        queue.enqueue(id(501), transcode(501), at(life)).await.unwrap();
        let claimed = take(queue, life).await;
        assert_eq!((claimed.job.attempts, claimed.job.run_at), (1, at(life)), "a job of its own");
        queue.complete(claimed.lease).await.unwrap();
    }
}

/// A worker slept through its job's end and its new beginning.
async fn a_lease_of_a_former_life_is_refused(queue: &dyn JobQueue) {
    queue.enqueue(id(601), transcode(601), at(0)).await.unwrap();
    let sleeper = take(queue, 0).await;
    let second = take(queue, LEASE_MS).await;
    queue.complete(second.lease).await.unwrap();
    queue.enqueue(id(601), transcode(601), at(0)).await.unwrap();
    refused(queue.complete(sleeper.lease).await);
    let third = take(queue, LEASE_MS + 1).await;
    refused(queue.heartbeat(sleeper.lease, at(1_000_000)).await);
    refused(queue.fail(sleeper.lease, None, "stale").await);
    refused(queue.complete(sleeper.lease).await);
    refused(queue.complete(second.lease).await);
    queue.complete(third.lease).await.unwrap();
}

async fn each_job_goes_to_one_worker(queue: &Arc<dyn JobQueue>) {
    let numbers = 1_001..=1_000 + u128::from(RACERS) * 2;
    for n in numbers.clone() {
        queue.enqueue(id(n), transcode(n), at(0)).await.unwrap();
    }
    let mut workers = JoinSet::new();
    for _ in 0..RACERS {
        let queue = Arc::clone(queue);
        workers.spawn(async move {
            let mut done = Vec::new();
            while let Some(claimed) = claim(&*queue, 1).await {
                queue.complete(claimed.lease).await.unwrap();
                done.push(claimed.job.id);
            }
            done
        });
    }
    let done: Vec<JobId> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(done.len() as u64, RACERS * 2, "none is done twice");
    assert_eq!(done.into_iter().collect::<BTreeSet<_>>(), numbers.map(id).collect());
    assert_eq!(depth(&**queue).await, (0, 0, 0));
}

/// The job comes before, while and after the worker begins to wait.
async fn a_waiting_worker_wakes(queue: &Arc<dyn JobQueue>) {
    for round in 2_000..2_050 {
        let (worker, asker) = (Arc::clone(queue), Arc::clone(queue));
        let mut both = JoinSet::new();
        both.spawn(async move {
            loop {
                if let Some(claimed) = claim(&*worker, 0).await {
                    return worker.complete(claimed.lease).await.unwrap();
                }
                worker.wait().await;
            }
        });
        both.spawn(async move {
            for _ in 0..round % 3 {
                tokio::task::yield_now().await;
            }
            asker.enqueue(id(round), transcode(round), at(0)).await.unwrap();
        });
        let done = tokio::time::timeout(PATIENCE, both.join_all()).await;
        assert!(done.is_ok(), "round {round}: the worker sleeps on");
    }
}

async fn a_job_that_is_given_back_was_not_tried(queue: &dyn JobQueue) {
    queue.enqueue(id(1), transcode(1), at(5)).await.unwrap();
    for _ in 0..5 {
        let claimed = take(queue, 5).await;
        assert_eq!((claimed.job.attempts, claimed.job.run_at), (1, at(5)));
        queue.give_back(claimed.lease).await.unwrap();
        assert_eq!(depth(queue).await, (1, 0, 0));
        refused(queue.give_back(claimed.lease).await);
        refused(queue.heartbeat(claimed.lease, at(1_000_000)).await);
    }
    let second = take(queue, 5).await;
    let third = take(queue, 5 + LEASE_MS).await;
    assert_eq!(third.job.attempts, 2, "who died with it did try");
    refused(queue.give_back(second.lease).await);
    queue.complete(third.lease).await.unwrap();
    refused(queue.give_back(third.lease).await);
}

async fn a_parked_job_stays(queue: &dyn JobQueue) {
    queue.enqueue(id(77), transcode(77), at(0)).await.unwrap();
    let claimed = take(queue, 0).await;
    queue.fail(claimed.lease, None, "hopeless").await.unwrap();
    assert_eq!(depth(queue).await, (0, 0, 1));
    assert!(claim(queue, 1_000_000_000).await.is_none());
    refused(queue.heartbeat(claimed.lease, at(0)).await);
    refused(queue.complete(claimed.lease).await);
    refused(queue.give_back(claimed.lease).await);
    queue.enqueue(id(77), transcode(77), at(0)).await.unwrap();
    assert_eq!(depth(queue).await, (0, 0, 1), "queued again, it stays parked");
    assert!(claim(queue, 1_000_000_000).await.is_none());
}

/// Jobs stay where they stand, but for leases: a store may end those of workers that died with it.
pub async fn survives(open: impl AsyncFn() -> Arc<dyn JobQueue>) {
    let queue = open().await;
    queue.enqueue(id(1), transcode(1), at(5)).await.unwrap();
    queue.enqueue(id(2), JobKind::Purge(ClipId::from_bits(2)), at(0)).await.unwrap();
    queue.enqueue(id(3), transcode(3), at(1)).await.unwrap();
    let parked = take(&*queue, 0).await;
    queue.fail(parked.lease, None, "hopeless").await.unwrap();
    let leased = take(&*queue, 1).await;
    assert_eq!(leased.job.id, id(3));
    drop(queue);

    let queue = open().await;
    let (waiting, leased_count, parked) = depth(&*queue).await;
    assert_eq!((waiting + leased_count, parked), (2, 1));
    let again = take(&*queue, 1 + LEASE_MS).await;
    let other = take(&*queue, 1 + LEASE_MS).await;
    assert_eq!(BTreeSet::from([again.job.id, other.job.id]), BTreeSet::from([id(1), id(3)]));
    refused(queue.complete(leased.lease).await);
    for claimed in [&again, &other] {
        let attempts = if claimed.job.id == id(3) { 2 } else { 1 };
        assert_eq!(claimed.job.attempts, attempts);
        queue.complete(claimed.lease).await.unwrap();
    }
    drop(queue);
    assert_eq!(depth(&*open().await).await, (0, 0, 1));
}

/// The embedded store belongs to one process: a job that died with it need not wait for its lease.
#[tokio::test]
async fn embedded_leases_end_with_their_process() {
    let directory = tempfile::tempdir().unwrap();
    let queue = stores::on_file(directory.path());
    queue.enqueue(id(1), transcode(1), at(0)).await.unwrap();
    let before = take(&queue, 0).await;
    drop(queue);
    let queue = stores::on_file(directory.path());
    assert_eq!(depth(&queue).await, (1, 0, 0));
    refused(queue.complete(before.lease).await);
    let after = take(&queue, 0).await;
    assert_eq!(after.job.attempts, 2);
    refused(queue.complete(before.lease).await);
    queue.complete(after.lease).await.unwrap();
}
