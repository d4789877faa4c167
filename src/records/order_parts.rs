//! What checkouts and orders share.

use serde::{Deserialize, Serialize};

use crate::domain::attribution::Attribution;
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Address, Line, Totals};
use crate::records::{Damaged, currency};

#[derive(Serialize, Deserialize)]
pub(super) struct LineRow {
    product: u128,
    variant: u128,
    merchant: u128,
    title: String,
    variant_title: String,
    image_url: Option<String>,
    quantity: u32,
    unit_minor: i64,
    #[serde(default, with = "serde_bytes_option")]
    attribution: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AddressRow {
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    region: Option<String>,
    postal_code: String,
    country: String,
}

/// All in one currency, which stands once.
#[derive(Serialize, Deserialize)]
pub(super) struct TotalsRow {
    currency: String,
    items: i64,
    shipping: i64,
    tax: i64,
    discount: i64,
    grand_total: i64,
}

/// Bytes as bytes: MessagePack would otherwise write an array of numbers.
mod serde_bytes_option {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_bytes(bytes),
            None => serializer.serialize_unit(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        struct BytesOrNothing;

        impl Visitor<'_> for BytesOrNothing {
            type Value = Option<Vec<u8>>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes or nothing")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Some(bytes.to_vec()))
            }
        }
        deserializer.deserialize_any(BytesOrNothing)
    }
}

impl From<&Line> for LineRow {
    fn from(line: &Line) -> Self {
        Self {
            product: line.product.bits(),
            variant: line.variant.bits(),
            merchant: line.merchant.bits(),
            title: line.title.clone(),
            variant_title: line.variant_title.clone(),
            image_url: line.image_url.clone(),
            quantity: line.quantity,
            unit_minor: line.unit_price.minor(),
            attribution: line.attribution.map(|seen| seen.to_bytes()),
        }
    }
}

/// The line of a row in a document of that currency.
pub(super) fn line(row: LineRow, currency: Currency) -> Line {
    Line {
        product: ProductId::from_bits(row.product),
        variant: VariantId::from_bits(row.variant),
        merchant: AccountId::from_bits(row.merchant),
        title: row.title,
        variant_title: row.variant_title,
        image_url: row.image_url,
        quantity: row.quantity,
        unit_price: Money::new(row.unit_minor, currency),
        // A layout that is no longer read costs a commission on an old order, not the order.
        attribution: row.attribution.and_then(|bytes| Attribution::from_bytes(&bytes)),
    }
}

impl From<&Address> for AddressRow {
    fn from(address: &Address) -> Self {
        let Address { name, line1, line2, city, region, postal_code, country } = address.clone();
        Self { name, line1, line2, city, region, postal_code, country }
    }
}

impl From<AddressRow> for Address {
    fn from(row: AddressRow) -> Self {
        let AddressRow { name, line1, line2, city, region, postal_code, country } = row;
        Self { name, line1, line2, city, region, postal_code, country }
    }
}

impl From<&Totals> for TotalsRow {
    fn from(totals: &Totals) -> Self {
        Self {
            currency: totals.items.currency().code().to_owned(),
            items: totals.items.minor(),
            shipping: totals.shipping.minor(),
            tax: totals.tax.minor(),
            discount: totals.discount.minor(),
            grand_total: totals.grand_total.minor(),
        }
    }
}

/// The totals of a row and their currency.
pub(super) fn totals(row: &TotalsRow) -> Result<(Totals, Currency), Damaged> {
    let currency = currency(&row.currency)?;
    let money = |minor| Money::new(minor, currency);
    let totals = Totals {
        items: money(row.items),
        shipping: money(row.shipping),
        tax: money(row.tax),
        discount: money(row.discount),
        grand_total: money(row.grand_total),
    };
    Ok((totals, currency))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::id::{ClipId, SlateId};
    use crate::domain::time::Timestamp;
    use crate::records::{from_bytes, to_bytes};

    /// A line with every field, and one with as few as possible.
    pub(crate) fn lines() -> Vec<Line> {
        let attribution = Attribution {
            viewer: AccountId::from_bits(1),
            clip: ClipId::from_bits(2),
            creator: AccountId::from_bits(3),
            slate: SlateId::from_bits(4),
            position: 5,
            product: Some(ProductId::from_bits(6)),
            issued_at: Timestamp::from_unix_ms(7),
        };
        let full = Line {
            product: ProductId::from_bits(6),
            variant: VariantId::from_bits(u128::MAX),
            merchant: AccountId::from_bits(7),
            title: "Mug".into(),
            variant_title: "Oak".into(),
            image_url: Some("/media/mug.jpg".into()),
            quantity: 2,
            unit_price: Money::new(1_999, Currency::USD),
            attribution: Some(attribution),
        };
        let bare = Line { image_url: None, attribution: None, ..full.clone() };
        vec![full, bare]
    }

    pub(crate) fn sums() -> Totals {
        Totals::of(&lines(), Money::new(499, Currency::USD), 700).unwrap()
    }

    pub(crate) fn address() -> Address {
        Address {
            name: "Vera".into(),
            line1: "1 Main St".into(),
            line2: Some("Attic".into()),
            city: "Springfield".into(),
            region: None,
            postal_code: "97477".into(),
            country: "US".into(),
        }
    }

    /// What lines had before they could be attributed.
    #[derive(Serialize)]
    struct EarlyLine {
        product: u128,
        variant: u128,
        merchant: u128,
        title: String,
        variant_title: String,
        image_url: Option<String>,
        quantity: u32,
        unit_minor: i64,
    }

    #[test]
    fn a_line_without_the_field_of_attribution_has_none() {
        let bare = lines().remove(1);
        let early = EarlyLine {
            product: bare.product.bits(),
            variant: bare.variant.bits(),
            merchant: bare.merchant.bits(),
            title: bare.title.clone(),
            variant_title: bare.variant_title.clone(),
            image_url: None,
            quantity: bare.quantity,
            unit_minor: bare.unit_price.minor(),
        };
        let row: LineRow = from_bytes(&to_bytes(&early)).unwrap();
        assert_eq!(line(row, Currency::USD), bare);
    }

    #[test]
    fn an_attribution_of_another_layout_costs_no_order() {
        let [full, bare] = &lines()[..] else { panic!() };
        let row = LineRow { attribution: Some(vec![99; 10]), ..LineRow::from(full) };
        let row: LineRow = from_bytes(&to_bytes(&row)).unwrap();
        assert_eq!(line(row, Currency::USD), Line { attribution: None, ..full.clone() });
        assert_eq!(line(LineRow::from(bare), Currency::USD), *bare);
    }
}
