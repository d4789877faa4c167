//! Clips with their tags.

use serde::{Deserialize, Serialize};

use crate::domain::clip::{Clip, ClipFailure, ClipMedia, ClipState};
use crate::domain::id::{AccountId, ClipId, ProductId, TagId, UploadId, VariantId};
use crate::domain::tag::{Hotspot, ProductTag};
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, market, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
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

impl From<&Clip> for Row {
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

/// The bytes of `clip`.
pub fn encode(clip: &Clip) -> Vec<u8> {
    to_bytes(&Row::from(clip))
}

/// The clip that these bytes are.
pub fn decode(id: ClipId, bytes: &[u8]) -> Result<Clip, Damaged> {
    let row: Row = from_bytes(bytes)?;
    Ok(Clip {
        id,
        creator: AccountId::from_bits(row.creator),
        upload: UploadId::from_bits(row.upload),
        caption: row.caption,
        tags: row.tags.into_iter().map(ProductTag::from).collect(),
        markets: row.markets.iter().map(|code| market(code)).collect::<Result<_, _>>()?,
        state: row.state.into(),
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        version: row.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Market;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back_in_every_state() {
        let at = Timestamp::from_unix_ms;
        let media = ClipMedia {
            prefix: "clips/x/1".into(),
            duration_ms: 8_000,
            width: 1_080,
            height: 1_920,
            has_storyboard: true,
        };
        let failure = ClipFailure { code: "encrypted".into(), detail: "It is encrypted.".into() };
        let states = [
            (0x8dd3_30e3_283c_97c9, ClipState::Processing { progress_permille: 450 }),
            (0x2552_370b_7895_2ef0, ClipState::Ready { media, published_at: at(9) }),
            (0xc5ae_73ca_1b07_6959, ClipState::Failed { failure, at: at(8) }),
            (0xad62_ad8f_9f20_a2f0, ClipState::Removed { at: at(-1) }),
        ];
        let tag = |variant, hotspot| ProductTag {
            id: TagId::from_bits(1),
            product: ProductId::from_bits(u128::MAX),
            variant,
            start_ms: 0,
            end_ms: u32::MAX,
            hotspot,
        };
        let spot = Hotspot { x: 10_000, y: 0 };
        for (pinned, state) in states {
            let clip = Clip {
                id: ClipId::from_bits(1),
                creator: AccountId::from_bits(2),
                upload: UploadId::from_bits(3),
                caption: "A lamp #oak \u{1f4a1}".into(),
                tags: vec![tag(None, None), tag(Some(VariantId::from_bits(3)), Some(spot))],
                markets: vec![Market::US, Market::new("DE").unwrap()],
                state,
                created_at: at(4),
                version: 5,
            };
            check(&clip, &encode(&clip), pinned, |bytes| decode(clip.id, bytes));
        }
    }
}
