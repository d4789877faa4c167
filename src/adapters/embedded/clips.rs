//! Clips in redb.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{CLIPS, CLIPS_BY_CREATOR, CLIPS_PUBLISHED};
use crate::domain::account::Market;
use crate::domain::clip::{Clip, ClipFailure, ClipMedia, ClipState};
use crate::domain::id::{AccountId, ClipId, ProductId, TagId, UploadId, VariantId};
use crate::domain::tag::{Hotspot, ProductTag};
use crate::domain::time::Timestamp;
use crate::ports::clips::ClipStore;
use crate::ports::error::StoreError;

#[derive(Serialize, Deserialize)]
struct ClipRow {
    creator: u128,
    upload: u128,
    caption: String,
    tags: Vec<TagRow>,
    markets: Vec<String>,
    state: StateRow,
    created_at_ms: i64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct TagRow {
    id: u128,
    product: u128,
    variant: Option<u128>,
    start_ms: u32,
    end_ms: u32,
    hotspot: Option<(u16, u16)>,
}

#[derive(Serialize, Deserialize)]
enum StateRow {
    Processing {
        progress_permille: u16,
    },
    Ready {
        prefix: String,
        duration_ms: u32,
        width: u32,
        height: u32,
        has_storyboard: bool,
        published_at_ms: i64,
    },
    Failed {
        code: String,
        detail: String,
        at_ms: i64,
    },
    Removed {
        at_ms: i64,
    },
}

impl From<&Clip> for ClipRow {
    fn from(clip: &Clip) -> Self {
        Self {
            creator: clip.creator.bits(),
            upload: clip.upload.bits(),
            caption: clip.caption.clone(),
            tags: clip.tags.iter().map(TagRow::from).collect(),
            markets: clip.markets.iter().map(|market| market.code().to_owned()).collect(),
            state: StateRow::from(&clip.state),
            created_at_ms: clip.created_at.unix_ms(),
            version: clip.version,
        }
    }
}

impl From<&ProductTag> for TagRow {
    fn from(tag: &ProductTag) -> Self {
        Self {
            id: tag.id.bits(),
            product: tag.product.bits(),
            variant: tag.variant.map(VariantId::bits),
            start_ms: tag.start_ms,
            end_ms: tag.end_ms,
            hotspot: tag.hotspot.map(|spot| (spot.x, spot.y)),
        }
    }
}

impl From<TagRow> for ProductTag {
    fn from(row: TagRow) -> Self {
        Self {
            id: TagId::from_bits(row.id),
            product: ProductId::from_bits(row.product),
            variant: row.variant.map(VariantId::from_bits),
            start_ms: row.start_ms,
            end_ms: row.end_ms,
            hotspot: row.hotspot.map(|(x, y)| Hotspot { x, y }),
        }
    }
}

impl From<&ClipState> for StateRow {
    fn from(state: &ClipState) -> Self {
        match state {
            ClipState::Processing { progress_permille } => {
                Self::Processing { progress_permille: *progress_permille }
            }
            ClipState::Ready { media, published_at } => Self::Ready {
                prefix: media.prefix.clone(),
                duration_ms: media.duration_ms,
                width: media.width,
                height: media.height,
                has_storyboard: media.has_storyboard,
                published_at_ms: published_at.unix_ms(),
            },
            ClipState::Failed { failure, at } => Self::Failed {
                code: failure.code.clone(),
                detail: failure.detail.clone(),
                at_ms: at.unix_ms(),
            },
            ClipState::Removed { at } => Self::Removed { at_ms: at.unix_ms() },
        }
    }
}

impl From<StateRow> for ClipState {
    fn from(row: StateRow) -> Self {
        match row {
            StateRow::Processing { progress_permille } => Self::Processing { progress_permille },
            StateRow::Ready {
                prefix,
                duration_ms,
                width,
                height,
                has_storyboard,
                published_at_ms,
            } => Self::Ready {
                media: ClipMedia { prefix, duration_ms, width, height, has_storyboard },
                published_at: Timestamp::from_unix_ms(published_at_ms),
            },
            StateRow::Failed { code, detail, at_ms } => Self::Failed {
                failure: ClipFailure { code, detail },
                at: Timestamp::from_unix_ms(at_ms),
            },
            StateRow::Removed { at_ms } => Self::Removed { at: Timestamp::from_unix_ms(at_ms) },
        }
    }
}

fn clip(id: ClipId, bytes: &[u8]) -> Result<Clip, StoreError> {
    let row: ClipRow = decode("clips", id, bytes)?;
    let markets: Option<Vec<Market>> = row.markets.iter().map(|code| Market::new(code)).collect();
    Ok(Clip {
        id,
        creator: AccountId::from_bits(row.creator),
        upload: UploadId::from_bits(row.upload),
        caption: row.caption,
        tags: row.tags.into_iter().map(ProductTag::from).collect(),
        markets: markets.ok_or_else(|| corrupt("clips", id, "market"))?,
        state: row.state.into(),
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        version: row.version,
    })
}

/// The clips of `ids`; an id in a list without its row is damage.
fn clips(txn: &ReadTransaction, ids: &[u128]) -> Result<Vec<Clip>, StoreError> {
    let table = txn.open_table(CLIPS).map_err(io)?;
    let row = |&bits: &u128| {
        let id = ClipId::from_bits(bits);
        let found = table.get(bits).map_err(io)?;
        let found = found.ok_or_else(|| corrupt("clips", id, "listed but missing"))?;
        clip(id, found.value())
    };
    ids.iter().map(row).collect()
}

#[async_trait]
impl ClipStore for Embedded {
    async fn get(&self, id: ClipId) -> Result<Option<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            found.map(|row| clip(id, row.value())).transpose()
        })
    }

    async fn put(&self, new: &Clip) -> Result<(), StoreError> {
        let new = new.clone();
        self.write(move |txn| {
            let mut table = txn.open_table(CLIPS).map_err(io)?;
            let found = table.get(new.id.bits()).map_err(io)?;
            let stored = found.map(|row| clip(new.id, row.value())).transpose()?;
            if stored.map_or(0, |stored| stored.version) + 1 != new.version {
                return Err(StoreError::Conflict);
            }
            let row = encode(&ClipRow::from(&new));
            table.insert(new.id.bits(), row.as_slice()).map_err(io)?;
            let mut by_creator = txn.open_table(CLIPS_BY_CREATOR).map_err(io)?;
            let listed = (new.creator.bits(), new.id.bits());
            if matches!(new.state, ClipState::Removed { .. }) {
                by_creator.remove(listed).map_err(io)?;
            } else {
                by_creator.insert(listed, ()).map_err(io)?;
            }
            let mut published = txn.open_table(CLIPS_PUBLISHED).map_err(io)?;
            if new.published().is_some() {
                published.insert(new.id.bits(), ()).map_err(io)?;
            } else {
                published.remove(new.id.bits()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    async fn by_creator(
        &self,
        creator: AccountId,
        before: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS_BY_CREATOR).map_err(io)?;
            let end = before.map_or(u128::MAX, ClipId::bits);
            let range = (creator.bits(), 0)..(creator.bits(), end);
            let mut ids = Vec::new();
            for entry in table.range(range).map_err(io)?.rev().take(limit) {
                ids.push(entry.map_err(io)?.0.value().1);
            }
            clips(txn, &ids)
        })
    }

    async fn published(
        &self,
        after: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS_PUBLISHED).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let mut ids = Vec::new();
            for entry in table.range(start..).map_err(io)?.take(limit) {
                ids.push(entry.map_err(io)?.0.value());
            }
            clips(txn, &ids)
        })
    }
}
