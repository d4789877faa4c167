//! What the rest of the house tells the feed: entries of the ordered change log.

use crate::domain::id::{AccountId, ClipId, ProductId};

/// Something that indexes and caches must take in. It names what changed; readers fetch the present
/// state themselves, so an entry read twice or late does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Change {
    /// A clip became ready, or a ready one changed its caption or tags.
    ClipPublished(ClipId),
    /// A clip may no longer be shown.
    ClipRemoved(ClipId),
    /// A product's description, price, pictures or activity changed.
    ProductChanged(ProductId),
    /// A variant of the product crossed a border of availability.
    StockChanged(ProductId),
    /// A profile changed its public names.
    AccountChanged(AccountId),
}
