//! What every keeper of models promises.

use std::sync::Arc;

use vitrine::adapters::models::ObjectModels;
use vitrine::adapters::sim::{SeededEntropy, SimClock};
use vitrine::domain::time::{MINUTE_MS, Timestamp};
use vitrine::ports::models::Models;
use vitrine::ports::objects::ObjectStore;

use crate::backends;

/// The whole contract, over objects that hold no models yet.
pub async fn suite(objects: Arc<dyn ObjectStore>) {
    let clock = Arc::new(SimClock::new(Timestamp::from_unix_ms(1_748_736_000_000)));
    let entropy = Arc::new(SeededEntropy::new(7));
    let models = ObjectModels::new(objects, Arc::clone(&clock) as _, entropy);
    assert!(models.names().await.unwrap().is_empty());
    assert_eq!(models.load("01748736000000-00000000").await.unwrap(), None);
    assert_eq!(models.forget(0, Timestamp::from_unix_ms(i64::MAX)).await.unwrap(), 0);

    let model = |number: u8| bytes::Bytes::from(vec![number; 300_000]);
    let mut names = Vec::new();
    for number in 0..5 {
        names.push(models.save(model(number)).await.unwrap());
        clock.advance_ms(MINUTE_MS);
    }
    let latest_first: Vec<String> = names.iter().rev().cloned().collect();
    assert_eq!(models.names().await.unwrap(), latest_first, "names grow with time");
    for (name, number) in names.iter().zip(0..) {
        assert_eq!(models.load(name).await.unwrap(), Some(model(number)));
    }

    models.keep(&names[0]).await.unwrap();
    let kept_since = Timestamp::from_unix_ms(1_748_736_000_000);
    assert_eq!(models.forget(2, kept_since).await.unwrap(), 2);
    let left = [&names[4], &names[3], &names[0]].map(Clone::clone);
    assert_eq!(models.names().await.unwrap(), left);
    assert_eq!(models.load(&names[1]).await.unwrap(), None);
    let later = kept_since.plus_ms(9 * MINUTE_MS);
    assert_eq!(models.forget(2, later).await.unwrap(), 1, "it was not asked for since");
    assert_eq!(models.load(&names[0]).await.unwrap(), None);
}

#[tokio::test]
async fn as_objects() {
    let root = tempfile::tempdir().unwrap();
    suite(Arc::new(backends::in_process(root.path()))).await;
}

#[tokio::test]
async fn a_damaged_one_is_told() {
    let root = tempfile::tempdir().unwrap();
    let objects = Arc::new(backends::in_process(root.path()));
    let key = vitrine::ports::objects::ObjectKey::parse("ranking/models/1-1").unwrap();
    objects.put(&key, "text/plain", "not compressed".into()).await.unwrap();
    let clock = Arc::new(SimClock::new(Timestamp::EPOCH));
    let models = ObjectModels::new(objects, clock, Arc::new(SeededEntropy::new(7)));
    let error = models.load("1-1").await.unwrap_err().to_string();
    assert!(error.contains("ranking models"), "{error}");
}
