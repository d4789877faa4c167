//! What the index holds of one clip: a hot row for ranking, a cold one for the page.

use crate::domain::clip::ClipMedia;
use crate::domain::id::{AccountId, ClipId, ProductId, TagId, VariantId};
use crate::domain::tag::{Hotspot, ProductTag};
use crate::domain::time::Timestamp;
use crate::ranking::order::mix;

/// Hashtags that the hot row holds.
pub const ROW_TAGS: usize = 4;
/// Products that the hot row holds; a clip with more has the rest in its cold row.
pub const ROW_PRODUCTS: usize = 3;

/// A creator, hashtag, category or product as a small number. Numbers are never reused.
pub type Entity = u32;
/// Merchants that are known of a clip: it usually shows the products of one.
pub const CLIP_MERCHANTS: usize = 2;
/// No entity.
pub const NONE: Entity = u32::MAX;

/// All products are sold out.
pub const SOLD_OUT: u8 = 1;
/// It has tags, and none of the products is on the shelf any more.
pub const UNSELLABLE: u8 = 2;
/// It has at least one product on the shelf.
pub const SHOPPABLE: u8 = 4;

/// What tells a clip from others wherever 64 bits suffice: a mix of its id, never 0.
pub fn clip_key(id: ClipId) -> u64 {
    mix((id.bits() >> 64) as u64 ^ mix(id.bits() as u64)).max(1)
}

/// What ranking reads of a clip: one cache line, since a page touches hundreds of rows in no order
/// and each line costs a trip to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct ClipRow {
    /// [`clip_key`]; 0 marks a free row.
    pub key: u64,
    /// When it was published, Unix milliseconds.
    pub published_ms: i64,
    /// Whose it is.
    pub creator: Entity,
    /// The category of its first product.
    pub category: Entity,
    /// Hashtags, then [`NONE`].
    pub tags: [Entity; ROW_TAGS],
    /// Products, then [`NONE`].
    pub products: [Entity; ROW_PRODUCTS],
    /// Length of the clip.
    pub duration_ms: u32,
    /// Index of the set of markets it may be shown in; 0 means everywhere.
    pub market_set: u16,
    /// Impressions or views of late, whichever are more, for the exploration budget.
    pub tries: u16,
    /// [`SOLD_OUT`], [`UNSELLABLE`], [`SHOPPABLE`].
    pub flags: u8,
    /// Products in all; those beyond [`ROW_PRODUCTS`] stand in the cold row.
    pub product_count: u8,
}

const _: () = assert!(size_of::<ClipRow>() == 64, "a hot row is one cache line");

impl ClipRow {
    /// A free row.
    pub const FREE: Self = Self {
        key: 0,
        published_ms: 0,
        creator: NONE,
        category: NONE,
        tags: [NONE; ROW_TAGS],
        products: [NONE; ROW_PRODUCTS],
        duration_ms: 0,
        market_set: 0,
        tries: 0,
        flags: 0,
        product_count: 0,
    };

    /// The products that the row holds.
    pub fn row_products(&self) -> &[Entity] {
        &self.products[..usize::from(self.product_count).min(ROW_PRODUCTS)]
    }

    /// The hashtags.
    pub fn row_tags(&self) -> impl Iterator<Item = Entity> {
        self.tags.into_iter().take_while(|tag| *tag != NONE)
    }

    /// Everything a viewer's taste may attach to.
    pub fn entities(&self) -> impl Iterator<Item = Entity> {
        self.places().into_iter().filter(|entity| *entity != NONE)
    }

    /// The places of [`Self::entities`], some of them [`NONE`].
    #[inline]
    pub fn places(&self) -> [Entity; 2 + ROW_TAGS + ROW_PRODUCTS] {
        let [tag, tag_2, tag_3, tag_4] = self.tags;
        let [product, product_2, product_3] = self.products;
        [self.creator, self.category, tag, tag_2, tag_3, tag_4, product, product_2, product_3]
    }

    /// When it was published.
    pub fn published_at(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.published_ms)
    }
}

/// One product tag. Its ids are written out when it is shown: as text they would take more memory than
/// everything that ranking reads.
#[derive(Debug)]
pub(super) struct TagPiece {
    /// Ids in halves, high and low: so the piece needs no padding.
    id: (u64, u64),
    variant: (u64, u64),
    /// What is tagged.
    pub product: Entity,
    pub start_ms: u32,
    pub end_ms: u32,
    spot: Option<Hotspot>,
}

const _: () = assert!(size_of::<TagPiece>() == 56);

fn halves(bits: u128) -> (u64, u64) {
    ((bits >> 64) as u64, bits as u64)
}

fn whole((high, low): (u64, u64)) -> u128 {
    (u128::from(high) << 64) | u128::from(low)
}

impl TagPiece {
    pub(super) fn new(tag: &ProductTag, product: Entity) -> Self {
        Self {
            id: halves(tag.id.bits()),
            variant: halves(tag.variant.map_or(0, VariantId::bits)),
            product,
            start_ms: tag.start_ms,
            end_ms: tag.end_ms,
            spot: tag.hotspot,
        }
    }

    pub(super) fn id(&self) -> TagId {
        TagId::from_bits(whole(self.id))
    }

    pub(super) fn variant(&self) -> Option<VariantId> {
        let bits = whole(self.variant);
        (bits != 0).then(|| VariantId::from_bits(bits))
    }

    pub(super) fn hotspot(&self) -> Option<Hotspot> {
        self.spot
    }
}

/// The prefix of a clip's objects. It is long, and nearly all of it follows from the clip.
#[derive(Debug)]
pub(super) enum MediaPrefix {
    /// That of an attempt.
    OfAttempt(u32),
    /// Any other.
    Written(Box<str>),
}

impl MediaPrefix {
    pub(super) fn new(clip: ClipId, prefix: &str) -> Self {
        let attempt = prefix.rsplit('/').next().and_then(|word| word.parse().ok());
        attempt
            .filter(|&attempt| ClipMedia::prefix_of(clip, u64::from(attempt)) == prefix)
            .map_or_else(|| Self::Written(prefix.into()), Self::OfAttempt)
    }

    pub(super) fn text(&self, clip: ClipId) -> String {
        match self {
            Self::OfAttempt(attempt) => ClipMedia::prefix_of(clip, u64::from(*attempt)),
            Self::Written(prefix) => prefix.to_string(),
        }
    }
}

/// What only the page needs of a clip.
#[derive(Debug)]
pub(super) struct ColdRow {
    /// Who it is.
    pub id: ClipId,
    /// Whose it is.
    pub creator: AccountId,
    /// The product of a clip that shows exactly one; all zeros otherwise.
    pub only_product: ProductId,
    /// The caption as JSON.
    pub caption: Box<str>,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Whether there is a storyboard.
    pub has_storyboard: bool,
    /// The objects' prefix.
    pub media: MediaPrefix,
    /// Tags in their order.
    pub tags: Box<[TagPiece]>,
    /// Products beyond those of the hot row.
    pub more_products: Box<[Entity]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_given_back_as_it_was() {
        let clip = ClipId::from_bits(7);
        let usual = ClipMedia::prefix_of(clip, 3);
        for prefix in
            [&usual, "clips/x/1", &format!("{usual}9999999999"), "", &format!("{usual}/03")]
        {
            assert_eq!(MediaPrefix::new(clip, prefix).text(clip), *prefix);
        }
        assert!(matches!(MediaPrefix::new(clip, &usual), MediaPrefix::OfAttempt(3)));
    }
}
