//! Clips from the creator's side: naming an upload, tagging products, taking down.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::account::{Account, Market};
use crate::domain::catalog::Product;
use crate::domain::change::Change;
use crate::domain::clip::{Clip, ClipEvent, ClipState};
use crate::domain::id::{AccountId, ClipId, JobId, ProductId, TagId, UploadId, VariantId};
use crate::domain::job::JobKind;
use crate::domain::limits::TAGS_PER_CLIP_MAX;
use crate::domain::tag::{Hotspot, ProductTag};
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::jobs::JobQueue;
use crate::ports::signer::Signer;
use crate::services::accounts::Accounts;
use crate::services::cursor::{self, CursorError, Page};
use crate::services::uploads::{Uploads, UploadsError};

/// Why a clip cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClipsError {
    /// None of that id, or not for this caller.
    #[error("there is no such clip")]
    NotFound,
    /// The product of a tag does not exist or is off the shelf.
    #[error("there is no product `{0}` on sale")]
    NoSuchProduct(ProductId),
    /// The merchant has no such product on the shelf.
    #[error("you have no product `{0}` on sale")]
    NotTheirs(ProductId),
    /// The variant is not one of the product's.
    #[error("`{variant}` is not a variant of `{product}`")]
    NoSuchVariant {
        /// The product.
        product: ProductId,
        /// The variant.
        variant: VariantId,
    },
    /// The clip has as many tags as it may have.
    #[error("a clip has at most {TAGS_PER_CLIP_MAX} product tags")]
    TooManyTags,
    /// A tag starts after the clip's end.
    #[error("the tag starts at {start_ms} ms, but the clip ends at {duration_ms} ms")]
    TagBeyondEnd {
        /// Which of the list.
        index: usize,
        /// Its start.
        start_ms: u32,
        /// The clip's length.
        duration_ms: u32,
    },
    /// The edit was made for another version.
    #[error("the clip is now at version {0}")]
    VersionMismatch(u64),
    /// The cursor is not one of this list's.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The upload cannot be used.
    #[error(transparent)]
    Upload(#[from] UploadsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A tag as a creator asks for it.
#[derive(Clone, Debug)]
pub struct NewTag {
    /// What is shown.
    pub product: ProductId,
    /// The very variant, if any.
    pub variant: Option<VariantId>,
    /// First millisecond.
    pub start_ms: u32,
    /// From this millisecond on it is gone; above `start_ms`.
    pub end_ms: u32,
    /// Where in the picture.
    pub hotspot: Option<Hotspot>,
}

/// What a creator says about a new clip.
#[derive(Clone, Debug)]
pub struct NewClip {
    /// A complete upload of the creator's own.
    pub upload: UploadId,
    /// The words under it.
    pub caption: String,
    /// Products in it.
    pub tags: Vec<NewTag>,
    /// Where it may be shown; empty means everywhere.
    pub markets: Vec<Market>,
}

/// A change of a clip's description; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ClipEdit {
    /// The words under it.
    pub caption: Option<String>,
    /// Where it may be shown.
    pub markets: Option<Vec<Market>>,
    /// The whole list of tags.
    pub tags: Option<Vec<NewTag>>,
}

/// A clip with who made it.
#[derive(Clone, Debug)]
pub struct ClipDetail {
    /// The clip.
    pub clip: Clip,
    /// Its creator.
    pub creator: Account,
}

/// Keeps clips for their creators.
pub struct Clips {
    store: Arc<dyn ClipStore>,
    catalog: Arc<dyn CatalogStore>,
    jobs: Arc<dyn JobQueue>,
    changes: Arc<dyn ChangeLog>,
    accounts: Arc<Accounts>,
    uploads: Arc<Uploads>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    signer: Arc<dyn Signer>,
}

/// The ports behind [`Clips`].
pub struct ClipPorts {
    /// Clips.
    pub store: Arc<dyn ClipStore>,
    /// Products, to check tags against.
    pub catalog: Arc<dyn CatalogStore>,
    /// Where transcodes are queued.
    pub jobs: Arc<dyn JobQueue>,
    /// Where the feed hears of it.
    pub changes: Arc<dyn ChangeLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids.
    pub entropy: Arc<dyn Entropy>,
    /// Signs cursors.
    pub signer: Arc<dyn Signer>,
}

/// The job that makes a clip's media; its id follows from the clip, so asking twice queues once.
pub fn transcode_job(clip: ClipId) -> JobId {
    JobId::derived(clip.bits())
}

/// The job that removes a clip's media.
pub fn purge_job(clip: ClipId) -> JobId {
    JobId::derived(!clip.bits())
}

impl Clips {
    /// Takes the ports and the two services it builds on.
    pub fn new(ports: ClipPorts, accounts: Arc<Accounts>, uploads: Arc<Uploads>) -> Self {
        let ClipPorts { store, catalog, jobs, changes, clock, entropy, signer } = ports;
        Self { store, catalog, jobs, changes, accounts, uploads, clock, entropy, signer }
    }

    /// Makes a clip of an upload. A repeat for the same upload answers the first clip, so a lost answer
    /// costs nothing.
    pub async fn create(&self, creator: AccountId, new: NewClip) -> Result<ClipDetail, ClipsError> {
        self.check_products(&new.tags).await?;
        let now = self.clock.now();
        let fresh = ClipId::new(now, self.entropy.bits());
        let id = self.uploads.bind(creator, new.upload, fresh).await?;
        if let Some(first) = self.store.get(id).await? {
            return self.first_made(first).await;
        }
        let clip = Clip {
            id,
            creator,
            upload: new.upload,
            caption: new.caption,
            tags: self.tags(new.tags),
            markets: new.markets,
            state: ClipState::Processing { progress_permille: 0 },
            created_at: now,
            version: 1,
        };
        // The job comes first: if we die here, the worker finds no clip yet and tries again later,
        // and the creator's retry writes it. The other way round a clip could wait for ever.
        self.jobs.enqueue(transcode_job(id), JobKind::Transcode(id), now).await?;
        match self.store.put(&clip).await {
            Ok(()) => {
                if id != fresh {
                    // An earlier request died in between, and its job may be gone by now.
                    self.jobs.enqueue(transcode_job(id), JobKind::Transcode(id), now).await?;
                }
                self.detail(clip).await
            }
            Err(StoreError::Conflict) => {
                let first = self.store.get(id).await?.ok_or(ClipsError::NotFound)?;
                self.first_made(first).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The clip that an upload was made into before, unless it was taken down: the upload went with it.
    async fn first_made(&self, first: Clip) -> Result<ClipDetail, ClipsError> {
        if first.is_removed() {
            return Err(UploadsError::Used.into());
        }
        self.detail(first).await
    }

    /// The clip, for anybody if it plays, for its creator in any state but removed.
    pub async fn get(&self, caller: AccountId, id: ClipId) -> Result<ClipDetail, ClipsError> {
        let clip = self.store.get(id).await?.ok_or(ClipsError::NotFound)?;
        match &clip.state {
            ClipState::Ready { .. } => self.detail(clip).await,
            ClipState::Processing { .. } | ClipState::Failed { .. } if clip.creator == caller => {
                self.detail(clip).await
            }
            ClipState::Processing { .. } | ClipState::Failed { .. } | ClipState::Removed { .. } => {
                Err(ClipsError::NotFound)
            }
        }
    }

    /// The caller's own clips, newest first.
    pub async fn own(
        &self,
        creator: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Account, Page<Clip>), ClipsError> {
        let list = format!("clips {creator}");
        let last = cursor.map(|cursor| cursor::verify(&*self.signer, &list, cursor)).transpose()?;
        let before = last.map(ClipId::from_bits);
        let clips = self.store.by_creator(creator, before, limit + 1).await?;
        let page = Page::cut(clips, limit, &*self.signer, &list, |clip| clip.id.bits());
        Ok((self.accounts.get(creator).await?, page))
    }

    /// Edits the caller's own clip, if its version is among `expected` (or nothing is expected).
    pub async fn edit(
        &self,
        creator: AccountId,
        id: ClipId,
        expected: Option<&[u64]>,
        edit: ClipEdit,
    ) -> Result<ClipDetail, ClipsError> {
        self.check_products(edit.tags.as_deref().unwrap_or_default()).await?;
        let tags = edit.tags.map(|tags| self.tags(tags));
        let clip = self
            .update(id, |clip| {
                if clip.creator != creator || clip.is_removed() {
                    return Err(ClipsError::NotFound);
                }
                if expected.is_some_and(|expected| !expected.contains(&clip.version)) {
                    return Err(ClipsError::VersionMismatch(clip.version));
                }
                if let (Some((media, _)), Some(tags)) = (clip.published(), &tags) {
                    check_starts(tags, media.duration_ms)?;
                }
                clip.caption = edit.caption.clone().unwrap_or_else(|| clip.caption.clone());
                clip.markets = edit.markets.clone().unwrap_or_else(|| clip.markets.clone());
                clip.tags = tags.clone().unwrap_or_else(|| clip.tags.clone());
                Ok(())
            })
            .await?;
        self.tell(&clip).await?;
        self.detail(clip).await
    }

    /// Shows a merchant's product over the whole of someone's clip: what `PUT
    /// /v1/products/{id}/clips/{clip_id}` asks for. Linked twice is linked once.
    pub async fn link(
        &self,
        merchant: AccountId,
        product: ProductId,
        id: ClipId,
    ) -> Result<ClipDetail, ClipsError> {
        let missing = ClipsError::NotTheirs(product);
        let found = self.catalog.get(product).await?.filter(|found| found.merchant == merchant);
        found.filter(|found| found.active).ok_or(missing)?;
        let tag = TagId::new(self.clock.now(), self.entropy.bits());
        let clip = self
            .update(id, |clip| {
                let (media, _) = clip.published().ok_or(ClipsError::NotFound)?;
                let end_ms = media.duration_ms;
                if clip.tags.iter().any(|tag| tag.product == product) {
                    return Ok(());
                }
                if clip.tags.len() >= TAGS_PER_CLIP_MAX {
                    return Err(ClipsError::TooManyTags);
                }
                let whole = ProductTag {
                    id: tag,
                    product,
                    variant: None,
                    start_ms: 0,
                    end_ms,
                    hotspot: None,
                };
                clip.tags.push(whole);
                Ok(())
            })
            .await?;
        self.tell(&clip).await?;
        self.detail(clip).await
    }

    /// Takes the caller's own clip down. Taken down twice is taken down once.
    pub async fn remove(&self, creator: AccountId, id: ClipId) -> Result<(), ClipsError> {
        let now = self.clock.now();
        let clip = self
            .update(id, |clip| {
                if clip.creator != creator {
                    return Err(ClipsError::NotFound);
                }
                let removed = clip.state.clone().apply(ClipEvent::Removed { at: now });
                clip.state = removed.unwrap_or_else(|_| clip.state.clone());
                Ok(())
            })
            .await?;
        self.changes.append(&[Change::ClipRemoved(clip.id)]).await?;
        self.jobs.enqueue(purge_job(id), JobKind::Purge(id), now).await?;
        Ok(())
    }

    /// Applies `change` and writes the clip back; repeats when someone else was faster.
    async fn update(
        &self,
        id: ClipId,
        change: impl Fn(&mut Clip) -> Result<(), ClipsError>,
    ) -> Result<Clip, ClipsError> {
        loop {
            let before = self.store.get(id).await?.ok_or(ClipsError::NotFound)?;
            let mut clip = before.clone();
            change(&mut clip)?;
            if clip == before {
                return Ok(clip);
            }
            clip.version += 1;
            match self.store.put(&clip).await {
                Ok(()) => return Ok(clip),
                // Each lost race means that another write went through: the loop ends.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tells the feed, if the clip is one that it shows.
    async fn tell(&self, clip: &Clip) -> Result<(), StoreError> {
        if clip.published().is_some() {
            self.changes.append(&[Change::ClipPublished(clip.id)]).await?;
        }
        Ok(())
    }

    async fn detail(&self, clip: Clip) -> Result<ClipDetail, ClipsError> {
        let creator = self.accounts.get(clip.creator).await?;
        Ok(ClipDetail { clip, creator })
    }

    fn tags(&self, tags: Vec<NewTag>) -> Vec<ProductTag> {
        let now = self.clock.now();
        let named = |tag: NewTag| ProductTag {
            id: TagId::new(now, self.entropy.bits()),
            product: tag.product,
            variant: tag.variant,
            start_ms: tag.start_ms,
            end_ms: tag.end_ms,
            hotspot: tag.hotspot,
        };
        tags.into_iter().map(named).collect()
    }

    /// Every tagged product is on sale and has the tagged variant.
    async fn check_products(&self, tags: &[NewTag]) -> Result<(), ClipsError> {
        let ids: HashSet<ProductId> = tags.iter().map(|tag| tag.product).collect();
        let ids: Vec<ProductId> = ids.into_iter().collect();
        let found = if ids.is_empty() { Vec::new() } else { self.catalog.get_many(&ids).await? };
        for tag in tags {
            let on_sale = |product: &&Product| product.id == tag.product && product.active;
            let product = found.iter().find(on_sale);
            let product = product.ok_or(ClipsError::NoSuchProduct(tag.product))?;
            if let Some(variant) = tag.variant
                && product.variant(variant).is_none()
            {
                return Err(ClipsError::NoSuchVariant { product: product.id, variant });
            }
        }
        Ok(())
    }
}

fn check_starts(tags: &[ProductTag], duration_ms: u32) -> Result<(), ClipsError> {
    match tags.iter().position(|tag| tag.start_ms >= duration_ms) {
        Some(index) => {
            let start_ms = tags[index].start_ms;
            Err(ClipsError::TagBeyondEnd { index, start_ms, duration_ms })
        }
        None => Ok(()),
    }
}
