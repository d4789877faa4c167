//! Products as merchants describe them, and the variants that are bought.

use crate::domain::id::{AccountId, ProductId, VariantId};
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
