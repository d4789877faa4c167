//! `vitrine worker`

use std::process::ExitCode;

use clap::Args;

use crate::app::run::{self, Role};
use crate::cli::{ConfigArgs, Outcome, runtime, say, start_log};

/// Arguments of `worker`.
#[derive(Args)]
pub(super) struct Worker {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address on which it tells whether it works; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Worker {
    pub(super) fn run(self) -> Outcome {
        let listen = self.listen.map(|address| ("server.listen", address));
        let config = self.config.load(&listen.into_iter().collect::<Vec<_>>())?;
        start_log(&config)?;
        runtime()?.block_on(async {
            let running = run::start(&config, Role::Worker).await?;
            say(&format!("vitrine works; {} tells how", running.public_url))?;
            let sound = running.finish().await;
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}
