//! Keeps the candidate index true: built from the stores at start, then a follower of the change log.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::account::Account;
use crate::domain::catalog::{Product, Variant};
use crate::domain::change::Change;
use crate::domain::clip::Clip;
use crate::domain::id::{AccountId, ClipId, ProductId, VariantId};
use crate::domain::limits::CHANGES_KEPT_MAX;
use crate::domain::stock::StockLevel;
use crate::feed::fold::take_in;
use crate::feed::index::SharedIndex;
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::counters::CounterStore;
use crate::ports::error::StoreError;
use crate::ports::inventory::InventoryStore;
use crate::ports::ranking_steps::{RankingStep, RankingSteps};
use crate::services::accounts::Accounts;
use crate::services::engagement::Engagement;
use crate::services::shelf_cache::ShelfCache;
use crate::services::training::Training;
use crate::services::viewers::Viewers;

/// Clips per step of a rebuild.
const REBUILD_CLIPS: usize = 500;
/// Changes per step.
const CHANGES: usize = 500;

/// What the index is made from.
#[derive(Clone)]
pub struct IndexingPorts {
    /// Clips.
    pub clips: Arc<dyn ClipStore>,
    /// Products.
    pub catalog: Arc<dyn CatalogStore>,
    /// Stock.
    pub inventory: Arc<dyn InventoryStore>,
    /// Snapshots of counters.
    pub counters: Arc<dyn CounterStore>,
    /// The history of the ranking's state.
    pub steps: Arc<dyn RankingSteps>,
    /// What changed.
    pub changes: Arc<dyn ChangeLog>,
    /// What this node keeps of products and accounts, if it does.
    pub shelf: Option<Arc<ShelfCache>>,
}

/// Builds and feeds the index.
pub struct Indexing {
    ports: IndexingPorts,
    accounts: Arc<Accounts>,
    viewers: Arc<Viewers>,
    engagement: Arc<Engagement>,
    training: Arc<Training>,
    index: SharedIndex,
    /// The offset of the change log that is taken in.
    applied: AtomicU64,
}

impl Indexing {
    /// Over an index that is still empty.
    pub fn new(
        ports: IndexingPorts,
        accounts: Arc<Accounts>,
        (viewers, engagement): (Arc<Viewers>, Arc<Engagement>),
        training: Arc<Training>,
        index: SharedIndex,
    ) -> Self {
        let applied = AtomicU64::new(0);
        Self { ports, accounts, viewers, engagement, training, index, applied }
    }

    /// Builds the index; answers how many clips are in it. Call it once, before serving.
    pub async fn rebuild(&self) -> Result<usize, StoreError> {
        // What changes from here on is read again from the log: twice does no harm.
        let head = self.ports.changes.head().await?;
        let mut after = None;
        let mut counted = None;
        self.step(&RankingStep::Filling);
        loop {
            let clips = self.ports.clips.published(after, REBUILD_CLIPS).await?;
            let Some(last) = clips.last() else { break };
            after = Some(last.id);
            // Many clips show one product: it is read once, and its changes come with the log.
            let unknown = |id: &ProductId| !self.index.read().knows_product(*id);
            let tagged = clips.iter().flat_map(|clip| clip.tags.iter().map(|tag| tag.product));
            let products: BTreeSet<ProductId> = tagged.filter(unknown).collect();
            self.take_products(&products.into_iter().collect::<Vec<_>>()).await?;
            self.put_clips(&clips).await?;
            let ids: Vec<ClipId> = clips.iter().map(|clip| clip.id).collect();
            let (offset, rows) = self.ports.counters.load(counted, &ids).await?;
            counted = Some(offset);
            for row in rows {
                self.step(&RankingStep::Counted(row.clip, row.counters, row.heat));
            }
        }
        self.step(&RankingStep::Filled(counted.unwrap_or(0)));
        self.training.begin().await?;
        self.engagement.catch_up().await?;
        self.applied.store(head, Ordering::Release);
        self.catch_up().await?;
        Ok(self.index.read().len())
    }

    /// Takes one step into the index and notes it: both under one lock, so that no page comes between.
    fn step(&self, step: &RankingStep) {
        let mut index = self.index.write();
        self.ports.steps.note(index.applied(), step);
        take_in(&mut index, step, None);
    }

    /// Puts clips in, with their products as they stand.
    async fn take_clips(&self, clips: &[Clip]) -> Result<(), StoreError> {
        let tagged = clips.iter().flat_map(|clip| clip.tags.iter().map(|tag| tag.product));
        let products: BTreeSet<ProductId> = tagged.collect();
        self.take_products(&products.into_iter().collect::<Vec<_>>()).await?;
        self.put_clips(clips).await
    }

    /// Puts clips in, with creators that the index does not know.
    async fn put_clips(&self, clips: &[Clip]) -> Result<(), StoreError> {
        let creators: BTreeSet<AccountId> = clips.iter().map(|clip| clip.creator).collect();
        let mut accounts: Vec<Account> = Vec::new();
        for creator in creators {
            if !self.index.read().knows_creator(creator) {
                accounts.push(self.accounts.get(creator).await?);
            }
        }
        {
            let mut index = self.index.write();
            for account in &accounts {
                index.set_creator(account);
            }
        }
        for clip in clips {
            self.step(&RankingStep::Clip(Box::new(clip.clone())));
        }
        Ok(())
    }

    async fn take_products(&self, ids: &[ProductId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let products: Vec<Product> = self.ports.catalog.get_many(ids).await?;
        let variants: Vec<VariantId> = products
            .iter()
            .flat_map(|product| product.variants.iter().map(|variant| variant.id))
            .collect();
        let levels = self.ports.inventory.levels(&variants).await?;
        let available: HashMap<VariantId, u32> =
            variants.into_iter().zip(levels.iter().map(StockLevel::available)).collect();
        for product in products {
            let units =
                |variant: &Variant| (variant.id, available.get(&variant.id).copied().unwrap_or(0));
            let units = product.variants.iter().map(units).collect();
            self.step(&RankingStep::Product(Box::new(product), units));
        }
        Ok(())
    }

    /// Takes in what changed since the last call; answers how many changes.
    pub async fn catch_up(&self) -> Result<usize, StoreError> {
        let outcome = self.read_to_the_end().await;
        self.engagement.note_changes(outcome.is_ok());
        outcome
    }

    async fn read_to_the_end(&self) -> Result<usize, StoreError> {
        let mut taken = 0;
        loop {
            let after = self.applied.load(Ordering::Acquire);
            let changes = self.ports.changes.read(after, CHANGES).await?;
            let (Some(&(first, _)), Some(&(last, _))) = (changes.first(), changes.last()) else {
                return Ok(taken);
            };
            if first > after + 1 {
                return Err(StoreError::Corrupt {
                    table: "changes",
                    key: after.to_string(),
                    detail: "the next changes are forgotten; a restart builds the index anew"
                        .into(),
                });
            }
            self.take_changes(changes.iter().map(|(_, change)| *change)).await?;
            taken += changes.len();
            self.applied.fetch_max(last, Ordering::AcqRel);
        }
    }

    /// The newest state is read for each thing once, however often it changed.
    async fn take_changes(&self, changes: impl Iterator<Item = Change>) -> Result<(), StoreError> {
        let mut clips = BTreeSet::new();
        let mut products = BTreeSet::new();
        let mut accounts = BTreeSet::new();
        for change in changes {
            if let Some(shelf) = &self.ports.shelf {
                shelf.forget(&change);
            }
            match change {
                Change::ClipPublished(id) | Change::ClipRemoved(id) => drop(clips.insert(id)),
                Change::ProductChanged(id) | Change::StockChanged(id) => drop(products.insert(id)),
                Change::AccountChanged(id) => drop(accounts.insert(id)),
            }
        }
        self.take_products(&products.into_iter().collect::<Vec<_>>()).await?;
        for id in accounts {
            self.viewers.refresh(id).await?;
            if self.index.read().knows_creator(id) {
                let account = self.accounts.get(id).await?;
                self.index.write().set_creator(&account);
            }
        }
        let mut present = Vec::new();
        for id in clips {
            match self.ports.clips.get(id).await? {
                Some(clip) if clip.published().is_some() => present.push(clip),
                Some(_) | None => self.step(&RankingStep::Gone(id)),
            }
        }
        self.take_clips(&present).await
    }

    /// Forgets at most `limit` of the oldest changes, which every index has taken in long ago; answers how
    /// many.
    pub async fn trim_changes(&self, limit: usize) -> Result<usize, StoreError> {
        self.ports.changes.trim(CHANGES_KEPT_MAX, limit).await
    }

    /// Waits until there may be something to take in.
    pub async fn wait(&self) {
        self.ports.changes.wait(self.applied.load(Ordering::Acquire)).await;
    }

    /// The offset of the change log that is taken in.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Changes that are not taken in yet.
    pub async fn lag(&self) -> Result<u64, StoreError> {
        let head = self.ports.changes.head().await?;
        Ok(head.saturating_sub(self.applied.load(Ordering::Acquire)))
    }

    /// Makes the counters durable, so that a start replays only what came after; answers how many clips
    /// changed since the last call.
    pub async fn snapshot(&self) -> Result<usize, StoreError> {
        let (offset, rows) = {
            let mut index = self.index.write();
            (index.counted(), index.drain_dirty())
        };
        if rows.is_empty() {
            return Ok(0);
        }
        let clips: Vec<ClipId> = rows.iter().map(|row| row.clip).collect();
        let saved = self.ports.counters.save(offset, rows).await;
        if let Err(error) = saved {
            self.index.write().mark_dirty(clips.into_iter());
            return Err(error);
        }
        Ok(clips.len())
    }
}
