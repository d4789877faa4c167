//! What the child gives up before it reads the first byte of a stranger's file.

use std::io;
use std::path::Path;

use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::limits;

/// No decoder needs a larger piece: an 8K frame of 16-bit RGB with alpha takes 285 MB.
const ALLOCATION_BYTES_MAX: usize = 512 << 20;
/// Input, output, standard streams, libraries; far below what a leak would need to hurt.
const OPEN_FILES_MAX: u64 = 128;

/// Confines this process to what transcoding `source` into `output` needs.
///
/// Bounds memory, processor time, file sizes and open files. Rules that also bound which files and
/// system calls it may use belong here: both paths are at hand.
pub fn confine(_source: &Path, _output: &Path) -> io::Result<()> {
    ffi_ext::limit_allocation(ALLOCATION_BYTES_MAX);
    ffi_ext::limit_process(ffi_ext::ProcessLimits {
        memory_bytes: limits::TRANSCODE_MEMORY_BYTES_MAX,
        cpu_seconds: limits::TRANSCODE_CPU_SECONDS_MAX,
        file_bytes: limits::TRANSCODE_FILE_BYTES_MAX,
        files: OPEN_FILES_MAX,
    })
}
