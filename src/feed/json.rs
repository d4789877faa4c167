//! The few JSON writers of the page. Texts are quoted once, when they are indexed, and copied per page, which
//! costs less than a serializer's walk.

use std::io::Write as _;

use jiff::fmt::temporal::DateTimePrinter;

use crate::domain::money::Money;
use crate::domain::tag::Hotspot;
use crate::domain::time::Timestamp;

/// A JSON string with its quotes.
pub fn text(value: &str) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "\"\"".into())
}

/// RFC 3339 in UTC with milliseconds.
pub fn write_instant(at: Timestamp, out: &mut Vec<u8>) {
    static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or(jiff::Timestamp::MAX);
    PRINTER.print_timestamp(&instant, out).expect("writing to memory cannot fail");
}

/// A whole number.
pub fn write_number(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut place = digits.len();
    let mut rest = value;
    loop {
        place -= 1;
        digits[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
}

/// An id without quotes.
pub fn write_id(id: impl std::fmt::Display, out: &mut Vec<u8>) {
    write!(out, "{id}").expect("writing to memory cannot fail");
}

/// `{"x":0.42,"y":0.61}`.
pub fn write_hotspot(spot: Hotspot, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"x\":");
    write_ten_thousandths(spot.x, out);
    out.extend_from_slice(b",\"y\":");
    write_ten_thousandths(spot.y, out);
    out.push(b'}');
}

/// A fraction with no more digits than it needs.
fn write_ten_thousandths(value: u16, out: &mut Vec<u8>) {
    write_number(u64::from(value / 10_000), out);
    let mut rest = value % 10_000;
    if rest > 0 {
        out.push(b'.');
    }
    let mut unit = 1_000;
    while rest > 0 {
        out.push(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
}

/// `{"amount":1999,"currency":"USD"}`.
pub fn write_money(money: Money, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"amount\":");
    if money.minor() < 0 {
        out.push(b'-');
    }
    write_number(money.minor().unsigned_abs(), out);
    out.extend_from_slice(b",\"currency\":\"");
    out.extend_from_slice(money.currency().code().as_bytes());
    out.extend_from_slice(b"\"}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn instants_are_written_to_the_millisecond() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_764_115_200_007, "2025-11-26T00:00:00.007Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            let mut out = Vec::new();
            write_instant(Timestamp::from_unix_ms(unix_ms), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn numbers_and_money_are_written_like_serde_does() {
        for value in [0, 7, 10, 999, u64::MAX] {
            let mut out = Vec::new();
            write_number(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
        for x in 0..=10_000 {
            let mut out = Vec::new();
            write_hotspot(Hotspot { x, y: 10_000 - x }, &mut out);
            let (x, y) = Hotspot { x, y: 10_000 - x }.fractions();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"x\":{x},\"y\":{y}}}"));
        }
        let mut out = Vec::new();
        write_money(Money::new(-1_999, Currency::USD), &mut out);
        assert_eq!(out, br#"{"amount":-1999,"currency":"USD"}"#);
    }
}
