//! Nodes: the program as an operator runs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use vitrine::adapters::system::OsEntropy;
use vitrine::ports::entropy::Entropy as _;

use crate::client::Actor;
use crate::servers::Servers;
use crate::{PATIENCE, eventually};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vitrine");

/// The configuration that the nodes of one test share.
pub struct Home {
    directory: TempDir,
    config: PathBuf,
    tag: String,
}

impl Home {
    /// A home over the shared keyspace.
    pub fn new(servers: &Servers) -> Self {
        Self::over(servers, &servers.keyspace)
    }

    /// A home over a keyspace.
    pub fn over(servers: &Servers, keyspace: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("vitrine.toml");
        // Ids of journal entries derive from the keys, so one keyspace has one set of them.
        let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keys-{keyspace}"));
        let text = servers.configuration(keyspace, &keys);
        std::fs::write(&config, text).unwrap();
        let tag = format!("{:08x}", OsEntropy::new().seed() >> 32);
        Self { directory, config, tag }
    }

    /// The program with the shared configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--config").arg(&self.config);
        command.env_clear().stdin(Stdio::null());
        command.env("VITRINE_DATA__DIRECTORY", self.directory.path().join("alone"));
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Someone with a token of these scopes. Other tests' people of that name are others.
    pub async fn actor(&self, name: &str, scopes: &[&str]) -> Actor {
        let subject = format!("{name}-{}", self.tag);
        let mut arguments = vec!["token", "--subject", &subject];
        for scope in scopes {
            arguments.extend(["--scope", scope]);
        }
        let made = self.run(&arguments).await;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Actor::new(String::from_utf8(made.stdout).unwrap().trim())
    }

    /// `vitrine check --config` must find nothing.
    pub async fn check(&self) {
        let checked = self.run(&["check"]).await;
        let said = String::from_utf8_lossy(&checked.stdout);
        let complained = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}{complained}");
    }

    /// Starts a node of that name; it is ready when this returns.
    pub async fn start(&self, name: &str, environment: &[(&str, &str)]) -> Node {
        self.start_as("serve", name, environment).await
    }

    /// Starts a node by that command.
    pub async fn start_as(&self, role: &str, name: &str, environment: &[(&str, &str)]) -> Node {
        let directory = self.directory.path().join(name);
        let mut command = self.command(&[role]);
        command.env("VITRINE_DATA__DIRECTORY", &directory).envs(environment.iter().copied());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let mut node = Node { process: Some(process), url: String::new() };
        let greeting = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let line = tokio::time::timeout(PATIENCE, greeting).await.expect("it starts").unwrap();
        let url = line.split_whitespace().map(|word| word.trim_end_matches(';'));
        let url = url.into_iter().find(|word| word.starts_with("http://"));
        url.unwrap_or_else(|| panic!("`{line}` names no address")).clone_into(&mut node.url);
        let url = node.url.clone();
        eventually("readiness", PATIENCE, async || is_ready(&url).await.then_some(())).await;
        node
    }
}

/// Whether a load balancer would send requests there.
pub async fn is_ready(url: &str) -> bool {
    let asked = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let answer = asked.get(format!("{url}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// A running node; killed when it is dropped.
pub struct Node {
    process: Option<Child>,
    pub url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Node {
    /// SIGKILL, to it and what it transcodes with; returns when it is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends SIGTERM and returns at once.
    pub fn ask_to_stop(&self) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end, which must be a good one.
    pub async fn ended(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let status = tokio::task::spawn_blocking(move || process.wait().unwrap());
        let status = tokio::time::timeout(PATIENCE, status).await.expect("it ends").unwrap();
        assert!(status.success(), "it ended with {status}");
    }
}

/// A small second of video.
pub fn video() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i", "media-samples/clips/mug.mp4", "-t", "1"])
        .args(["-vf", "scale=180:320", "-c:v", "libx264", "-preset", "ultrafast", "-an"])
        .arg(&path)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the `ffmpeg` command is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::read(path).unwrap()
}

/// A video that takes a while.
pub fn long_video() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("media-samples/clips/mug.mp4"))
        .unwrap()
}
