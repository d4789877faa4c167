//! Which clip led to a purchase: the payload of a signed attribution token.
//!
//! The feed issues one token per item; a checkout line brings it back. The payload has a fixed layout
//! so that it can be signed, and it is small because it travels with each feed item.

use crate::domain::id::{AccountId, ClipId, ProductId, SlateId};
use crate::domain::limits::ATTRIBUTION_TTL_MS;
use crate::domain::time::Timestamp;

/// Layout version; the first byte of the payload.
const VERSION: u8 = 1;
/// Version, five ids, position, instant.
const LEN: usize = 1 + 5 * 16 + 4 + 8;

/// What a viewer saw when the wish arose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribution {
    /// Who saw it; the token is void for anyone else.
    pub viewer: AccountId,
    /// The clip.
    pub clip: ClipId,
    /// Who made the clip and may earn a commission.
    pub creator: AccountId,
    /// The page of the feed.
    pub slate: SlateId,
    /// The place on the page, from 0.
    pub position: u32,
    /// The tagged product; `None` when the clip has several and the tap decides.
    pub product: Option<ProductId>,
    /// When the page was served.
    pub issued_at: Timestamp,
}

impl Attribution {
    /// The bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(VERSION);
        let product = self.product.map_or(0, ProductId::bits);
        let ids =
            [self.viewer.bits(), self.clip.bits(), self.creator.bits(), self.slate.bits(), product];
        for id in ids {
            bytes.extend_from_slice(&id.to_be_bytes());
        }
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.issued_at.unix_ms().to_be_bytes());
        bytes
    }

    /// The inverse of [`Self::to_bytes`]; `None` for another layout.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN || bytes[0] != VERSION {
            return None;
        }
        let id = |place: usize| -> Option<u128> {
            let start = 1 + place * 16;
            Some(u128::from_be_bytes(bytes[start..start + 16].try_into().ok()?))
        };
        let product = id(4)?;
        Some(Self {
            viewer: AccountId::from_bits(id(0)?),
            clip: ClipId::from_bits(id(1)?),
            creator: AccountId::from_bits(id(2)?),
            slate: SlateId::from_bits(id(3)?),
            product: (product != 0).then(|| ProductId::from_bits(product)),
            position: u32::from_be_bytes(bytes[81..85].try_into().ok()?),
            issued_at: Timestamp::from_unix_ms(i64::from_be_bytes(bytes[85..].try_into().ok()?)),
        })
    }

    /// Whether it speaks for a purchase of `product` by `buyer` at `now`: the same person, the same
    /// product, and not too long ago.
    pub fn holds_for(&self, buyer: AccountId, product: ProductId, now: Timestamp) -> bool {
        self.viewer == buyer
            && self.product.is_none_or(|tagged| tagged == product)
            && now.since_ms(self.issued_at) <= ATTRIBUTION_TTL_MS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(product: Option<ProductId>) -> Attribution {
        Attribution {
            viewer: AccountId::from_bits(1),
            clip: ClipId::from_bits(2),
            creator: AccountId::from_bits(3),
            slate: SlateId::from_bits(4),
            position: 5,
            product,
            issued_at: Timestamp::from_unix_ms(6),
        }
    }

    #[test]
    fn it_holds_for_its_viewer_its_product_and_its_week() {
        let product = ProductId::from_bits(9);
        let now = Timestamp::from_unix_ms(6 + ATTRIBUTION_TTL_MS);
        let token = seen(Some(product));
        assert!(token.holds_for(AccountId::from_bits(1), product, now));
        assert!(!token.holds_for(AccountId::from_bits(2), product, now));
        assert!(!token.holds_for(AccountId::from_bits(1), ProductId::from_bits(8), now));
        assert!(!token.holds_for(AccountId::from_bits(1), product, now.plus_ms(1)));
        assert!(seen(None).holds_for(AccountId::from_bits(1), product, now));
    }

    proptest! {
        #[test]
        fn bytes_round_trip(bits in 1_u128.., position: u32, at: i64) {
            let token = Attribution {
                clip: ClipId::from_bits(bits),
                position,
                issued_at: Timestamp::from_unix_ms(at),
                ..seen(Some(ProductId::from_bits(bits)))
            };
            prop_assert_eq!(Attribution::from_bytes(&token.to_bytes()), Some(token));
            prop_assert_eq!(Attribution::from_bytes(&token.to_bytes()[1..]), None);
        }
    }
}
