//! `vitrine demo`: the embedded shape with content, loaded through the public API as anybody would.

mod catalog;
mod client;
mod load;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::app::run::{self, Role, Running};
use crate::cli::demo::catalog::Catalog;
use crate::cli::demo::load::load;
use crate::cli::{ConfigArgs, Outcome, runtime, say, start_log};
use crate::domain::account::Scope;

/// How long the demo's tokens are good.
const TOKEN_TTL_MS: i64 = 30 * 86_400_000;
/// Written into the data directory when all content is in: a later start only serves.
const LOADED_MARK: &str = "demo-loaded";

/// Arguments of `demo`.
#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Directory of the demo's content.
    #[arg(long, value_name = "DIR", default_value = "media-samples")]
    samples: PathBuf,
}

impl Demo {
    pub(super) fn run(self) -> Outcome {
        let listen = self.listen.map(|address| ("server.listen", address));
        let config = self.config.load(&listen.into_iter().collect::<Vec<_>>())?;
        start_log(&config)?;
        let mark = config.data_directory().join(LOADED_MARK);
        runtime()?.block_on(async {
            let running = run::start(&config, Role::Server).await?;
            if !mark.exists() {
                let catalog = Catalog::read(&self.samples)?;
                let stop = running.tasks.stop().clone();
                tokio::select! {
                    loaded = load(&running, &catalog, &self.samples) => loaded?,
                    () = stop.cancelled() => return Ok(finish(&running).await),
                }
                keep_mark(&mark)?;
            }
            greet(&running)?;
            Ok(finish(&running).await)
        })
    }
}

async fn finish(running: &Running) -> ExitCode {
    if running.finish().await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn keep_mark(mark: &Path) -> std::io::Result<()> {
    let file = std::fs::File::create(mark)?;
    file.sync_all()
}

/// Prints where to go and with which tokens.
fn greet(running: &Running) -> Result<(), Box<dyn std::error::Error>> {
    let url = &running.public_url;
    let people = [
        ("viewer", "demo-viewer", vec![Scope::Viewer]),
        ("creator", "creator-mina", vec![Scope::Viewer, Scope::Creator]),
        ("merchant", "merchant-north", vec![Scope::Viewer, Scope::Merchant]),
        ("operator", "demo-operator", vec![Scope::Operator]),
    ];
    say(&format!("\nVitrine runs at {url}"))?;
    say(&format!("  watch and buy    {url}/"))?;
    say(&format!("  API reference    {url}/docs/"))?;
    say("\nAccess tokens, good for 30 days:")?;
    for (scope, subject, scopes) in people {
        let token = running.token(subject, &scopes, TOKEN_TTL_MS)?;
        say(&format!("\n{scope} ({subject})\n{token}"))?;
    }
    say("\nStop with Ctrl-C. The data directory keeps everything for the next start.")?;
    Ok(())
}
