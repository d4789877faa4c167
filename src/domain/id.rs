//! Identifiers: 128 bits behind a typed, prefixed text form.
//!
//! The text is a TypeID (`clip_01h455vb4pex5vsknk084sn02q`): a prefix that names the kind, and the
//! UUID in 26 lower-case base-32 characters (Crockford's alphabet, most significant bits first).
//! Ids made here are UUIDv7 (time-ordered) or, where a retry must find the first result,
//! UUIDv8 derived from a digest of the request (RFC 9562 §5.7 and §5.8).

use std::fmt;
use std::str::FromStr;

use crate::domain::time::Timestamp;

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 characters of 5 bits hold 130 bits; the first character is at most `7`.
const TEXT_LEN: usize = 26;

/// Why a text is not the id that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_01h455vb4pex5vsknk084sn02q`, got `{got}`")]
pub struct IdError {
    /// The prefix of the expected kind.
    pub prefix: &'static str,
    /// The offending text, cut to a printable length.
    pub got: String,
}

/// Formats the low-level 26-character text of 128 bits.
fn encode(bits: u128) -> [u8; TEXT_LEN] {
    let mut text = [b'0'; TEXT_LEN];
    // In words of twelve letters: a feed page writes dozens of ids, and wide shifts are slow.
    let words = [(bits >> 120) as u64, (bits >> 60) as u64, bits as u64];
    for (letters, word) in text.rchunks_mut(12).zip(words.into_iter().rev()) {
        let mut rest = word;
        for slot in letters.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
    }
    text
}

/// The inverse of [`encode`]; `None` for a wrong length, a foreign character or an overflow.
fn decode(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != TEXT_LEN || bytes[0] > b'7' {
        return None;
    }
    bytes.iter().try_fold(0_u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        Some((bits << 5) | digit as u128)
    })
}

/// Lays out a UUIDv7: 48 bits of Unix milliseconds, version, variant, 74 random bits.
pub const fn uuid_v7(at_ms: u64, random: u128) -> u128 {
    let time = (at_ms as u128 & 0xffff_ffff_ffff) << 80;
    let random = random & !(0xffff_ffff_ffff << 80);
    with_version(time | random, 7)
}

/// Stamps version and RFC variant on 128 arbitrary bits.
const fn with_version(bits: u128, version: u128) -> u128 {
    let cleared = bits & !(0xf << 76) & !(0b11 << 62);
    cleared | (version << 76) | (0b10 << 62)
}

fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new time-ordered id (UUIDv7) from the present instant and 74 random bits.
            pub fn new(at: Timestamp, random: u128) -> Self {
                Self(uuid_v7(at.unix_ms().max(0) as u64, random))
            }

            /// The id that belongs to a digest (UUIDv8): the same digest always names the same object.
            pub const fn derived(digest: u128) -> Self {
                Self(with_version(digest, 8))
            }

            /// The id with exactly these bits, as a store kept them.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// All 128 bits, for use as a store key.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                let text = encode(self.0);
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| IdError { prefix: $prefix, got: clipped(text) })
            }
        }
    };
}

id!(/// A person or company: viewer, creator and merchant are roles of one account.
    AccountId, "usr");
id!(/// One uploaded video and what was made of it.
    ClipId, "clip");
id!(/// One resumable upload.
    UploadId, "upl");
id!(/// One picture of a product, re-encoded by us.
    MediaId, "med");
id!(/// A product as a merchant describes it; it is bought as one of its variants.
    ProductId, "prd");
id!(/// One purchasable SKU of a product.
    VariantId, "var");
id!(/// The link between a clip and a product, in time and place.
    TagId, "tag");
id!(/// One page of a feed as it was served.
    SlateId, "slt");
id!(/// A viewer's walk through a feed: pages of one session never repeat a clip.
    FeedSessionId, "ses");
id!(/// An attempt to buy, from the hold to the order.
    CheckoutId, "chk");
id!(/// Units of one variant kept for one checkout.
    HoldId, "hld");
id!(/// One payment at a provider.
    PaymentId, "pay");
id!(/// A placed order.
    OrderId, "ord");
id!(/// One balanced entry of the journal.
    TransferId, "trf");
id!(/// One unit of background work.
    JobId, "job");

/// The identifier that a client gives an event: any UUID, kept to drop duplicates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(pub u128);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_matches_the_typeid_specification() {
        // The vector of the TypeID specification, v0.3.
        let id = ClipId::from_bits(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(id.to_string(), "clip_01h455vb4pex5vsknk084sn02q");
        assert_eq!("clip_01h455vb4pex5vsknk084sn02q".parse(), Ok(id));
    }

    #[test]
    fn a_foreign_prefix_is_named_in_the_error() {
        let error = "ord_01h455vb4pex5vsknk084sn02q".parse::<ClipId>().unwrap_err();
        assert!(error.to_string().contains("`clip_"), "{error}");
        assert!(error.to_string().contains("`ord_"), "{error}");
    }

    #[test]
    fn overflow_case_and_length_are_refused() {
        for text in
            ["clip_8zzzzzzzzzzzzzzzzzzzzzzzzz", "clip_01H455VB4PEX5VSKNK084SN02Q", "clip_", "clip"]
        {
            assert!(text.parse::<ClipId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(bits: u128) {
            let id = OrderId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<OrderId>(), Ok(id));
        }

        #[test]
        fn later_ids_sort_later(at in 0_i64..1 << 47, random: u128, other: u128) {
            let early = ClipId::new(Timestamp::from_unix_ms(at), random);
            let late = ClipId::new(Timestamp::from_unix_ms(at + 1), other);
            prop_assert!(early < late);
            prop_assert!(early.to_string() < late.to_string());
        }

        #[test]
        fn version_and_variant_are_stamped(digest: u128) {
            let bits = ClipId::derived(digest).bits();
            prop_assert_eq!((bits >> 76) & 0xf, 8);
            prop_assert_eq!((bits >> 62) & 0b11, 0b10);
        }
    }
}
