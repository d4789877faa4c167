//! Where candidates come from, one source a file. Each reads the index under a short lock and is done at
//! its first poll.

mod co_watch;
mod embedding;
mod explore;
mod following;
mod fresh;
mod interest;
mod product_interest;
mod trending;
mod walk;

pub use co_watch::CoWatch;
pub use embedding::Embedding;
pub use explore::Explore;
pub use following::{Followed, Timeline};
pub use fresh::Fresh;
pub use interest::Interest;
pub use product_interest::ProductInterest;
pub use trending::Trending;
pub use walk::CatalogWalk;

use crate::feed::candidate::Found;
use crate::feed::index::Index;

/// Companions that are looked at for each clip wanted: many of them were seen.
const LOOKED_AT: usize = 3;

/// The first `limit` of `ordinals` that are not `old`, looking at no more than `scan`.
fn take_new(
    index: &Index,
    ordinals: impl Iterator<Item = u32>,
    (limit, scan): (usize, usize),
    is_old: impl Fn(u64) -> bool,
) -> Vec<Found> {
    let mut found = Vec::with_capacity(limit);
    for ordinal in ordinals.take(scan) {
        let key = index.row(ordinal).key;
        if found.len() == limit {
            break;
        }
        if !is_old(key) {
            found.push(Found { ordinal, key });
        }
    }
    found
}
