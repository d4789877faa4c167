//! The program, started and killed over one data directory.

use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tempfile::NamedTempFile;
use tempfile::TempDir;
use tokio::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vitrine");
/// What `serve` prints before its address.
const GREETING: &str = "vitrine listens on ";
/// What open requests are given at a stop.
pub const DRAIN_MS: u64 = 1_000;
/// A start that takes this long is hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program and its data. Both go when it is dropped.
pub struct Server {
    process: Option<Child>,
    data: TempDir,
    settings: Vec<(String, String)>,
    log: NamedTempFile,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_clear()
        .env("VITRINE_MEDIA__PRESET", "ultrafast")
        .env("VITRINE_LOG__FILTER", "warn")
        .env("VITRINE_SERVER__DRAIN_MS", DRAIN_MS.to_string())
        .stdin(Stdio::null());
    command
}

impl Server {
    /// An empty data directory; nothing runs yet.
    pub fn new() -> Self {
        Self {
            process: None,
            data: tempfile::tempdir().unwrap(),
            settings: Vec::new(),
            log: NamedTempFile::new().unwrap(),
        }
    }

    /// Sets a variable for the starts that follow. Their log can then be read.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// What it complained about, if anything was set.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A token for `subject`, as an operator would make it.
    pub fn token(&self, subject: &str, scope: &str) -> String {
        let arguments = ["token", "--subject", subject, "--scope", scope];
        let made = command(self.data(), &arguments).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    fn spawn(&mut self) {
        self.kill();
        let mut serve = command(self.data(), &["serve", "--listen", "127.0.0.1:0"]);
        if !self.settings.is_empty() {
            serve.envs(self.settings.iter().cloned()).stderr(self.log.reopen().unwrap());
        }
        self.process = Some(serve.stdout(Stdio::piped()).spawn().unwrap());
    }

    /// Starts it; answers its URL and how long it took until `/readyz` said yes.
    pub async fn start(&mut self) -> (String, Duration) {
        let started = Instant::now();
        self.spawn();
        let stdout = self.process.as_mut().unwrap().stdout.take().unwrap();
        let greeting = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let line = tokio::time::timeout(PATIENCE, greeting).await.expect("it starts").unwrap();
        let url = line.trim().strip_prefix(GREETING);
        let url = url.unwrap_or_else(|| panic!("it said `{line}` instead of its address"));
        let client = reqwest::Client::new();
        let ready = format!("{url}/readyz");
        while !client.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(started.elapsed() < PATIENCE, "it never becomes ready");
        }
        (url.to_owned(), started.elapsed())
    }

    /// Starts it and kills it `life` later, ready or not.
    pub async fn start_and_kill(&mut self, life: Duration) {
        self.spawn();
        tokio::time::sleep(life).await;
        self.kill();
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// SIGTERM; the process must end well. Answers how long that took.
    pub fn terminate(&mut self) -> Duration {
        let asked = Instant::now();
        let mut process = self.process.take().expect("it runs");
        let id = process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = process.wait().unwrap();
        assert!(status.success(), "after SIGTERM it ended with {status}");
        asked.elapsed()
    }

    /// `vitrine check` must find nothing.
    pub fn check(&self) {
        let checked = command(self.data(), &["check"]).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        let complained = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}{complained}");
    }
}
