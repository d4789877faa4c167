//! Creators who upload in chunks, and make clips of it.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use rand_core::SeedableRng;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::traffic::Client;
use crate::traffic::Traffic;

/// Largest chunk.
const CHUNK_BYTES_MAX: u32 = 24 * 1024;
/// Length of an upload of random bytes: some ten chunks.
const RAW_BYTES: usize = 120 * 1024;
/// Finished uploads that one creator of videos makes; each costs a transcode at the end.
const VIDEOS_MAX: usize = 3;
/// How long a transcode of a second of video may take on a busy machine.
const READY_MAX: Duration = Duration::from_secs(30);

/// One upload as its client knows it.
struct Upload {
    bytes: Vec<u8>,
    /// `/v1/uploads/upl_…`; none before its creation was acknowledged.
    location: Option<String>,
    /// The offset that was acknowledged last.
    acknowledged: usize,
    /// How far bytes were ever sent.
    sent: usize,
    /// Whether an answer was lost, so that the offset must be asked for.
    adrift: bool,
}

impl Upload {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, location: None, acknowledged: 0, sent: 0, adrift: false }
    }

    fn is_complete(&self) -> bool {
        self.location.is_some() && !self.adrift && self.acknowledged == self.bytes.len()
    }

    fn id(&self) -> &str {
        self.location.as_ref().unwrap().rsplit('/').next().unwrap()
    }
}

fn tus(request: RequestBuilder) -> RequestBuilder {
    request.header("Tus-Resumable", "1.0.0")
}

fn number(headers: &HeaderMap, name: &str) -> usize {
    headers[name].to_str().unwrap().parse().unwrap()
}

#[track_caller]
fn expect(answer: &Response, status: u16) {
    assert_eq!(answer.status(), status, "{answer:?}");
}

/// A tus client with one upload at a time.
struct Uploader {
    token: String,
    rng: ChaCha8Rng,
    current: Upload,
    finished: Vec<Upload>,
    facts: u64,
}

impl Uploader {
    fn new(token: String, seed: u64, first: Vec<u8>) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { token, rng, current: Upload::new(first), finished: Vec::new(), facts: 0 }
    }

    /// Does the next request of the current upload.
    async fn step(&mut self, client: &Client) -> Option<()> {
        if self.current.location.is_none() {
            self.create(client).await?;
        } else if self.current.adrift {
            self.ask(client).await?;
        } else if !self.current.is_complete() {
            self.send(client).await?;
        }
        self.facts += 1;
        Some(())
    }

    async fn create(&mut self, client: &Client) -> Option<()> {
        let length = self.current.bytes.len();
        let request = client.request(Method::POST, "/v1/uploads", &self.token);
        let answer = client.send(tus(request).header("Upload-Length", length)).await?;
        expect(&answer, 201);
        self.current.location = Some(answer.headers()["location"].to_str().unwrap().to_owned());
        Some(())
    }

    /// The offset as the server has it. It may be ahead of what was acknowledged, never behind.
    async fn ask(&mut self, client: &Client) -> Option<()> {
        let path = self.current.location.as_ref().unwrap();
        let request = client.request(Method::HEAD, path, &self.token);
        let answer = client.send(tus(request)).await?;
        expect(&answer, 200);
        let offset = number(answer.headers(), "upload-offset");
        let (acknowledged, sent) = (self.current.acknowledged, self.current.sent);
        assert!(
            (acknowledged..=sent).contains(&offset),
            "{acknowledged} bytes were acknowledged and {sent} sent, {offset} are there"
        );
        assert_eq!(number(answer.headers(), "upload-length"), self.current.bytes.len());
        self.current.acknowledged = offset;
        self.current.adrift = false;
        Some(())
    }

    async fn send(&mut self, client: &Client) -> Option<()> {
        let start = self.current.acknowledged;
        let len = 1 + (self.rng.next_u32() % CHUNK_BYTES_MAX) as usize;
        let end = (start + len).min(self.current.bytes.len());
        self.current.sent = self.current.sent.max(end);
        self.current.adrift = true;
        let path = self.current.location.as_ref().unwrap();
        let request = client.request(Method::PATCH, path, &self.token);
        let request = tus(request)
            .header("Upload-Offset", start)
            .header("Content-Type", "application/offset+octet-stream")
            .body(self.current.bytes[start..end].to_vec());
        let answer = client.send(request).await?;
        expect(&answer, 204);
        assert_eq!(number(answer.headers(), "upload-offset"), end);
        self.current.acknowledged = end;
        self.current.adrift = false;
        Some(())
    }

    /// Puts the complete upload aside and begins another.
    fn next(&mut self, bytes: Vec<u8>) {
        let done = std::mem::replace(&mut self.current, Upload::new(bytes));
        self.finished.push(done);
    }

    /// Looks at the current upload and at one of the finished ones.
    async fn audit(&mut self, client: &Client) {
        if self.current.location.is_some() {
            self.ask(client).await.expect("the server is up");
        }
        for upload in &self.finished {
            let path = upload.location.as_ref().unwrap();
            let request = client.request(Method::HEAD, path, &self.token);
            let answer = client.send(tus(request)).await.expect("the server is up");
            expect(&answer, 200);
            assert_eq!(number(answer.headers(), "upload-offset"), upload.bytes.len());
        }
    }

    async fn complete(&mut self, client: &Client) {
        while !self.current.is_complete() {
            self.step(client).await.expect("the server is up");
        }
    }
}

/// Uploads of random bytes, which are compared with the stored ones at the end.
pub struct RawUploads {
    data: PathBuf,
    uploader: tokio::sync::Mutex<Uploader>,
    facts: Mutex<u64>,
}

fn random_bytes(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0; RAW_BYTES];
    rng.fill_bytes(&mut bytes);
    bytes
}

impl RawUploads {
    pub fn new(data: &Path, token: String, seed: u64) -> Self {
        let first = random_bytes(&mut ChaCha8Rng::seed_from_u64(!seed));
        let uploader = tokio::sync::Mutex::new(Uploader::new(token, seed, first));
        Self { data: data.to_owned(), uploader, facts: Mutex::new(0) }
    }
}

#[async_trait]
impl Traffic for RawUploads {
    async fn step(&self, client: &Client) -> Option<()> {
        let mut uploader = self.uploader.lock().await;
        if uploader.current.is_complete() {
            if uploader.finished.len() >= 20 {
                return None; // The server allows a creator 50 uploads without a clip.
            }
            let bytes = random_bytes(&mut uploader.rng);
            uploader.next(bytes);
        }
        uploader.step(client).await?;
        *self.facts.lock() = uploader.facts;
        Some(())
    }

    async fn audit(&self, client: &Client) {
        self.uploader.lock().await.audit(client).await;
    }

    async fn finish(&self, client: &Client) {
        self.uploader.lock().await.complete(client).await;
    }

    /// Every upload lies whole in the object store (an object's file begins with its bytes), or still
    /// in the spool if a kill came right after its last byte: the clip that is made of it fetches it.
    fn inspect(&self) {
        let mut uploader = self.uploader.try_lock().expect("nobody uploads any more");
        uploader.next(Vec::new());
        for upload in &uploader.finished {
            let object = find(&self.data.join("objects"), upload.id());
            let file = object.or_else(|| find(&self.data.join("uploads"), upload.id()));
            let stored = std::fs::read(file.expect("its bytes are somewhere")).unwrap();
            assert!(stored.starts_with(&upload.bytes), "the bytes of {} changed", upload.id());
        }
    }

    fn facts(&self) -> u64 {
        *self.facts.lock()
    }
}

/// The file below `root` whose name begins with `name`.
fn find(root: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(root).ok()? {
        let path = entry.unwrap().path();
        let found = if path.is_dir() {
            find(&path, name)
        } else {
            let begins = path.file_name()?.to_str()?.starts_with(name);
            begins.then(|| path.clone())
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Uploads of a real video, each made into a clip that must play at the end.
pub struct VideoUploads {
    uploader: tokio::sync::Mutex<Uploader>,
    /// Uploads with the clips that were acknowledged.
    clips: Mutex<Vec<(String, String)>>,
    facts: Mutex<u64>,
}

/// A second of a sample, small.
fn video() -> &'static [u8] {
    static VIDEO: OnceLock<Vec<u8>> = OnceLock::new();
    VIDEO.get_or_init(|| {
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
    })
}

impl VideoUploads {
    pub fn new(token: String, seed: u64) -> Self {
        let uploader = Uploader::new(token, seed, video().to_vec());
        Self {
            uploader: tokio::sync::Mutex::new(uploader),
            clips: Mutex::default(),
            facts: Mutex::new(0),
        }
    }

    /// Makes a clip of the complete upload. A repeat answers the first clip.
    async fn publish(&self, client: &Client, uploader: &mut Uploader) -> Option<()> {
        let upload = uploader.current.id().to_owned();
        let body = json!({ "upload_id": upload, "caption": "Tea #mug" });
        let request = client.request(Method::POST, "/v1/clips", &uploader.token).json(&body);
        let clip = client.json(request, 202).await?["id"].as_str().unwrap().to_owned();
        self.clips.lock().push((upload, clip));
        uploader.facts += 1;
        uploader.next(video().to_vec());
        Some(())
    }

    async fn clip(&self, client: &Client, token: &str, id: &str) -> Value {
        let request = client.request(Method::GET, &format!("/v1/clips/{id}"), token);
        client.json(request, 200).await.expect("the server is up")
    }
}

#[async_trait]
impl Traffic for VideoUploads {
    async fn step(&self, client: &Client) -> Option<()> {
        let mut uploader = self.uploader.lock().await;
        if uploader.current.is_complete() {
            self.publish(client, &mut uploader).await?;
        } else if self.clips.lock().len() < VIDEOS_MAX {
            uploader.step(client).await?;
        } else {
            return None;
        }
        *self.facts.lock() = uploader.facts;
        Some(())
    }

    async fn audit(&self, client: &Client) {
        let mut uploader = self.uploader.lock().await;
        uploader.audit(client).await;
        let clips = self.clips.lock().clone();
        for (upload, id) in clips {
            let clip = self.clip(client, &uploader.token, &id).await;
            let state = clip["state"].as_str().unwrap();
            assert!(["processing", "ready"].contains(&state), "{clip}");
            let body = json!({ "upload_id": upload, "caption": "again" });
            let request = client.request(Method::POST, "/v1/clips", &uploader.token).json(&body);
            let again = client.json(request, 202).await.expect("the server is up");
            assert_eq!(again["id"], id.as_str(), "one upload, one clip");
        }
    }

    async fn finish(&self, client: &Client) {
        let mut uploader = self.uploader.lock().await;
        if uploader.current.location.is_some() || self.clips.lock().is_empty() {
            uploader.complete(client).await;
            self.publish(client, &mut uploader).await.expect("the server is up");
        }
        let begun = Instant::now();
        let clips = self.clips.lock().clone();
        for (_, id) in clips {
            loop {
                let clip = self.clip(client, &uploader.token, &id).await;
                if clip["state"] == "ready" {
                    break;
                }
                assert_eq!(clip["state"], "processing", "{clip}");
                assert!(begun.elapsed() < READY_MAX, "{id} is not ready after {READY_MAX:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn facts(&self) -> u64 {
        *self.facts.lock()
    }
}
