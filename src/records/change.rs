//! Entries of the change log: a number for the kind, and the bits of what changed.

use crate::domain::change::Change;
use crate::domain::id::{AccountId, ClipId, ProductId};
use crate::records::Damaged;

/// The kind's number and the bits of `change`.
pub const fn encode(change: Change) -> (u8, u128) {
    match change {
        Change::ClipPublished(id) => (1, id.bits()),
        Change::ClipRemoved(id) => (2, id.bits()),
        Change::ProductChanged(id) => (3, id.bits()),
        Change::StockChanged(id) => (4, id.bits()),
        Change::AccountChanged(id) => (5, id.bits()),
    }
}

/// The change of a kind's number and the bits.
pub fn decode(kind: u8, bits: u128) -> Result<Change, Damaged> {
    match kind {
        1 => Ok(Change::ClipPublished(ClipId::from_bits(bits))),
        2 => Ok(Change::ClipRemoved(ClipId::from_bits(bits))),
        3 => Ok(Change::ProductChanged(ProductId::from_bits(bits))),
        4 => Ok(Change::StockChanged(ProductId::from_bits(bits))),
        5 => Ok(Change::AccountChanged(AccountId::from_bits(bits))),
        other => Err(Damaged::new(format!("kind {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay() {
        for (number, change) in [
            (1, Change::ClipPublished(ClipId::from_bits(u128::MAX))),
            (2, Change::ClipRemoved(ClipId::from_bits(2))),
            (3, Change::ProductChanged(ProductId::from_bits(3))),
            (4, Change::StockChanged(ProductId::from_bits(4))),
            (5, Change::AccountChanged(AccountId::from_bits(5))),
        ] {
            let (kind, bits) = encode(change);
            assert_eq!((kind, decode(kind, bits)), (number, Ok(change)));
        }
        assert!(decode(0, 1).is_err() && decode(6, 1).is_err());
    }
}
