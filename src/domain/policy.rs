//! The shop's own numbers: what it charges, ships and promises. Configuration fills them in.

use crate::domain::money::Currency;
use crate::domain::money::Money;
use crate::domain::time::DAY_MS;

/// One way to send goods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShippingOption {
    /// The word that a checkout names, such as `standard`.
    pub code: String,
    /// What a buyer reads.
    pub title: String,
    /// What it costs per checkout, at most one entry per currency. A currency without one is not served.
    pub prices: Vec<Money>,
    /// Days until delivery at best.
    pub min_days: u16,
    /// Days until delivery at worst.
    pub max_days: u16,
}

impl ShippingOption {
    /// What it costs in `currency`, if it is offered there.
    pub fn price(&self, currency: Currency) -> Option<Money> {
        self.prices.iter().copied().find(|price| price.currency() == currency)
    }
}

/// All numbers of the shop that are a choice. Shares are in basis points (1/10 000).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShopPolicy {
    /// The ways to send goods, the usual one first.
    pub shipping_options: Vec<ShippingOption>,
    /// The platform's share of a merchant's items.
    pub platform_fee_bps: u16,
    /// A creator's share of the items that a clip of theirs sold, paid by the merchant.
    pub creator_commission_bps: u16,
    /// Tax on items, added to their price. Zero until an operator says otherwise: tax rules are law,
    /// not a default.
    pub tax_bps: u16,
    /// Days in which a buyer may send goods back.
    pub return_window_days: u16,
}

impl Default for ShopPolicy {
    fn default() -> Self {
        let prices = |minor| {
            ["USD", "EUR", "GBP"]
                .iter()
                .filter_map(|code| Some(Money::new(minor, code.parse().ok()?)))
                .collect()
        };
        let option = |code: &str, title: &str, minor, days: (u16, u16)| ShippingOption {
            code: code.to_owned(),
            title: title.to_owned(),
            prices: prices(minor),
            min_days: days.0,
            max_days: days.1,
        };
        Self {
            shipping_options: vec![
                option("standard", "Standard delivery", 499, (3, 5)),
                option("express", "Express delivery", 999, (1, 2)),
            ],
            platform_fee_bps: 500,
            creator_commission_bps: 1_000,
            tax_bps: 0,
            return_window_days: 30,
        }
    }
}

impl ShopPolicy {
    /// The shipping option of that code.
    pub fn shipping(&self, code: &str) -> Option<&ShippingOption> {
        self.shipping_options.iter().find(|option| option.code == code)
    }

    /// The currencies in which something can be sent, in alphabetic order.
    pub fn currencies(&self) -> Vec<Currency> {
        let prices = self.shipping_options.iter().flat_map(|option| &option.prices);
        let mut all: Vec<Currency> = prices.map(|price| price.currency()).collect();
        all.sort_unstable_by_key(ToString::to_string);
        all.dedup();
        all
    }

    /// The return window in milliseconds.
    pub fn return_window_ms(&self) -> i64 {
        i64::from(self.return_window_days) * DAY_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_ships_in_three_currencies_only() {
        let policy = ShopPolicy::default();
        let standard = policy.shipping("standard").unwrap();
        assert_eq!(standard.price(Currency::USD), Some(Money::new(499, Currency::USD)));
        assert_eq!(standard.price("JPY".parse().unwrap()), None);
        let codes: Vec<String> = policy.currencies().iter().map(ToString::to_string).collect();
        assert_eq!(codes, ["EUR", "GBP", "USD"]);
        assert!(policy.shipping("pigeon").is_none());
        assert!(policy.platform_fee_bps + policy.creator_commission_bps <= 10_000);
    }
}
