//! Stored models: where learning goes on from after a start, and what is put back when it went astray.
//!
//! Every node learns from every event by itself. One of them, the trainer, stores what was learned now and
//! then, so that a start need not read the whole log; and only a model that makes sense is stored. When
//! what a node learned stops making sense, ranking falls back to explicit estimates at once, and the last
//! stored model is put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::limits::{LEARN_BACK_MAX, MODELS_KEPT};
use crate::domain::time::Timestamp;
use crate::feed::fold::take_in;
use crate::feed::index::SharedIndex;
use crate::feed::learned::Learned;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::events::EventLog;
use crate::ports::models::Models;
use crate::ports::ranking_steps::{RankingStep, RankingSteps};
use crate::ranking::learner::feed::Health;

pub use crate::ranking::learner::feed::Head;

/// The stores that training needs.
#[derive(Clone)]
pub struct TrainingPorts {
    /// Stored models.
    pub models: Arc<dyn Models>,
    /// The history of the ranking's state.
    pub steps: Arc<dyn RankingSteps>,
    /// What viewers do.
    pub events: Arc<dyn EventLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
}

/// How learning stands.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelSigns {
    /// Views that were learned from, those of the stored model included.
    pub views: u64,
    /// Whether the heads are ranked by.
    pub is_sound: bool,
    /// Predicted over come by head, and examples that were refused.
    pub health: Health,
    /// The stored model that this node knows of, and when it was stored or put in place.
    pub stored: Option<(String, Timestamp)>,
    /// How often a model was put back because what was learned made no sense.
    pub put_back: u64,
}

/// See the module's head.
pub struct Training {
    ports: TrainingPorts,
    index: SharedIndex,
    /// Views of the model that was stored or put in place last.
    stored_views: AtomicU64,
    stored: Mutex<Option<(String, Timestamp)>>,
    put_back: AtomicU64,
    /// Whether this process began without looking for a model: then others know more.
    is_ignorant: AtomicBool,
    /// The models that were put in place since the process began: slates are recomputed from them.
    in_place: Mutex<Vec<String>>,
}

/// Reading or writing a model takes a good part of a second: not on the threads that answer requests.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)
}

impl Training {
    /// Over an index that has learned nothing yet.
    pub fn new(ports: TrainingPorts, index: SharedIndex) -> Self {
        Self {
            ports,
            index,
            stored_views: AtomicU64::new(0),
            stored: Mutex::default(),
            put_back: AtomicU64::new(0),
            is_ignorant: AtomicBool::new(false),
            in_place: Mutex::default(),
        }
    }

    /// Goes on from the latest stored model that is whole and sound. Call it once, when the index is filled
    /// and before it takes in events. Without a model, the newest events are learned from anew.
    pub async fn begin(&self) -> Result<(), StoreError> {
        let at_least = self.ports.events.head().await?.saturating_sub(LEARN_BACK_MAX);
        let latest = match self.latest().await {
            Ok(latest) => latest,
            Err(error) => {
                tracing::warn!(%error, "stored models cannot be read yet; this node learns anew");
                self.is_ignorant.store(true, Ordering::Release);
                None
            }
        };
        self.put(latest, Some(at_least));
        Ok(())
    }

    /// The latest model that is whole and sound, with its name. It is kept from being forgotten.
    async fn latest(&self) -> Result<Option<(String, Learned)>, StoreError> {
        for name in self.ports.models.names().await?.into_iter().take(MODELS_KEPT) {
            let bytes = match self.ports.models.load(&name).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(name, %error, "a stored model is passed over");
                    continue;
                }
                Err(error) => return Err(error),
            };
            match aside(move || Learned::from_bytes(&bytes)).await? {
                Ok(learned) => {
                    self.ports.models.keep(&name).await?;
                    return Ok(Some((name, learned)));
                }
                Err(error) => tracing::warn!(name, %error, "a stored model is passed over"),
            }
        }
        Ok(None)
    }

    /// Puts a model in place, or nothing. Events up to `at_least` are passed over; without it all that were
    /// taken in are.
    fn put(&self, model: Option<(String, Learned)>, at_least: Option<u64>) {
        let (name, learned) = model.unzip();
        let views = learned.as_ref().map_or(0, Learned::views);
        let mut index = self.index.write();
        let at_least = at_least.unwrap_or_else(|| index.applied());
        let step = RankingStep::Learned { model: name.clone(), at_least };
        self.ports.steps.note(index.applied(), &step);
        take_in(&mut index, &step, learned);
        drop(index);
        self.stored_views.store(views, Ordering::Release);
        if let Some(name) = &name {
            let mut in_place = self.in_place.lock();
            if !in_place.contains(name) {
                in_place.push(name.clone());
            }
        }
        *self.stored.lock() = name.map(|name| (name, self.ports.clock.now()));
    }

    /// Keeps the models that this process went on from for as long as it lives. Call it now and then.
    pub async fn keep(&self) -> Result<(), StoreError> {
        let names = self.in_place.lock().clone();
        for name in names {
            self.ports.models.keep(&name).await?;
        }
        Ok(())
    }

    /// Looks for a model again, if the first look failed; what knows more than this process is put in place.
    async fn catch_up(&self) -> Result<(), StoreError> {
        if !self.is_ignorant.load(Ordering::Acquire) {
            return Ok(());
        }
        let latest = self.latest().await?;
        let own = self.index.read().learned().views();
        if let Some(latest) = latest.filter(|(_, learned)| learned.views() > own) {
            self.put(Some(latest), None);
        }
        self.is_ignorant.store(false, Ordering::Release);
        Ok(())
    }

    /// Stores what was learned, if there is anything new and it makes sense; answers whether it did.
    pub async fn store(&self) -> Result<bool, StoreError> {
        if self.is_ignorant.load(Ordering::Acquire) {
            return Ok(false);
        }
        let stored_views = self.stored_views.load(Ordering::Acquire);
        let index = Arc::clone(&self.index);
        let copied = aside(move || {
            let learned = {
                let index = index.read();
                let learned = index.learned();
                let is_worth_it = learned.views() != stored_views && learned.health().is_sound();
                is_worth_it.then(|| learned.clone())
            }?;
            Some((learned.views(), Bytes::from(learned.to_bytes())))
        });
        let Some((views, bytes)) = copied.await? else { return Ok(false) };
        let name = self.ports.models.save(bytes).await?;
        self.stored_views.store(views, Ordering::Release);
        *self.stored.lock() = Some((name, self.ports.clock.now()));
        Ok(true)
    }

    /// Puts the last good model back if what was learned makes no sense any more; answers whether it did.
    /// What came since that model is passed over: some of it led astray.
    pub async fn guard(&self) -> Result<bool, StoreError> {
        self.catch_up().await?;
        if self.index.read().learned().is_sound() {
            return Ok(false);
        }
        let latest = self.latest().await?;
        tracing::warn!(
            model = latest.as_ref().map(|(name, _)| name.as_str()),
            "what was learned makes no sense any more; the last good model is put back"
        );
        self.put(latest, None);
        self.put_back.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Forgets models that nobody needs; answers how many.
    pub async fn forget(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.ports.models.forget(MODELS_KEPT, before).await
    }

    /// How learning stands.
    pub fn signs(&self) -> ModelSigns {
        let index = self.index.read();
        let learned = index.learned();
        ModelSigns {
            views: learned.views(),
            is_sound: learned.is_sound(),
            health: learned.health(),
            stored: self.stored.lock().clone(),
            put_back: self.put_back.load(Ordering::Relaxed),
        }
    }
}

/// Over the real stores of one machine.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{self, App, Backends, Settings, assemble};
    use crate::config::Config;
    use crate::domain::account::Market;
    use crate::domain::event::{Event, EventKind};
    use crate::domain::id::{AccountId, ClipId, EventId};
    use crate::domain::time::DAY_MS;
    use crate::feed::learned::Subject;
    use crate::ports::events::LoggedEvent;
    use crate::ports::objects::ObjectKey;
    use crate::ranking::learner::feed::ClipKeys;

    fn config(directory: &std::path::Path) -> Config {
        let mut config = Config::load(None, &[]).unwrap();
        config.raw.data.directory = directory.display().to_string();
        config
    }

    async fn backends(directory: &std::path::Path) -> Backends {
        app::open(&config(directory)).await.unwrap().backends
    }

    fn process(backends: &Backends, directory: &std::path::Path) -> App {
        assemble(backends, &Settings::new(&config(directory), "http://localhost"))
    }

    /// Lets a process learn from so many views.
    fn watch(app: &App, views: u64) {
        let mut index = app.training.index.write();
        let mut learned = index.learned().clone();
        for view in 0..views {
            let offset = learned.applied() + 1;
            let at = Timestamp::from_unix_ms(1_800_000_000_000 + offset as i64 * 1_000);
            let event = Event {
                id: EventId(offset.into()),
                kind: EventKind::Watch { watch_ms: 9_000, loops: 0 },
                clip: Some(ClipId::from_bits(1)),
                creator: None,
                product: None,
                slate: None,
                position: None,
                occurred_at: at,
            };
            let viewer = AccountId::from_bits(offset.into());
            let logged = LoggedEvent { offset, viewer, market: Market::US, at, event };
            let keys = ClipKeys { clip: view % 3 + 1, entities: [1; 5], duration_ms: 10_000 };
            learned.apply(&logged, Some(&Subject { keys, shoppable: false }));
        }
        index.restored_to(learned.applied());
        index.start_learned(learned, 0);
    }

    #[tokio::test]
    async fn learning_goes_on_where_the_last_sound_model_was_stored() {
        let directory = tempfile::tempdir().unwrap();
        let backends = backends(directory.path()).await;
        let one = process(&backends, directory.path());
        one.training.begin().await.unwrap();
        assert!(!one.training.store().await.unwrap(), "there is nothing to store");
        watch(&one, 40);
        assert!(one.training.store().await.unwrap());
        assert!(!one.training.store().await.unwrap(), "nothing is new");

        let two = process(&backends, directory.path());
        two.training.begin().await.unwrap();
        let signs = two.training.signs();
        assert_eq!((signs.views, signs.is_sound, signs.put_back), (40, true, 0));
        let name = |signs: ModelSigns| signs.stored.map(|(name, _)| name);
        assert_eq!(name(signs), name(one.training.signs()));

        // What makes no sense is not stored, and the last good one is put back.
        watch(&two, 10);
        let mut astray = two.training.index.read().learned().clone();
        astray.lose_its_way();
        two.training.index.write().start_learned(astray, 0);
        assert!(two.training.guard().await.unwrap());
        let signs = two.training.signs();
        assert_eq!((signs.views, signs.is_sound, signs.put_back), (40, true, 1));
        let applied = two.training.index.read().learned().applied();
        assert_eq!(applied, two.training.index.read().applied(), "what led astray is passed over");
        assert!(!two.training.guard().await.unwrap());

        // A later one that is damaged is passed over.
        let late = ObjectKey::parse("ranking/models/99999999999999-00000000").unwrap();
        backends.objects.put(&late, "text/plain", "no model".into()).await.unwrap();
        let three = process(&backends, directory.path());
        three.training.begin().await.unwrap();
        assert_eq!(three.training.signs().views, 40);
    }

    #[tokio::test]
    async fn old_models_are_forgotten_unless_a_process_began_with_them() {
        let directory = tempfile::tempdir().unwrap();
        let backends = backends(directory.path()).await;
        let one = process(&backends, directory.path());
        one.training.begin().await.unwrap();
        let models = &one.training.ports.models;
        let mut names = Vec::new();
        for round in 0..6 {
            watch(&one, 1);
            assert!(one.training.store().await.unwrap());
            names.push(one.training.signs().stored.unwrap().0);
            if round == 1 {
                process(&backends, directory.path()).training.begin().await.unwrap();
            }
        }
        let now = backends.clock.now();
        assert_eq!(one.training.forget(now.plus_ms(-DAY_MS)).await.unwrap(), 2);
        let mut left = models.names().await.unwrap();
        left.sort_unstable();
        let kept = [1, 3, 4, 5].map(|place| names[place].clone());
        assert_eq!(left, {
            let mut kept = kept.to_vec();
            kept.sort_unstable();
            kept
        });
        assert_eq!(one.training.forget(now.plus_ms(DAY_MS)).await.unwrap(), 1, "its time is over");
    }
}
