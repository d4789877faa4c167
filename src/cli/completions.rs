//! `vitrine completions`

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;

/// Arguments of `completions`.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        clap_complete::generate(self.shell, &mut Cli::command(), "vitrine", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}
