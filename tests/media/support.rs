//! Making sources, running the child, reading what it left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_vitrine");

/// A test's own directory, removed with it.
pub struct Workshop(TempDir);

impl Workshop {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a source with `ffmpeg`; the arguments are split at spaces, `|` stands for a space
    /// inside.
    pub fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        let arguments = arguments.split_whitespace().map(|argument| argument.replace('|', " "));
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(arguments)
            .arg(&path)
            .current_dir(self.0.path())
            .output()
            .expect("the `ffmpeg` command is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        path
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs the child on `source` into a fresh directory.
    pub fn transcode(&self, source: &Path) -> Run {
        self.transcode_with(source, "{}")
    }

    /// The same with options, as JSON.
    pub fn transcode_with(&self, source: &Path, options: &str) -> Run {
        let output = self.path("output");
        let child = Command::new(PROGRAM)
            .args(["transcode", "--input"])
            .arg(source)
            .arg("--output")
            .arg(&output)
            .args(["--options", options])
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let errors = String::from_utf8_lossy(&child.stderr).into_owned();
        Run { output, lines, code: child.status.code(), errors }
    }
}

/// What a child said and left.
pub struct Run {
    pub output: PathBuf,
    pub lines: Vec<Value>,
    pub code: Option<i32>,
    pub errors: String,
}

impl Run {
    pub fn events(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == kind).collect()
    }

    /// The report of a child that must have succeeded.
    pub fn report(&self) -> &Value {
        let last = self.lines.last().unwrap();
        assert_eq!(last["event"], "done", "{last} {}", self.errors);
        assert_eq!(self.code, Some(0));
        last
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.output.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    /// Init file and all segments of a track as one file beside the output.
    pub fn joined(&self, track: &str) -> PathBuf {
        let mut bytes = self.read(&format!("{track}/init.mp4"));
        for segment in self.media(track) {
            bytes.extend(self.read(&format!("{track}/{}", segment.file)));
        }
        let path = self.output.with_file_name(format!("{track}.joined.mp4"));
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn media(&self, track: &str) -> Vec<ListedSegment> {
        let text = self.text(&format!("{track}/index.m3u8"));
        assert!(text.starts_with("#EXTM3U\n#EXT-X-VERSION:7\n"), "{text}");
        assert!(text.ends_with("#EXT-X-ENDLIST\n") && text.contains("URI=\"init.mp4\""), "{text}");
        let mut segments = Vec::new();
        let mut seconds = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("#EXTINF:") {
                seconds = Some(rest.trim_end_matches(',').parse().unwrap());
            } else if !line.starts_with('#') {
                let seconds: f64 = seconds.take().expect("each segment has its EXTINF");
                let bytes = self.read(&format!("{track}/{line}")).len() as f64;
                segments.push(ListedSegment { file: line.to_owned(), seconds, bytes });
            }
        }
        segments
    }

    pub fn variants(&self) -> Vec<Variant> {
        let text = self.text("master.m3u8");
        let lines: Vec<&str> = text.lines().collect();
        let announced = lines.iter().enumerate().filter_map(|(index, line)| {
            let attributes = line.strip_prefix("#EXT-X-STREAM-INF:")?;
            let uri = lines[index + 1].strip_suffix("/index.m3u8").unwrap();
            Some(Variant { track: uri.to_owned(), attributes: split_attributes(attributes) })
        });
        announced.collect()
    }
}

pub struct ListedSegment {
    pub file: String,
    pub seconds: f64,
    pub bytes: f64,
}

/// One line of the master playlist.
pub struct Variant {
    pub track: String,
    attributes: BTreeMap<String, String>,
}

impl Variant {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("{} lacks {name}", self.track))
    }

    pub fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap()
    }

    pub fn has_sound(&self) -> bool {
        self.attributes.contains_key("AUDIO")
    }

    pub fn size(&self) -> (u64, u64) {
        let (width, height) = self.get("RESOLUTION").split_once('x').unwrap();
        (width.parse().unwrap(), height.parse().unwrap())
    }
}

fn split_attributes(text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').unwrap();
                (value, after.strip_prefix(',').unwrap_or(after))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        attributes.insert(name.to_owned(), value.to_owned());
        rest = after;
    }
    attributes
}

/// `ffprobe` of a file, as JSON.
pub fn probe(file: &Path, entries: &str) -> Value {
    let probed = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_entries", entries])
        .arg(file)
        .output()
        .unwrap();
    assert!(probed.status.success(), "{}", String::from_utf8_lossy(&probed.stderr));
    serde_json::from_slice(&probed.stdout).unwrap()
}

/// Decodes a file to its end; any complaint of the decoder fails the test.
pub fn assert_decodes(file: &Path) {
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&decoded.stderr);
    assert!(decoded.status.success() && complaint.is_empty(), "{}: {complaint}", file.display());
}

/// Decodes to raw bytes with the given output arguments.
pub fn decode(file: &Path, arguments: &str) -> Vec<u8> {
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(arguments.split_whitespace())
        .arg("-")
        .output()
        .unwrap();
    assert!(decoded.status.success(), "{}", String::from_utf8_lossy(&decoded.stderr));
    decoded.stdout
}

/// Structural similarity, 0..=1, of `picture` to `reference` as `ffmpeg` shows it: turned upright
/// and scaled to the same size.
pub fn similarity(reference: &Path, picture: &Path, (width, height): (u64, u64)) -> f64 {
    let compared = Command::new("ffmpeg")
        .args(["-v", "info", "-nostats", "-i"])
        .arg(reference)
        .arg("-i")
        .arg(picture)
        .arg("-lavfi")
        .arg(format!(
            "[0:v]scale={width}:{height},setsar=1,format=yuv420p,setpts=N[a];\
             [1:v]format=yuv420p,setpts=N[b];[a][b]ssim"
        ))
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&compared.stderr);
    let (_, score) = log.rsplit_once("All:").unwrap_or_else(|| panic!("no score: {log}"));
    score.split_whitespace().next().unwrap().parse().unwrap()
}

/// The bytes after the first box of that type, wherever it is.
pub fn after_box<'a>(bytes: &'a [u8], kind: &[u8]) -> &'a [u8] {
    let found = bytes.windows(4).position(|window| window == kind);
    &bytes[found.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(kind))) + 4..]
}

pub fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
