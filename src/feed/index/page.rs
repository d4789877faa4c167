//! A clip's part of a page: written when it is shown, from what the index holds of it. Whole text, made when a
//! clip is indexed, would be copied at once, but take 170 bytes more of every clip.

use crate::domain::clip::{Clip, ClipMedia};
use crate::domain::id::{AccountId, ProductId};
use crate::feed::index::Index;
use crate::feed::index::rows::{ColdRow, Entity, MediaPrefix, TagPiece};
use crate::feed::json;

/// The cold row of a published clip. `products` are the entities of its tags, in their order.
pub(super) fn cold_row(
    clip: &Clip,
    media: &ClipMedia,
    products: &[Entity],
    more_products: &[Entity],
) -> ColdRow {
    let tags = clip.tags.iter().zip(products);
    ColdRow {
        id: clip.id,
        creator: clip.creator,
        only_product: only_product(clip),
        caption: json::text(&clip.caption).into(),
        size: (media.width, media.height),
        has_storyboard: media.has_storyboard,
        media: MediaPrefix::new(clip.id, &media.prefix),
        tags: tags.map(|(tag, &product)| TagPiece::new(tag, product)).collect(),
        more_products: more_products.into(),
    }
}

fn only_product(clip: &Clip) -> ProductId {
    let none = ProductId::from_bits(0);
    let Some(first) = clip.tags.first() else { return none };
    let same = clip.tags.iter().all(|tag| tag.product == first.product);
    if same { first.product } else { none }
}

/// Writes from `{"id":` to `"card":`.
fn write_tag(piece: &TagPiece, product: ProductId, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":\"");
    json::write_id(piece.id(), out);
    out.extend_from_slice(b"\",\"product_id\":\"");
    json::write_id(product, out);
    match piece.variant() {
        Some(variant) => {
            out.extend_from_slice(b"\",\"variant_id\":\"");
            json::write_id(variant, out);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"\",\"variant_id\":null"),
    }
    out.extend_from_slice(b",\"start_ms\":");
    json::write_number(u64::from(piece.start_ms), out);
    out.extend_from_slice(b",\"end_ms\":");
    json::write_number(u64::from(piece.end_ms), out);
    out.extend_from_slice(b",\"hotspot\":");
    match piece.hotspot() {
        Some(spot) => json::write_hotspot(spot, out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"card\":");
}

impl Index {
    /// The prefix of a clip's objects.
    pub fn media_prefix(&self, ordinal: u32) -> String {
        let cold = self.cold[ordinal as usize].as_ref();
        cold.map_or_else(String::new, |cold| cold.media.text(cold.id))
    }

    /// Writes `"clip":{…},"product_tags":[…]` of a clip whose objects are fetched below `base`.
    pub fn write_clip(&self, ordinal: u32, base: &str, out: &mut Vec<u8>) {
        let Some(cold) = &self.cold[ordinal as usize] else { return };
        let row = self.row(ordinal);
        out.extend_from_slice(b"\"clip\":{\"id\":\"");
        json::write_id(cold.id, out);
        out.extend_from_slice(b"\",\"caption\":");
        out.extend_from_slice(cold.caption.as_bytes());
        out.extend_from_slice(b",\"creator\":");
        out.extend_from_slice(self.shelf.creator(row.creator).as_bytes());
        let mut number = |name: &[u8], value: u32| {
            out.extend_from_slice(name);
            json::write_number(u64::from(value), out);
        };
        number(b",\"duration_ms\":", row.duration_ms);
        number(b",\"width\":", cold.size.0);
        number(b",\"height\":", cold.size.1);
        out.extend_from_slice(b",\"published_at\":\"");
        json::write_instant(row.published_at(), out);
        out.extend_from_slice(b"\",\"playback\":");
        let mut url = |name: &[u8], file: &[u8], last: &[u8]| {
            out.extend_from_slice(name);
            out.extend_from_slice(base.as_bytes());
            out.extend_from_slice(file);
            out.extend_from_slice(last);
        };
        url(b"{\"hls_url\":\"", b"/master.m3u8\"", b"");
        if cold.has_storyboard {
            url(b",\"poster_url\":\"", b"/poster.jpg\"", b"");
            url(b",\"storyboard_url\":\"", b"/storyboard.jpg\"", b"}");
        } else {
            url(b",\"poster_url\":\"", b"/poster.jpg\"", b",\"storyboard_url\":null}");
        }
        let counters = self.counters(ordinal);
        let mut stat = |name: &[u8], value: u32| {
            out.extend_from_slice(name);
            json::write_number(u64::from(value), out);
        };
        stat(b",\"stats\":{\"plays\":", counters.plays);
        stat(b",\"likes\":", counters.likes);
        stat(b",\"shares\":", counters.shares);
        out.extend_from_slice(b"}},\"product_tags\":[");
        let mut first = true;
        for piece in &cold.tags {
            let Some(shelved) = self.shelf.products.get(&piece.product) else { continue };
            if !shelved.active {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write_tag(piece, shelved.id, out);
            shelved.write_card(piece.variant(), out);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// What a sale is credited to: the creator, and the product of a clip that shows exactly one; with
    /// several the tap decides.
    pub fn credit(&self, ordinal: u32) -> Option<(AccountId, Option<ProductId>)> {
        let cold = self.cold[ordinal as usize].as_ref()?;
        let product = (cold.only_product.bits() != 0).then_some(cold.only_product);
        Some((cold.creator, product))
    }
}
