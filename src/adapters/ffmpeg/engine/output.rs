//! The directory that fills up with finished files, and the ear that hears of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::ports::transcoder::{OutputFile, TranscodeEvent};

/// Hears what happens, from any thread. An error means that nobody listens any more: the work ends.
pub type Listener = Box<dyn Fn(&TranscodeEvent) -> io::Result<()> + Send + Sync>;

/// The output directory. Files appear in it complete or not at all.
pub struct OutputDir {
    root: PathBuf,
    listener: Listener,
    files: Mutex<Vec<OutputFile>>,
}

impl OutputDir {
    /// Takes `root`, which must be missing or empty.
    pub fn create(root: &Path, listener: Listener) -> Result<Self, Fault> {
        fs::create_dir_all(root)?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(Fault::internal("output directory", "it is not empty"));
        }
        Ok(Self { root: root.to_owned(), listener, files: Mutex::new(Vec::new()) })
    }

    /// Writes a file under a passing name, then gives it its own and tells the listener.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let target = self.root.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let passing = target.with_extension("part");
        fs::write(&passing, bytes)?;
        fs::rename(&passing, &target)?;
        let file = OutputFile { path: PathBuf::from(path), bytes: bytes.len() as u64 };
        self.files.lock().push(file.clone());
        self.tell(&TranscodeEvent::File(file))
    }

    /// Tells the listener.
    pub fn tell(&self, event: &TranscodeEvent) -> Result<(), Fault> {
        (self.listener)(event).map_err(|error| Fault::internal("nobody listens", error))
    }

    /// The files so far, in the order of completion.
    pub fn files(&self) -> Vec<OutputFile> {
        self.files.lock().clone()
    }
}
