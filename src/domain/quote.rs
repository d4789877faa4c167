//! A price promised for a while: the payload of a signed quote.

use crate::domain::id::VariantId;
use crate::domain::limits::QUOTE_TTL_MS;
use crate::domain::money::Currency;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// Layout version; the first byte of the payload.
const VERSION: u8 = 1;
/// Version, variant, amount, currency, instant.
const LEN: usize = 1 + 16 + 8 + 3 + 8;

/// The price of one unit of one variant as it was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// What was priced.
    pub variant: VariantId,
    /// One unit.
    pub price: Money,
    /// From this instant on the quote is void.
    pub expires_at: Timestamp,
}

impl Quote {
    /// A quote given now.
    pub fn given(variant: VariantId, price: Money, now: Timestamp) -> Self {
        Self { variant, price, expires_at: now.plus_ms(QUOTE_TTL_MS) }
    }

    /// The bytes to sign.
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1..17].copy_from_slice(&self.variant.bits().to_be_bytes());
        bytes[17..25].copy_from_slice(&self.price.minor().to_be_bytes());
        bytes[25..28].copy_from_slice(self.price.currency().code().as_bytes());
        bytes[28..].copy_from_slice(&self.expires_at.unix_ms().to_be_bytes());
        bytes
    }

    /// The inverse of [`Self::to_bytes`]; `None` for another layout.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN || bytes[0] != VERSION {
            return None;
        }
        let minor = i64::from_be_bytes(bytes[17..25].try_into().ok()?);
        let currency: Currency = std::str::from_utf8(&bytes[25..28]).ok()?.parse().ok()?;
        Some(Self {
            variant: VariantId::from_bits(u128::from_be_bytes(bytes[1..17].try_into().ok()?)),
            price: Money::new(minor, currency),
            expires_at: Timestamp::from_unix_ms(i64::from_be_bytes(bytes[28..].try_into().ok()?)),
        })
    }

    /// Whether the promise still stands for a variant that costs `price` at `now`.
    pub fn stands(&self, price: Money, now: Timestamp) -> bool {
        self.price == price && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_round_trips_and_ends() {
        let now = Timestamp::from_unix_ms(1_000);
        let price = Money::new(1_999, "JPY".parse().unwrap());
        let quote = Quote::given(VariantId::from_bits(7), price, now);
        assert_eq!(Quote::from_bytes(&quote.to_bytes()), Some(quote));
        assert_eq!(Quote::from_bytes(&quote.to_bytes()[1..]), None);
        assert!(quote.stands(price, now.plus_ms(QUOTE_TTL_MS - 1)));
        assert!(!quote.stands(price, now.plus_ms(QUOTE_TTL_MS)));
        assert!(!quote.stands(Money::new(1_998, price.currency()), now));
    }
}
