//! `vitrine serve`

use std::process::ExitCode;

use clap::Args;

use crate::app::run::{self, Role};
use crate::cli::{ConfigArgs, Outcome, runtime, say, start_log};

/// Arguments of `serve`.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let listen = self.listen.map(|address| ("server.listen", address));
        let config = self.config.load(&listen.into_iter().collect::<Vec<_>>())?;
        start_log(&config)?;
        runtime()?.block_on(async {
            let running = run::start(&config, Role::Server).await?;
            say(&format!("vitrine listens on {}", running.public_url))?;
            let sound = running.finish().await;
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}
