//! Orders: what was bought, as it was on that day.

use crate::domain::attribution::Attribution;
use crate::domain::id::{AccountId, CheckoutId, OrderId, PaymentId, ProductId, VariantId};
use crate::domain::money::Money;
use crate::domain::money::MoneyError;
use crate::domain::time::Timestamp;

/// Where goods go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// Who receives.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Flat, floor, company.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// One line of a checkout or order: a copy of what the buyer saw, so that later edits of the product do
/// not change what was bought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The product.
    pub product: ProductId,
    /// What exactly.
    pub variant: VariantId,
    /// Who sells it.
    pub merchant: AccountId,
    /// The product's title.
    pub title: String,
    /// The variant's title.
    pub variant_title: String,
    /// The product's first picture.
    pub image_url: Option<String>,
    /// How many; at least one.
    pub quantity: u32,
    /// The price of one.
    pub unit_price: Money,
    /// Which clip led here, if one did.
    pub attribution: Option<Attribution>,
}

impl Line {
    /// All units of the line.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.unit_price.times(self.quantity)
    }
}

/// What a buyer pays, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// The lines.
    pub items: Money,
    /// Delivery.
    pub shipping: Money,
    /// Tax on the items.
    pub tax: Money,
    /// What is taken off; not negative.
    pub discount: Money,
    /// `items + shipping + tax − discount`.
    pub grand_total: Money,
}

impl Totals {
    /// The totals of `lines`, which are all in the currency of `shipping`. Tax is a share of the items
    /// in basis points.
    pub fn of(lines: &[Line], shipping: Money, tax_bps: u16) -> Result<Self, MoneyError> {
        let zero = Money::zero(shipping.currency());
        let items = lines.iter().try_fold(zero, |sum, line| sum.plus(line.total()?))?;
        let tax = items.basis_points(tax_bps);
        let grand_total = items.plus(shipping)?.plus(tax)?;
        Ok(Self { items, shipping, tax, discount: zero, grand_total })
    }
}

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Paid; the merchant ships next.
    Placed,
}

impl OrderState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
        }
    }
}

/// A placed order. It is written once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Who it is; made before the payment was asked for.
    pub id: OrderId,
    /// Who bought.
    pub buyer: AccountId,
    /// From which checkout.
    pub checkout: CheckoutId,
    /// Where it stands.
    pub state: OrderState,
    /// When.
    pub placed_at: Timestamp,
    /// What.
    pub lines: Vec<Line>,
    /// For how much.
    pub totals: Totals,
    /// How it was paid; always captured by now.
    pub payment: PaymentId,
    /// The provider's name for the means of payment.
    pub payment_method: String,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// The code of the shipping option.
    pub shipping_option: String,
}

impl Order {
    /// The merchants of the lines, each once, in id order.
    pub fn merchants(&self) -> Vec<AccountId> {
        let mut all: Vec<AccountId> = self.lines.iter().map(|line| line.merchant).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// One sold line as the feed learns of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PurchasedLine {
    /// Its place in the order, from 0; with the order's id the key of the event.
    pub index: u32,
    /// The product.
    pub product: ProductId,
    /// What exactly.
    pub variant: VariantId,
    /// How many.
    pub quantity: u32,
    /// What all units cost.
    pub value: Money,
    /// Which clip led here, if one did.
    pub attribution: Option<Attribution>,
}

/// A purchase as the feed learns of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purchase {
    /// The order.
    pub order: OrderId,
    /// Who bought.
    pub buyer: AccountId,
    /// When.
    pub placed_at: Timestamp,
    /// What.
    pub lines: Vec<PurchasedLine>,
}

impl Purchase {
    /// What the feed learns of `order`.
    pub fn of(order: &Order) -> Result<Self, MoneyError> {
        let line = |(index, line): (usize, &Line)| {
            Ok(PurchasedLine {
                index: index as u32, // At most LINES_PER_CHECKOUT_MAX.
                product: line.product,
                variant: line.variant,
                quantity: line.quantity,
                value: line.total()?,
                attribution: line.attribution,
            })
        };
        Ok(Self {
            order: order.id,
            buyer: order.buyer,
            placed_at: order.placed_at,
            lines: order.lines.iter().enumerate().map(line).collect::<Result<_, MoneyError>>()?,
        })
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;
    use crate::domain::money::Currency;

    pub(crate) fn line(merchant: u128, minor: i64, quantity: u32) -> Line {
        Line {
            product: ProductId::from_bits(1),
            variant: VariantId::from_bits(2),
            merchant: AccountId::from_bits(merchant),
            title: "Mug".into(),
            variant_title: "Oak".into(),
            image_url: None,
            quantity,
            unit_price: Money::new(minor, Currency::USD),
            attribution: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::{LINES_PER_CHECKOUT_MAX, UNIT_PRICE_MINOR_MAX, UNITS_PER_LINE_MAX};
    use crate::domain::money::Currency;

    #[test]
    fn totals_add_up() {
        let lines = [fixtures::line(1, 1_999, 2), fixtures::line(2, 500, 1)];
        let totals = Totals::of(&lines, Money::new(499, Currency::USD), 1_000).unwrap();
        let minors = [totals.items, totals.shipping, totals.tax, totals.grand_total];
        assert_eq!(minors.map(Money::minor), [4_498, 499, 449, 5_446]);
    }

    #[test]
    fn the_largest_checkout_does_not_overflow() {
        let line = fixtures::line(1, UNIT_PRICE_MINOR_MAX, UNITS_PER_LINE_MAX);
        let lines = vec![line; LINES_PER_CHECKOUT_MAX];
        assert!(Totals::of(&lines, Money::new(499, Currency::USD), 10_000).is_ok());
    }

    #[test]
    fn mixed_currencies_have_no_total() {
        let mut euro = fixtures::line(1, 1, 1);
        euro.unit_price = Money::new(1, "EUR".parse().unwrap());
        let lines = [fixtures::line(1, 1, 1), euro];
        assert!(Totals::of(&lines, Money::zero(Currency::USD), 0).is_err());
    }
}
