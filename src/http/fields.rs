//! Shapes that many resources share, and the checks that turn text into domain values.

use std::fmt::Display;
use std::str::FromStr;

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::http::problem::{FieldError, Problem};

/// An amount in minor units: `{ "amount": 1999, "currency": "USD" }` is 19.99 dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyView {
    /// Minor units of the currency (ISO 4217 exponent).
    #[schema(example = 1999)]
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(example = "USD", min_length = 3, max_length = 3)]
    pub currency: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.minor(), currency: money.currency().code().to_owned() }
    }
}

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or(jiff::Timestamp::MAX);
    PRINTER.timestamp_to_string(&instant)
}

/// The instant of an RFC 3339 text.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_unix_ms(instant.as_millisecond()))
}

/// Collects what is wrong with a request, so that the client hears all of it at once.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// No complaint yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field is wrong.
    pub fn refuse(&mut self, pointer: impl Into<String>, detail: impl Display) {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.to_string() });
    }

    /// Parses a text field; a refusal is noted and answered as `None`.
    pub fn parse<T: FromStr>(&mut self, pointer: impl Into<String>, text: &str) -> Option<T>
    where
        T::Err: Display,
    {
        text.parse().map_err(|error: T::Err| self.refuse(pointer, error)).ok()
    }

    /// A text of bounded length without control characters (line breaks are fine), trimmed.
    pub fn text(&mut self, pointer: impl Into<String>, text: &str, chars_max: usize) -> String {
        let trimmed = text.trim();
        let pointer = pointer.into();
        if trimmed.is_empty() {
            self.refuse(pointer, "must not be empty");
        } else if trimmed.chars().count() > chars_max {
            self.refuse(pointer, format!("has at most {chars_max} characters"));
        } else if trimmed.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.refuse(pointer, "must not contain control characters");
        }
        trimmed.to_owned()
    }

    /// An amount of money.
    pub fn money(&mut self, pointer: &str, view: &MoneyView) -> Option<Money> {
        let currency: Currency = self.parse(format!("{pointer}/currency"), &view.currency)?;
        Some(Money::new(view.amount, currency))
    }

    /// `Ok` when nothing was refused.
    pub fn done(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

/// How many items a list shows: `limit` if it is within 1..=`max`, `default` when it is left out.
pub fn list_limit(limit: Option<u32>, default: u32, max: u32) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(default);
    if limit == 0 || limit > max {
        return Err(Problem::field("/limit", format!("is between 1 and {max}")));
    }
    Ok(limit as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_in_rfc_3339() {
        let at = Timestamp::from_unix_ms(1_700_000_000_120);
        assert_eq!(rfc3339(at), "2023-11-14T22:13:20.120Z");
        assert_eq!(parse_rfc3339("2023-11-14T23:13:20.12+01:00"), Some(at));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn checks_collect_every_complaint() {
        let mut checks = Checks::new();
        checks.text("/title", " ", 10);
        checks.money("/price", &MoneyView { amount: 1, currency: "usd".into() });
        let problem = checks.done().unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("/title") && text.contains("/price/currency"), "{text}");
    }
}
