//! Shapes that checkouts, orders and product sheets share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::limits::NAME_CHARS_MAX;
use crate::domain::order::{Address, Line, Order, Totals};
use crate::http::fields::{Checks, MoneyView, rfc3339};

/// How buyers judged a product.
#[derive(Serialize, ToSchema)]
pub struct RatingView {
    /// 1 to 5; null before the first judgement.
    average: Option<f64>,
    /// Judgements.
    count: u64,
}

impl RatingView {
    /// Nobody judged yet.
    pub const NONE: Self = Self { average: None, count: 0 };
}

/// Where goods go.
#[derive(Serialize, Deserialize, ToSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct AddressView {
    /// Who receives.
    #[schema(example = "Vera Viewer")]
    name: String,
    /// Street and number.
    #[schema(example = "1 Main St")]
    line1: String,
    /// Flat, floor, company.
    #[serde(default)]
    line2: Option<String>,
    /// Town.
    #[schema(example = "Springfield")]
    city: String,
    /// State or province.
    #[serde(default)]
    region: Option<String>,
    /// Postal code.
    #[schema(example = "12345")]
    postal_code: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    country: String,
}

impl AddressView {
    /// The address, each field checked under `/shipping_address`.
    pub fn check(self, checks: &mut Checks) -> Address {
        let at = |field: &str| format!("/shipping_address/{field}");
        let mut needed = |field: &str, text: &str| checks.text(at(field), text, NAME_CHARS_MAX);
        let name = needed("name", &self.name);
        let line1 = needed("line1", &self.line1);
        let city = needed("city", &self.city);
        let postal_code = needed("postal_code", &self.postal_code);
        let mut optional = |field: &str, text: Option<String>| {
            let text = text.filter(|text| !text.trim().is_empty());
            text.map(|text| needed(field, &text))
        };
        let line2 = optional("line2", self.line2);
        let region = optional("region", self.region);
        let country = self.country;
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            checks.refuse(at("country"), "is a country code of two capital letters such as `US`");
        }
        Address { name, line1, line2, city, region, postal_code, country }
    }
}

impl From<Address> for AddressView {
    fn from(address: Address) -> Self {
        let Address { name, line1, line2, city, region, postal_code, country } = address;
        Self { name, line1, line2, city, region, postal_code, country }
    }
}

/// What is paid, and for what.
#[derive(Serialize, ToSchema)]
pub struct TotalsView {
    /// The lines.
    items: MoneyView,
    /// Delivery.
    shipping: MoneyView,
    /// Tax on the items.
    tax: MoneyView,
    /// What is taken off.
    discount: MoneyView,
    /// `items + shipping + tax − discount`.
    grand_total: MoneyView,
}

impl From<Totals> for TotalsView {
    fn from(totals: Totals) -> Self {
        Self {
            items: totals.items.into(),
            shipping: totals.shipping.into(),
            tax: totals.tax.into(),
            discount: totals.discount.into(),
            grand_total: totals.grand_total.into(),
        }
    }
}

/// One line as the buyer saw it.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    /// `prd_…`
    product_id: String,
    /// `var_…`
    variant_id: String,
    /// `usr_…`: who sells it.
    merchant_id: String,
    /// The product's title.
    title: String,
    /// The variant's title.
    variant_title: String,
    /// The product's first picture.
    image_url: Option<String>,
    /// How many.
    quantity: u32,
    /// The price of one.
    unit_price: MoneyView,
    /// The price of all.
    line_total: MoneyView,
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        // The sum was made once already, when the checkout was priced.
        let total = line.total().unwrap_or(line.unit_price);
        Self {
            product_id: line.product.to_string(),
            variant_id: line.variant.to_string(),
            merchant_id: line.merchant.to_string(),
            title: line.title,
            variant_title: line.variant_title,
            image_url: line.image_url,
            quantity: line.quantity,
            unit_price: line.unit_price.into(),
            line_total: total.into(),
        }
    }
}

/// How an order was paid.
#[derive(Serialize, ToSchema)]
pub struct OrderPaymentView {
    /// `pay_…`
    id: String,
    /// `captured`
    #[schema(example = "captured")]
    state: &'static str,
    /// The provider's name for the means of payment.
    method: String,
}

/// A placed order.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    /// `ord_…`
    id: String,
    /// `placed`
    #[schema(example = "placed")]
    state: &'static str,
    /// RFC 3339.
    placed_at: String,
    /// `chk_…`
    checkout_id: String,
    /// What was bought.
    lines: Vec<LineView>,
    /// For how much.
    totals: TotalsView,
    /// How it was paid.
    payment: OrderPaymentView,
    /// Where the goods go.
    shipping_address: AddressView,
    /// The code of the shipping option.
    shipping_option: String,
    /// Where the receipt goes.
    email: String,
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.to_string(),
            state: order.state.as_str(),
            placed_at: rfc3339(order.placed_at),
            checkout_id: order.checkout.to_string(),
            lines: order.lines.into_iter().map(LineView::from).collect(),
            totals: order.totals.into(),
            payment: OrderPaymentView {
                id: order.payment.to_string(),
                state: "captured", // An order is written after its money was captured.
                method: order.payment_method,
            },
            shipping_address: order.shipping_address.into(),
            shipping_option: order.shipping_option,
            email: order.email,
        }
    }
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
pub struct OrdersView {
    /// Newest first.
    pub orders: Vec<OrderView>,
    /// For the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many items, 1 to 100.
    #[param(example = 20)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
