//! `vitrine demo` with three clips on a free port.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The clips of the short demo: each with products that others do not show.
const CLIPS: [&str; 3] = ["clips/mug.mp4", "clips/sneaker.mp4", "clips/bottle.mp4"];

/// A running demo; ended with the test.
pub struct Demo {
    pub url: String,
    operator: String,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Demo {
    /// Starts it and waits until its content is in.
    pub async fn start() -> Self {
        // The plain client of these tests is built without a choice of its own.
        drop(rustls::crypto::ring::default_provider().install_default());
        let directory = tempfile::tempdir().unwrap();
        let samples = directory.path().join("samples");
        shorten(&samples);
        let data = directory.path().join("data");
        let start = move || {
            let mut process = Command::new(env!("CARGO_BIN_EXE_vitrine"))
                .args(["demo", "--listen", "127.0.0.1:0", "--data"])
                .arg(&data)
                .arg("--samples")
                .arg(&samples)
                .env("VITRINE_MEDIA__PRESET", "ultrafast")
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
            let lines = BufReader::new(process.stdout.take().unwrap()).lines();
            let lines: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.starts_with("Stop with"))
                .collect();
            (process, lines)
        };
        let (process, lines) = tokio::task::spawn_blocking(start).await.unwrap();
        let after = |text: &str| {
            let line = lines.iter().position(|line| line.starts_with(text));
            line.unwrap_or_else(|| panic!("no `{text}` in {lines:?}"))
        };
        let url =
            lines[after("Vitrine runs at ")].trim_start_matches("Vitrine runs at ").to_owned();
        let operator = lines[after("operator (") + 1].clone();
        Self { url, operator, process, _directory: directory }
    }

    /// Reads JSON as the operator.
    pub async fn operator_get(&self, path: &str) -> Value {
        self.get(path, &self.operator).await
    }

    /// Reads JSON as a new guest.
    pub async fn guest_get(&self, path: &str) -> Value {
        let url = format!("{}/v1/guest-tokens", self.url);
        let guest: Value =
            reqwest::Client::new().post(url).send().await.unwrap().json().await.unwrap();
        self.get(path, guest["token"].as_str().unwrap()).await
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url)).bearer_auth(token);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A folder of samples with only [`CLIPS`] and what they show.
fn shorten(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("media-samples");
    fs::create_dir_all(to).unwrap();
    for folder in ["clips", "products"] {
        symlink(from.join(folder), to.join(folder)).unwrap();
    }
    let text = fs::read_to_string(from.join("catalog.json")).unwrap();
    let mut catalog: Value = serde_json::from_str(&text).unwrap();
    let clips = catalog["clips"].as_array_mut().unwrap();
    clips.retain(|clip| CLIPS.contains(&clip["file"].as_str().unwrap()));
    let shown: Vec<String> = clips
        .iter()
        .flat_map(|clip| clip["product_tags"].as_array().unwrap())
        .map(|tag| tag["product"].as_str().unwrap().to_owned())
        .collect();
    let products = catalog["products"].as_array_mut().unwrap();
    products.retain(|product| shown.iter().any(|key| product["key"] == key.as_str()));
    fs::write(to.join("catalog.json"), catalog.to_string()).unwrap();
}

/// What `ffprobe` finds behind a URL.
pub fn probe(url: &str) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_streams", "-show_format", url])
        .output()
        .expect("ffprobe is installed by `make test`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
