//! The [`Transcoder`] that runs each video in a child process.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::adapters::ffmpeg::engine::Settings;
use crate::adapters::ffmpeg::protocol::{DoneLine, Line};
use crate::domain::limits;
use crate::domain::media_failure::MediaFailure;
use crate::ports::error::Cause;
use crate::ports::transcoder::{
    OutputFile, TranscodeError, TranscodeEvent, TranscodeReport, Transcoder,
};

/// Signal numbers are the same on every Unix we build for.
const SIGKILL: i32 = libc::SIGKILL;
/// The kernel's word that a process used up its processor time.
const SIGXCPU: i32 = libc::SIGXCPU;

/// Starts `program transcode …` for each video and believes nothing it says unchecked: the child
/// reads a stranger's file, so its lines are bounded, its paths stay inside the output directory
/// and its claims are compared with the disk.
///
/// The child inherits no environment, no input and no open file, has a deadline, and dies with the
/// future.
#[derive(Clone, Debug)]
pub struct ChildTranscoder {
    program: PathBuf,
    settings: Settings,
    deadline: Duration,
}

impl ChildTranscoder {
    /// Runs `program`, which is this very executable, with `settings`.
    pub fn new(program: PathBuf, settings: Settings) -> Self {
        let deadline = Duration::from_millis(limits::TRANSCODE_DEADLINE_MS as u64);
        Self { program, settings, deadline }
    }

    /// The same with another deadline for one video.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn spawn(&self, source: &Path, output: &Path) -> Result<Child, TranscodeError> {
        let options = serde_json::to_string(&self.settings).map_err(TranscodeError::failed)?;
        Command::new(&self.program)
            .arg("transcode")
            .arg("--input")
            .arg(source)
            .arg("--output")
            .arg(output)
            .arg("--options")
            .arg(options)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(TranscodeError::failed)
    }

    async fn run(
        &self,
        source: &Path,
        output: &Path,
        events: mpsc::Sender<TranscodeEvent>,
    ) -> Result<TranscodeReport, TranscodeError> {
        let mut child = self.spawn(source, output)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(TranscodeError::failed("the child has no standard streams"));
        };
        let mut conversation = Conversation::new(output, events);
        let talk = async {
            let (ended, end) = oneshot::channel();
            let hear = async {
                let heard = conversation.listen(stdout).await;
                if heard.is_err() {
                    // A child that talks nonsense is not waited for.
                    child.start_kill().map_err(TranscodeError::failed)?;
                }
                let status = child.wait().await.map_err(TranscodeError::failed)?;
                let _ = ended.send(()); // Nobody waits for it if standard error was closed before.
                heard.map(|()| status)
            };
            let (status, last_words) = tokio::join!(hear, tail(stderr, end));
            status.map(|status| (status, last_words))
        };
        let Ok(said) = time::timeout(self.deadline, talk).await else {
            // Waited for, so that it writes nothing after the output has been removed.
            child.kill().await.map_err(TranscodeError::failed)?;
            return Err(TranscodeError::TimedOut(self.deadline));
        };
        let (status, last_words) = said?;
        conversation.conclude(status, &last_words)
    }
}

#[async_trait]
impl Transcoder for ChildTranscoder {
    async fn transcode(
        &self,
        source: &Path,
        output: &Path,
        events: mpsc::Sender<TranscodeEvent>,
    ) -> Result<TranscodeReport, TranscodeError> {
        if let Ok(mut entries) = fs::read_dir(output).await
            && entries.next_entry().await.map_err(TranscodeError::failed)?.is_some()
        {
            return Err(TranscodeError::failed("the output directory is not empty"));
        }
        let outcome = self.run(source, output, events).await;
        if outcome.is_err() {
            match fs::remove_dir_all(output).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(TranscodeError::failed(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        outcome
    }
}

/// What one child has said so far.
struct Conversation<'a> {
    output: &'a Path,
    events: mpsc::Sender<TranscodeEvent>,
    progress: f64,
    files: Vec<OutputFile>,
    end: Option<End>,
}

enum End {
    Done(DoneLine),
    Error { code: String, message: String },
}

impl<'a> Conversation<'a> {
    fn new(output: &'a Path, events: mpsc::Sender<TranscodeEvent>) -> Self {
        Self { output, events, progress: 0.0, files: Vec::new(), end: None }
    }

    /// Reads lines until the child closes its end.
    async fn listen(&mut self, stdout: ChildStdout) -> Result<(), TranscodeError> {
        let mut reader = BufReader::new(stdout);
        while let Some(line) = read_line(&mut reader).await.map_err(TranscodeError::failed)? {
            let line = serde_json::from_slice(&line).map_err(TranscodeError::failed)?;
            if self.end.is_some() {
                return Err(TranscodeError::failed("the child spoke after its last line"));
            }
            self.hear(line).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, line: Line) -> Result<(), TranscodeError> {
        let event = match line {
            Line::Probe { duration_ms, width, height } => {
                TranscodeEvent::Probed { duration_ms, width, height }
            }
            Line::Progress { done } => {
                // Not a number, backwards or beyond the end: not progress.
                if !(done > self.progress && done <= 1.0) {
                    return Ok(());
                }
                self.progress = done;
                TranscodeEvent::Progress(done)
            }
            Line::File { path, bytes } => {
                let file = self.checked_file(path, bytes).await?;
                self.files.push(file.clone());
                TranscodeEvent::File(file)
            }
            Line::Done(done) => {
                self.end = Some(End::Done(done));
                return Ok(());
            }
            Line::Error { code, message } => {
                self.end = Some(End::Error { code, message });
                return Ok(());
            }
        };
        // A receiver that has gone away does not stop the work.
        let _ = self.events.send(event).await;
        Ok(())
    }

    async fn checked_file(&self, path: String, bytes: u64) -> Result<OutputFile, TranscodeError> {
        if self.files.len() >= limits::TRANSCODE_FILES_MAX || !is_plain_path(&path) {
            return Err(TranscodeError::failed("the child named an impossible file"));
        }
        let path = PathBuf::from(path);
        let found = fs::symlink_metadata(self.output.join(&path)).await;
        let found = found.map_err(TranscodeError::failed)?;
        if !found.is_file() || found.len() != bytes {
            return Err(TranscodeError::failed("the child named a file that is not as it says"));
        }
        Ok(OutputFile { path, bytes })
    }

    fn conclude(
        self,
        status: ExitStatus,
        last_words: &str,
    ) -> Result<TranscodeReport, TranscodeError> {
        match self.end {
            Some(End::Done(done)) if status.success() => done
                .into_report(self.files)
                .ok_or_else(|| TranscodeError::failed("the child's report contradicts its files")),
            Some(End::Error { code, message }) => match MediaFailure::from_code(&code) {
                Some(MediaFailure::Internal) | None => {
                    Err(TranscodeError::failed(format!("{message}; {last_words}")))
                }
                Some(failure) => Err(TranscodeError::Rejected(failure)),
            },
            Some(End::Done(_)) | None => Err(death(status, last_words)),
        }
    }
}

/// A child that ended without a last line: killed, crashed or out of processor time.
fn death(status: ExitStatus, last_words: &str) -> TranscodeError {
    use std::os::unix::process::ExitStatusExt as _;

    if status.signal() == Some(SIGXCPU) {
        return TranscodeError::Rejected(MediaFailure::Timeout);
    }
    let what = match status.signal() {
        Some(SIGKILL) => "the child was killed, perhaps for its memory".to_owned(),
        Some(signal) => format!("the child died of signal {signal}"),
        None => format!("the child left without a word ({status})"),
    };
    TranscodeError::Failed(Cause::from(format!("{what}; {last_words}")))
}

/// Whether a path from the child is relative, plain and leads nowhere else.
fn is_plain_path(path: &str) -> bool {
    const DEPTH_MAX: usize = 3;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let parts: Vec<Component<'_>> = Path::new(path).components().collect();
    path.len() <= 128
        && path.chars().all(plain)
        && (1..=DEPTH_MAX).contains(&parts.len())
        && parts.iter().all(|part| matches!(part, Component::Normal(_)))
}

/// The next line without its end; none when the child has closed its end. A longer line than
/// allowed is an error, and is not read to its end.
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = limits::TRANSCODE_LINE_BYTES_MAX as u64 + 1;
    reader.take(limit).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line has no end"));
    }
    Ok(Some(line))
}

/// Reads until the stream ends, or until `end` when nothing more is there, and keeps the last
/// bytes.
async fn tail(mut stream: impl AsyncRead + Unpin, mut end: oneshot::Receiver<()>) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let count = tokio::select! {
            biased;
            count = stream.read(&mut piece) => count.unwrap_or(0),
            _ = &mut end => 0,
        };
        if count == 0 {
            return String::from_utf8_lossy(&kept).trim().to_owned();
        }
        kept.extend_from_slice(&piece[..count]);
        let excess = kept.len().saturating_sub(limits::TRANSCODE_STDERR_BYTES_MAX);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{is_plain_path, read_line, tail};
    use crate::domain::limits;

    #[test]
    fn paths_stay_inside() {
        for path in ["master.m3u8", "v360/00000.m4s", "audio/init.mp4"] {
            assert!(is_plain_path(path), "{path}");
        }
        let long = "a".repeat(129);
        let outside =
            ["", ".", "..", "/etc/passwd", "../up", "v/../../up", "a b", "a\n", "a/b/c/d", &long];
        for path in outside {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    #[tokio::test]
    async fn lines_are_bounded() {
        let mut lines = &b"{}\n\nhalf"[..];
        assert_eq!(read_line(&mut lines).await.unwrap().as_deref(), Some(&b"{}"[..]));
        assert_eq!(read_line(&mut lines).await.unwrap().as_deref(), Some(&b""[..]));
        assert!(read_line(&mut lines).await.is_err());
        let endless = vec![b'x'; limits::TRANSCODE_LINE_BYTES_MAX * 2];
        assert!(read_line(&mut endless.as_slice()).await.is_err());
        assert_eq!(read_line(&mut &b""[..]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_last_words_are_kept() {
        let mut speech = vec![b'x'; limits::TRANSCODE_STDERR_BYTES_MAX * 3];
        speech.extend_from_slice(b"the end");
        let (_ended, end) = oneshot::channel();
        let kept = tail(speech.as_slice(), end).await;
        assert!(kept.ends_with("the end") && kept.len() == limits::TRANSCODE_STDERR_BYTES_MAX);
    }
}
