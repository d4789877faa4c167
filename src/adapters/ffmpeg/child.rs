//! The body of the hidden command `vitrine transcode`: one video, one process.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::adapters::ffmpeg::confine::confine;
use crate::adapters::ffmpeg::engine::{Fault, Listener, Settings, transcode};
use crate::adapters::ffmpeg::protocol::{DoneLine, Line};
use crate::domain::media_failure::MediaFailure;

/// The source is at fault (`EX_DATAERR` of sysexits.h).
pub const EXIT_REJECTED: u8 = 65;
/// We are at fault (`EX_SOFTWARE`).
pub const EXIT_FAILED: u8 = 70;

/// Transcodes one video and prints what happens as lines of JSON. Started by `vitrine` itself.
#[derive(Clone, Debug, clap::Args)]
pub struct TranscodeArgs {
    /// The video.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the renditions go: a directory that is missing or empty.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Settings that differ from the defaults, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub options: String,
}

/// Runs the command: confines the process, transcodes, prints the last line. After a failure the
/// output directory is as it was before, empty or missing.
pub fn run(args: &TranscodeArgs) -> ExitCode {
    let existed = args.output.is_dir();
    let outcome = prepare(args).and_then(|settings| {
        let listener: Listener = Box::new(|event| print(&Line::from(event)));
        transcode(&args.input, &args.output, &settings, listener)
            .inspect_err(|_| clear(&args.output, existed))
    });
    let (line, code) = match outcome {
        Ok(report) => (Line::Done(DoneLine::from(&report)), ExitCode::SUCCESS),
        Err(fault) => {
            let code =
                if fault.failure() == MediaFailure::Internal { EXIT_FAILED } else { EXIT_REJECTED };
            (Line::error(fault.failure(), fault.to_string()), ExitCode::from(code))
        }
    };
    // Nobody may be left to read the last line; the exit code says the same.
    if print(&line).is_err() { ExitCode::from(EXIT_FAILED) } else { code }
}

fn prepare(args: &TranscodeArgs) -> Result<Settings, Fault> {
    let settings =
        serde_json::from_str(&args.options).map_err(|error| Fault::internal("--options", error))?;
    // Looked at before anything is written, so that a stranger's directory is never cleared.
    if fs::read_dir(&args.output).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Fault::internal("--output", "the directory is not empty"));
    }
    confine(&args.input, &args.output)?;
    Ok(settings)
}

fn print(line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    // One write under the lock: lines of several threads never mix.
    let mut stdout = io::stdout().lock();
    stdout.write_all(&bytes)?;
    stdout.flush()
}

/// Removes what was written. Errors are left to the supervisor, which does the same again.
fn clear(output: &Path, existed: bool) {
    let _ = fs::remove_dir_all(output);
    if existed {
        let _ = fs::create_dir(output);
    }
}
