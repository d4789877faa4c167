//! `vitrine config`

use std::process::ExitCode;

use clap::Args;

use crate::cli::{ConfigArgs, Outcome, say};
use crate::config::reference;
use crate::telemetry::catalog;

/// Arguments of `config`.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print a file with every key, its meaning and its default instead.
    #[arg(long)]
    reference: bool,
    /// Print the list of metrics instead.
    #[arg(long)]
    metrics: bool,
}

impl Show {
    pub(super) fn run(self) -> Outcome {
        if self.reference {
            say(reference().trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.metrics {
            say(catalog::markdown().trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows = self.config.load(&[])?.describe();
        if self.json {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(key, value, origin)| {
                    serde_json::json!({ "key": key, "value": value, "origin": origin })
                })
                .collect();
            say(&serde_json::to_string_pretty(&rows)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        for (key, value, origin) in rows {
            say(&format!("{key} = {value}  # {origin}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
