//! Products as merchants describe them, and the variants that are bought.

use std::collections::HashSet;

use crate::domain::id::{AccountId, ProductId, VariantId};
use crate::domain::limits::{
    DESCRIPTION_CHARS_MAX, IMAGES_PER_PRODUCT_MAX, NAME_CHARS_MAX, OPTIONS_PER_VARIANT_MAX,
    TITLE_CHARS_MAX, UNIT_PRICE_MINOR_MAX, URL_BYTES_MAX, VARIANTS_PER_PRODUCT_MAX,
};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// One purchasable SKU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// Who it is.
    pub id: VariantId,
    /// The merchant's own key; unique within the product.
    pub sku: String,
    /// Global Trade Item Number: 8, 12, 13 or 14 digits with a right check digit.
    pub gtin: Option<String>,
    /// What tells it apart: "Oak, large".
    pub title: String,
    /// Named choices in the merchant's order: `colour` → `oak`.
    pub options: Vec<(String, String)>,
    /// What one unit costs, taxes as the market's rules say.
    pub price: Money,
    /// A former or list price shown struck through; above `price`.
    pub compare_at: Option<Money>,
}

/// What a merchant sells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// Who it is.
    pub id: ProductId,
    /// Whose it is.
    pub merchant: AccountId,
    /// A line.
    pub title: String,
    /// A few paragraphs.
    pub description: String,
    /// The maker.
    pub brand: String,
    /// A path such as `home/kitchen`.
    pub category: String,
    /// Pictures, the best first.
    pub image_urls: Vec<String>,
    /// At least one; all in one currency.
    pub variants: Vec<Variant>,
    /// False once the merchant took it off the shelf: it stays readable for old orders.
    pub active: bool,
    /// When it came in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

impl Product {
    /// The variant of that id, if it is one of this product's.
    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == id)
    }

    /// The variant with the lowest price, the first of equals: what a card shows.
    pub fn cheapest(&self) -> Option<&Variant> {
        self.variants.iter().min_by_key(|variant| variant.price.minor())
    }
}

/// Whether something can be bought now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Availability {
    /// Nothing left.
    SoldOut,
    /// A few left: worth saying.
    LowStock,
    /// Enough.
    InStock,
}

impl Availability {
    /// At this many units or fewer a buyer is told that few are left.
    pub const LOW_STOCK_MAX: u32 = 5;

    /// The word for a number of available units.
    pub const fn of(available: u32) -> Self {
        match available {
            0 => Self::SoldOut,
            1..=Self::LOW_STOCK_MAX => Self::LowStock,
            _ => Self::InStock,
        }
    }

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SoldOut => "sold_out",
            Self::LowStock => "low_stock",
            Self::InStock => "in_stock",
        }
    }
}

/// Why a description of a product cannot be taken, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FieldError {
    /// A JSON pointer into the request, such as `/variants/0/gtin`.
    pub pointer: String,
    /// A sentence that says what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// Whether `text` is a GTIN: 8, 12, 13 or 14 digits of which the last makes the weighted sum a
/// multiple of ten (weights 3 and 1 alternating from the right; GS1 General Specifications, §7.9).
pub fn is_gtin(text: &str) -> bool {
    let digits = text.as_bytes();
    if !matches!(digits.len(), 8 | 12 | 13 | 14) || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 1 { 3 } else { 1 })
        .sum();
    sum.is_multiple_of(10)
}

/// Checks everything about a product that needs no store; answers all faults at once.
pub fn check_product(product: &Product) -> Vec<FieldError> {
    let mut faults = Vec::new();
    check_text(&mut faults, "/title", &product.title, 1, TITLE_CHARS_MAX);
    check_text(&mut faults, "/description", &product.description, 0, DESCRIPTION_CHARS_MAX);
    check_text(&mut faults, "/brand", &product.brand, 0, NAME_CHARS_MAX);
    check_text(&mut faults, "/category", &product.category, 0, TITLE_CHARS_MAX);
    if product.image_urls.len() > IMAGES_PER_PRODUCT_MAX {
        let detail = format!("at most {IMAGES_PER_PRODUCT_MAX} pictures");
        faults.push(FieldError::at("/image_urls", detail));
    }
    for (index, url) in product.image_urls.iter().enumerate() {
        check_url(&mut faults, index, url);
    }
    if product.variants.is_empty() || product.variants.len() > VARIANTS_PER_PRODUCT_MAX {
        let detail = format!("between 1 and {VARIANTS_PER_PRODUCT_MAX} variants");
        faults.push(FieldError::at("/variants", detail));
    }
    let mut skus = HashSet::new();
    for (index, variant) in product.variants.iter().enumerate() {
        check_variant(&mut faults, index, variant);
        if !skus.insert(variant.sku.as_str()) {
            let detail = "each variant of a product has its own SKU";
            faults.push(FieldError::at(format!("/variants/{index}/sku"), detail));
        }
        if variant.price.currency() != product.variants[0].price.currency() {
            let detail = "all variants of a product are priced in one currency";
            faults.push(FieldError::at(format!("/variants/{index}/price/currency"), detail));
        }
    }
    faults
}

fn check_text(faults: &mut Vec<FieldError>, pointer: &str, text: &str, min: usize, max: usize) {
    let count = text.chars().count();
    if count > max || text.trim().chars().count() < min {
        faults.push(FieldError::at(pointer, format!("between {min} and {max} characters")));
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r') {
        faults.push(FieldError::at(pointer, "no control characters"));
    }
}

fn check_url(faults: &mut Vec<FieldError>, index: usize, url: &str) {
    let known = url.starts_with("https://") || url.starts_with("http://") || url.starts_with('/');
    if !known || url.len() > URL_BYTES_MAX || url.chars().any(char::is_whitespace) {
        let detail = "a URL that starts with https://, http:// or /";
        faults.push(FieldError::at(format!("/image_urls/{index}"), detail));
    }
}

fn check_variant(faults: &mut Vec<FieldError>, index: usize, variant: &Variant) {
    let at = |field: &str| format!("/variants/{index}/{field}");
    check_text(faults, &at("sku"), &variant.sku, 1, NAME_CHARS_MAX);
    check_text(faults, &at("title"), &variant.title, 0, NAME_CHARS_MAX);
    if variant.gtin.as_deref().is_some_and(|gtin| !is_gtin(gtin)) {
        let detail = "8, 12, 13 or 14 digits with a right check digit";
        faults.push(FieldError::at(at("gtin"), detail));
    }
    if !(0..=UNIT_PRICE_MINOR_MAX).contains(&variant.price.minor()) {
        let detail = format!("between 0 and {UNIT_PRICE_MINOR_MAX} minor units");
        faults.push(FieldError::at(at("price/amount"), detail));
    }
    if let Some(former) = variant.compare_at
        && (former.currency() != variant.price.currency()
            || former.minor() <= variant.price.minor()
            || former.minor() > UNIT_PRICE_MINOR_MAX)
    {
        let detail = "a former price is in the same currency and above the price";
        faults.push(FieldError::at(at("compare_at"), detail));
    }
    if variant.options.len() > OPTIONS_PER_VARIANT_MAX {
        faults.push(FieldError::at(at("options"), format!("at most {OPTIONS_PER_VARIANT_MAX}")));
    }
    for (name, value) in &variant.options {
        check_text(faults, &at(&format!("options/{name}")), name, 1, NAME_CHARS_MAX);
        check_text(faults, &at(&format!("options/{name}")), value, 1, NAME_CHARS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn mug() -> Product {
        let variant = Variant {
            id: VariantId::from_bits(2),
            sku: "MUG".into(),
            gtin: Some("4006381333931".into()),
            title: "Oak".into(),
            options: vec![("colour".into(), "oak".into())],
            price: Money::new(1999, Currency::USD),
            compare_at: None,
        };
        Product {
            id: ProductId::from_bits(1),
            merchant: AccountId::from_bits(1),
            title: "Mug".into(),
            description: String::new(),
            brand: String::new(),
            category: "home/kitchen".into(),
            image_urls: vec!["/media/mug.jpg".into()],
            variants: vec![variant],
            active: true,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            version: 1,
        }
    }

    #[test]
    fn check_digits_follow_gs1() {
        for good in ["4006381333931", "036000291452", "96385074", "10012345678902"] {
            assert!(is_gtin(good), "{good}");
        }
        for bad in ["4006381333932", "036000291453", "96385075", "123", "40063813339a1", ""] {
            assert!(!is_gtin(bad), "{bad}");
        }
    }

    #[test]
    fn a_sound_product_has_no_faults() {
        assert_eq!(check_product(&mug()), []);
    }

    #[test]
    fn every_fault_is_named_where_it_is() {
        let mut product = mug();
        product.title = " ".into();
        product.image_urls = vec!["ftp://x".into()];
        let mut twin = product.variants[0].clone();
        twin.price = Money::new(-1, "EUR".parse().unwrap());
        twin.gtin = Some("1".into());
        twin.compare_at = Some(Money::new(1, Currency::USD));
        product.variants.push(twin);
        let faults = check_product(&product);
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/title",
                "/image_urls/0",
                "/variants/1/gtin",
                "/variants/1/price/amount",
                "/variants/1/compare_at",
                "/variants/1/sku",
                "/variants/1/price/currency"
            ]
        );
    }
}
