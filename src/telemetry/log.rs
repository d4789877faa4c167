//! The log: human-readable on a terminal, JSON lines where machines read.
//!
//! Lines of a request carry its id by the span that `http::layers` opens. Nothing logs bodies, tokens,
//! names, addresses or account ids.

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log on standard error. `filter` is a level or a list such as `info,vitrine::worker=debug`.
///
/// # Errors
///
/// When the filter cannot be parsed, or a log was started before.
pub fn start(filter: &str, format: LogFormat, colour: bool) -> Result<(), String> {
    let log = subscriber(filter, format, colour, std::io::stderr)?;
    log.try_init().map_err(|error| error.to_string())
}

/// The log as [`start`] installs it, written to `writer`.
///
/// # Errors
///
/// When the filter cannot be parsed.
pub fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, String>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_span_events(FmtSpan::NONE)
        .with_target(true)
        .with_ansi(colour);
    Ok(match format {
        LogFormat::Text => Box::new(log.finish()),
        // One span is all there is: its fields stand in `span`.
        LogFormat::Json => Box::new(log.json().flatten_event(true).with_span_list(false).finish()),
    })
}
