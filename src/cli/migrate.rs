//! `vitrine migrate`

use std::process::ExitCode;

use clap::Args;

use crate::app::cluster;
use crate::cli::{ConfigArgs, Outcome, runtime, say, start_log};

/// Arguments of `migrate`.
#[derive(Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Migrate {
    /// Applying nothing is fine: then the schema was up to date.
    pub(super) fn run(self) -> Outcome {
        let config = self.config.load(&[])?;
        start_log(&config)?;
        let json = self.json;
        let mut tell = move |line: &str| {
            if !json {
                drop(say(line)); // Whoever stopped reading has no use for it.
            }
        };
        let applied = runtime()?.block_on(cluster::migrate(&config, &mut tell))?;
        if json {
            let applied: Vec<_> = applied
                .iter()
                .map(|one| serde_json::json!({ "version": one.version, "name": one.name }))
                .collect();
            say(&serde_json::json!({ "applied": applied }).to_string())?;
        } else if applied.is_empty() {
            say(&format!("the keyspace `{}` is up to date", config.raw.cql.keyspace))?;
        } else {
            say(&format!(
                "applied {} to the keyspace `{}`",
                applied.len(),
                config.raw.cql.keyspace
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
