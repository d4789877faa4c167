//! Money as integers in minor units. A float never holds an amount.

use std::fmt;
use std::str::FromStr;

/// A currency of ISO 4217, three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// ISO 4217 codes whose minor unit is not a hundredth (list one, 2024-06-25): code, exponent.
const ODD_EXPONENTS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// ISO 4217 codes with two decimals.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD \
    BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD \
    LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK \
    PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS \
    TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW";

/// Why a text is not a currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency code of ISO 4217 such as `USD`")]
pub struct CurrencyError(String);

impl Currency {
    /// The US dollar, the default of a new installation.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimals the minor unit stands for: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u8 {
        ODD_EXPONENTS
            .iter()
            .find(|(code, _)| *code == self.code())
            .map_or(2, |(_, exponent)| *exponent)
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let known = text.len() == 3
            && (HUNDREDTHS.split_ascii_whitespace().any(|code| code == text)
                || ODD_EXPONENTS.iter().any(|(code, _)| *code == text));
        let refused = || CurrencyError(text.chars().filter(|c| !c.is_control()).take(16).collect());
        if !known {
            return Err(refused());
        }
        text.as_bytes().try_into().map(Self).map_err(|_| refused())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a sum could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met; there is no rate here to bring them together.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit 63 bits and a sign.
    #[error("the amount is too large")]
    Overflow,
}

/// An amount in minor units of one currency. It may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` minor units: `Money::new(1999, Currency::USD)` is 19.99 dollars.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The integer amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// This amount less another of the same currency.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// This amount `count` times over.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(i64::from(count)).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// A share in basis points (1/10 000) of a non-negative amount, rounded down: the payer of a fee
    /// never pays a fraction of a unit too much.
    #[must_use]
    pub fn basis_points(self, points: u16) -> Self {
        let share = i128::from(self.minor) * i128::from(points) / 10_000;
        // |share| ≤ |minor| · 6.6, and callers hold points ≤ 10 000, so it fits again.
        Self::new(i64::try_from(share).unwrap_or(i64::MAX), self.currency)
    }

    /// Parts in proportion to `weights` that sum to exactly this amount; none is off by a whole unit.
    ///
    /// The units that rounding down leaves over go to the parts with the largest remainders, the
    /// first of equals first (Hamilton's method).
    ///
    /// # Panics
    ///
    /// If all weights are zero or the amount is negative: there is nothing to be in proportion to.
    pub fn split(self, weights: &[u32]) -> Vec<Self> {
        let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
        assert!(sum > 0, "a split needs a positive weight");
        assert!(self.minor >= 0, "only non-negative amounts are split");
        let exact = |weight: u32| i128::from(self.minor) * i128::from(weight);
        let mut parts: Vec<i128> = weights.iter().map(|&weight| exact(weight) / sum).collect();
        let left = i128::from(self.minor) - parts.iter().sum::<i128>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&index| (-(exact(weights[index]) % sum), index));
        for &index in order.iter().take(usize::try_from(left).unwrap_or(0)) {
            parts[index] += 1;
        }
        parts.into_iter().map(|part| Self::new(part as i64, self.currency)).collect()
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.minor, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exponents_follow_iso_4217() {
        for (code, exponent) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
        for text in ["usd", "US", "USDX", "ZZZ", ""] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }

    #[test]
    fn sums_refuse_mixed_currencies_and_overflow() {
        let euro: Currency = "EUR".parse().unwrap();
        let dollar = Money::new(1, Currency::USD);
        assert!(matches!(dollar.plus(Money::new(1, euro)), Err(MoneyError::CurrencyMismatch(..))));
        assert_eq!(Money::new(i64::MAX, euro).plus(Money::new(1, euro)), Err(MoneyError::Overflow));
        assert_eq!(Money::new(i64::MAX / 2, euro).times(3), Err(MoneyError::Overflow));
    }

    proptest! {
        /// A split never makes or loses a minor unit, and no part is off by a whole one.
        #[test]
        fn split_conserves_money(minor in 0..=i64::MAX, weights in vec(1_u32..10_000, 1..8)) {
            let parts = Money::new(minor, Currency::USD).split(&weights);
            let weight_sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
            let total: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
            prop_assert_eq!(total, i128::from(minor));
            for (part, &weight) in parts.iter().zip(&weights) {
                let fair = i128::from(minor) * i128::from(weight);
                prop_assert!((i128::from(part.minor()) * weight_sum - fair).abs() < weight_sum);
            }
        }

        #[test]
        fn a_share_is_never_more_than_its_fraction(minor in 0_i64..1 << 50, points in 0_u16..=10_000) {
            let share = Money::new(minor, Currency::USD).basis_points(points).minor();
            prop_assert!(i128::from(share) * 10_000 <= i128::from(minor) * i128::from(points));
            prop_assert!((i128::from(share) + 1) * 10_000 > i128::from(minor) * i128::from(points));
        }
    }
}
