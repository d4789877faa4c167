//! The command line: `vitrine <command>`.

mod check;
mod completions;
mod config;
mod demo;
mod eval;
mod migrate;
mod serve;
mod token;
mod worker;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::adapters::ffmpeg::child;
use crate::config::{Config, ConfigError, Override};
use crate::telemetry::{LogFormat, start};

/// A wrong use or configuration.
const EXIT_USAGE: u8 = 2;

/// An engine for shoppable short video: a ranked feed and a correct shop in one binary.
#[derive(Parser)]
#[command(name = "vitrine", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server with demo content: clips, products and tokens to try it.
    Demo(demo::Demo),
    /// Run the server.
    Serve(serve::Serve),
    /// Run one more node of a cluster that transcodes and reconciles, without the API.
    Worker(worker::Worker),
    /// Bring a cluster's schema up to date; safe on all nodes at once.
    Migrate(migrate::Migrate),
    /// Print an access token signed with the data directory's key.
    Token(token::Token),
    /// Verify a data directory: its file, its money and its stock.
    Check(check::Check),
    /// Print the effective configuration and where each value comes from.
    Config(config::Show),
    /// Judge the ranking offline: over a folder of recorded watching, or in a simulated world.
    Eval(eval::Eval),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
    /// Transcode one video; the server starts this itself.
    #[command(hide = true)]
    Transcode(child::TranscodeArgs),
}

/// Options that choose the configuration.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// A TOML file; `vitrine config --reference` prints one with every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the embedded store, objects and keys.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

impl ConfigArgs {
    fn load(&self, more: &[Override]) -> Result<Config, ConfigError> {
        let mut flags = more.to_vec();
        flags.extend(self.data.clone().map(|data| ("data.directory", data)));
        Config::load(self.config.as_deref(), &flags)
    }
}

/// What a command ends with: what went wrong, in a sentence and its causes.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Runs the command line and answers the exit code: 0 fine, 1 failed, 2 wrong use or configuration.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Worker(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Transcode(args) => Ok(child::run(&args)),
    };
    outcome.unwrap_or_else(|error| {
        let mut text = format!("vitrine: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        complain(&text);
        let usage = error.downcast_ref::<ConfigError>().is_some();
        ExitCode::from(if usage { EXIT_USAGE } else { 1 })
    })
}

/// Prints a command's answer. A reader that has read enough, as `head` does, is no fault.
fn say(text: &str) -> std::io::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a complaint. If nobody can hear it, the exit code still tells.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// The runtime of the commands that serve.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn start_log(config: &Config) -> Result<(), ConfigError> {
    use std::io::IsTerminal as _;
    let log = &config.raw.log;
    let format = if log.format == "json" { LogFormat::Json } else { LogFormat::Text };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    start(&log.filter, format, colour)
        .map_err(|fault| ConfigError(vec![format!("log.filter: {fault}")]))
}
