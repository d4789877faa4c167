//! `vitrine token`

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::app::issue_token;
use crate::app::parts::{Layout, tokens};
use crate::cli::{ConfigArgs, Outcome, say};
use crate::domain::account::Scope;

/// Arguments of `token`.
#[derive(Args)]
pub(super) struct Token {
    #[command(flatten)]
    config: ConfigArgs,
    /// Whom the token speaks for.
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// What it allows; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", default_value = "viewer")]
    scopes: Vec<ScopeArg>,
    /// How long it is good: `90s`, `15m`, `1h`, `30d`.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_ttl)]
    ttl: i64,
    /// Print a JSON object with the account's id instead of the bare token.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ScopeArg {
    Viewer,
    Creator,
    Merchant,
    Operator,
}

impl From<ScopeArg> for Scope {
    fn from(arg: ScopeArg) -> Self {
        match arg {
            ScopeArg::Viewer => Self::Viewer,
            ScopeArg::Creator => Self::Creator,
            ScopeArg::Merchant => Self::Merchant,
            ScopeArg::Operator => Self::Operator,
        }
    }
}

/// Milliseconds of a number with a unit.
fn parse_ttl(text: &str) -> Result<i64, String> {
    let fault = || "a whole number with a unit: `90s`, `15m`, `1h`, `30d`".to_owned();
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
    let (number, unit) = text.split_at(unit_at);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(fault()),
    };
    let number: i64 = number.parse().map_err(|_| fault())?;
    number.checked_mul(unit_ms).filter(|ms| *ms > 0).ok_or_else(fault)
}

impl Token {
    pub(super) fn run(self) -> Outcome {
        let config = self.config.load(&[])?;
        let layout = Layout::open(&config)?;
        let scopes: Vec<Scope> = self.scopes.iter().map(|scope| (*scope).into()).collect();
        let issued =
            issue_token(tokens(&layout, &config)?, &layout, &self.subject, &scopes, self.ttl)?;
        if self.json {
            let scope: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            let answer = serde_json::json!({
                "token": issued.token,
                "account": issued.account.to_string(),
                "subject": self.subject,
                "scope": scope.join(" "),
            });
            say(&answer.to_string())?;
        } else {
            say(&issued.token)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(parse_ttl("90s"), Ok(90_000));
        assert_eq!(parse_ttl("30d"), Ok(30 * 86_400_000));
        for text in ["90", "h", "-1h", "1w", "99999999999999999d", "0s"] {
            assert!(parse_ttl(text).is_err(), "{text}");
        }
    }
}
