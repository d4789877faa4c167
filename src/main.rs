//! The `vitrine` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vitrine::adapters::ffmpeg::child;

#[derive(Parser)]
#[command(name = "vitrine", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Transcodes one video; the server starts this itself.
    #[command(hide = true)]
    Transcode(child::TranscodeArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Transcode(args) => child::run(&args),
    }
}
