//! What every keeper of the ranking's history promises.

use std::sync::Arc;

use vitrine::adapters::lanes::ObjectLanes;
use vitrine::adapters::sim::SimClock;
use vitrine::domain::id::ClipId;
use vitrine::domain::time::{MINUTE_MS, Timestamp};
use vitrine::ports::objects::ObjectStore;
use vitrine::ports::ranking_steps::{NotedStep, RankingStep, RankingSteps};

use crate::backends;

const HOUR: i64 = 60 * MINUTE_MS;

fn gone(number: u64) -> NotedStep {
    let step = RankingStep::Gone(ClipId::from_bits(number.into()));
    NotedStep { after: number / 2, step }
}

fn note(lane: &dyn RankingSteps, numbers: std::ops::Range<u64>) {
    for NotedStep { after, step } in numbers.map(gone) {
        lane.note(after, &step);
    }
}

/// All steps of a lane.
async fn all(store: &dyn RankingSteps, lane: u128) -> Vec<NotedStep> {
    let mut steps = Vec::new();
    loop {
        let more = store.read(lane, steps.len() as u64).await.unwrap();
        if more.is_empty() {
            return steps;
        }
        steps.extend(more);
    }
}

/// The whole contract, over objects that hold no lanes yet.
pub async fn suite(objects: Arc<dyn ObjectStore>) {
    let clock = Arc::new(SimClock::new(Timestamp::from_unix_ms(0)));
    let open = |lane| ObjectLanes::new(Arc::clone(&objects), Arc::clone(&clock) as _, lane);
    let (one, two) = (open(1 << 80), open(2 << 80));
    assert_eq!(one.lane(), 1 << 80);
    note(&one, 0..5_000);
    note(&two, 0..3);
    assert!(all(&two, one.lane()).await.is_empty(), "not flushed");
    one.flush().await.unwrap();
    two.flush().await.unwrap();
    note(&one, 5_000..5_010);
    one.flush().await.unwrap();
    one.flush().await.unwrap();
    assert_eq!(all(&two, one.lane()).await, (0..5_010).map(gone).collect::<Vec<_>>());
    assert_eq!(all(&one, two.lane()).await, (0..3).map(gone).collect::<Vec<_>>());

    // A lane in which nothing happens is alive as long as its process flushes.
    clock.advance_ms(HOUR);
    one.flush().await.unwrap();
    let before = Timestamp::from_unix_ms(MINUTE_MS);
    let three = open(3 << 80);
    assert_eq!(three.forget(before, 100).await.unwrap(), 2, "steps and mark of the other");
    assert!(all(&one, two.lane()).await.is_empty());
    assert_eq!(all(&one, one.lane()).await.len(), 5_010);

    three.close();
    note(&three, 0..3);
    three.flush().await.unwrap();
    assert!(all(&one, three.lane()).await.is_empty(), "it serves no pages");
}

#[tokio::test]
async fn as_objects() {
    let root = tempfile::tempdir().unwrap();
    suite(Arc::new(backends::in_process(root.path()))).await;
}
