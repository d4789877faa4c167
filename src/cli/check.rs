//! `vitrine check`

use std::process::ExitCode;

use clap::Args;

use crate::app::parts::Layout;
use crate::app::{cluster, verify};
use crate::cli::{ConfigArgs, EXIT_USAGE, Outcome, complain, runtime, say};

/// Arguments of `check`.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    /// 0: sound; 1: something is wrong; 2: there is nothing to check.
    pub(super) fn run(self) -> Outcome {
        let config = self.config.load(&[])?;
        let layout = Layout::of(&config);
        if !cluster::is_configured(&config) && !layout.store().is_file() {
            complain(&format!("vitrine: there is no store in `{}`", config.raw.data.directory));
            return Ok(ExitCode::from(EXIT_USAGE));
        }
        let findings = runtime()?.block_on(verify(&config))?;
        if self.json {
            say(&serde_json::json!({ "sound": findings.is_empty(), "findings": findings })
                .to_string())?;
        } else if findings.is_empty() {
            say("sound: the journal, the stock, the orders and the clips agree")?;
        } else {
            for finding in &findings {
                say(finding)?;
            }
        }
        Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
