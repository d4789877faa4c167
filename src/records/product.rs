//! Products with their variants.

use serde::{Deserialize, Serialize};

use crate::domain::catalog::{Product, Variant};
use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::records::{Damaged, currency, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    merchant: u128,
    title: String,
    description: String,
    brand: String,
    category: String,
    image_urls: Vec<String>,
    currency: String,
    variants: Vec<VariantRow>,
    active: bool,
    created_at_ms: i64,
    updated_at_ms: i64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct VariantRow {
    id: u128,
    sku: String,
    gtin: Option<String>,
    title: String,
    options: Vec<(String, String)>,
    price_minor: i64,
    compare_at_minor: Option<i64>,
}

impl From<&Product> for Row {
    fn from(product: &Product) -> Self {
        let currency = product.variants.first().map(|variant| variant.price.currency());
        Self {
            merchant: product.merchant.bits(),
            title: product.title.clone(),
            description: product.description.clone(),
            brand: product.brand.clone(),
            category: product.category.clone(),
            image_urls: product.image_urls.clone(),
            currency: currency.map_or(String::new(), |currency| currency.code().to_owned()),
            variants: product.variants.iter().map(VariantRow::from).collect(),
            active: product.active,
            created_at_ms: product.created_at.unix_ms(),
            updated_at_ms: product.updated_at.unix_ms(),
            version: product.version,
        }
    }
}

impl From<&Variant> for VariantRow {
    fn from(variant: &Variant) -> Self {
        Self {
            id: variant.id.bits(),
            sku: variant.sku.clone(),
            gtin: variant.gtin.clone(),
            title: variant.title.clone(),
            options: variant.options.clone(),
            price_minor: variant.price.minor(),
            compare_at_minor: variant.compare_at.map(Money::minor),
        }
    }
}

/// The bytes of `product`. All its prices have one currency.
pub fn encode(product: &Product) -> Vec<u8> {
    to_bytes(&Row::from(product))
}

/// The product that these bytes are.
pub fn decode(id: ProductId, bytes: &[u8]) -> Result<Product, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let variant = |variant: VariantRow| -> Result<Variant, Damaged> {
        let currency = currency(&row.currency)?;
        Ok(Variant {
            id: VariantId::from_bits(variant.id),
            sku: variant.sku,
            gtin: variant.gtin,
            title: variant.title,
            options: variant.options,
            price: Money::new(variant.price_minor, currency),
            compare_at: variant.compare_at_minor.map(|minor| Money::new(minor, currency)),
        })
    };
    Ok(Product {
        id,
        merchant: AccountId::from_bits(row.merchant),
        title: row.title,
        description: row.description,
        brand: row.brand,
        category: row.category,
        image_urls: row.image_urls,
        variants: row.variants.into_iter().map(variant).collect::<Result<_, _>>()?,
        active: row.active,
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        updated_at: Timestamp::from_unix_ms(row.updated_at_ms),
        version: row.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back() {
        let yen: Currency = "JPY".parse().unwrap();
        let full = Variant {
            id: VariantId::from_bits(u128::MAX),
            sku: "SKU-1".into(),
            gtin: Some("4006381333931".into()),
            title: "Oak, large".into(),
            options: vec![("colour".into(), "oak".into()), ("size".into(), "large".into())],
            price: Money::new(1_999, yen),
            compare_at: Some(Money::new(2_999, yen)),
        };
        let bare = Variant {
            id: VariantId::from_bits(2),
            gtin: None,
            options: Vec::new(),
            compare_at: None,
            ..full.clone()
        };
        let product = |variants| Product {
            id: ProductId::from_bits(1),
            merchant: AccountId::from_bits(2),
            title: "Lamp \u{1f4a1}".into(),
            description: "Light.\nWarm.".into(),
            brand: "Lumen".into(),
            category: "home/light".into(),
            image_urls: vec!["/v1/media/a".into(), "/v1/media/b".into()],
            variants,
            active: true,
            created_at: Timestamp::from_unix_ms(3),
            updated_at: Timestamp::from_unix_ms(4),
            version: 5,
        };
        for (pinned, product) in [
            (0xc0c1_e791_4972_abff, product(vec![full, bare])),
            (0xb10f_c183_740b_868a, product(Vec::new())),
        ] {
            check(&product, &encode(&product), pinned, |bytes| decode(product.id, bytes));
        }
    }
}
