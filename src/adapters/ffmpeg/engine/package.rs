//! Packages one encoded track as CMAF: `init.mp4`, numbered segments and a media playlist.
//!
//! libavformat's own HLS muxer does not signal the encoder delay of AAC, so sound comes 21 ms late.
//! Here the MP4 muxer writes into memory, fragments end where we say, and sound gets an edit list.

use std::io::{self, Write};
use std::sync::Arc;

use ffmpeg_next as ff;
use ffmpeg_next::codec;
use ffmpeg_next::format;
use parking_lot::Mutex;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::output::OutputDir;
use crate::adapters::ffmpeg::engine::playlist;
use crate::adapters::ffmpeg::ffi_ext;

/// Timestamps that differ by less are equal: a tenth of an audio sample.
const EPSILON_SECONDS: f64 = 2e-6;

/// Where segments end.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Before each key frame: pictures, whose key frames are forced on the grid.
    KeyFrames,
    /// Before the first packet at or after each multiple of that many seconds: sound.
    Every(f64),
}

/// One finished segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Length of what it shows.
    pub seconds: f64,
    /// Length of its file.
    pub bytes: u64,
}

/// Writes the packets of one encoder.
pub struct Packager {
    output: Arc<OutputDir>,
    directory: String,
    muxer: format::context::Output,
    memory: Memory,
    cut: Cut,
    time_base: ff::Rational,
    init: Vec<u8>,
    segments: Vec<Segment>,
    segment_start: f64,
    end: f64,
    packets: u64,
}

impl Packager {
    /// Opens the track in `directory`, for the packets of `encoder` in units of `time_base`.
    pub fn new(
        output: Arc<OutputDir>,
        directory: &str,
        encoder: &codec::Context,
        time_base: ff::Rational,
        cut: Cut,
    ) -> Result<Self, Fault> {
        let memory = Memory::default();
        let stream = format::context::StreamIo::from_write(memory.clone())?;
        let mut muxer = format::output_to_stream(stream, None, Some("mp4"))?;
        muxer.add_stream_with(encoder)?.set_time_base(time_base);
        let options = match cut {
            // Signed composition offsets: the first picture is shown at zero without an edit list.
            Cut::KeyFrames => {
                ffi_ext::set_codec_tag(&mut muxer, *b"avc1");
                let flags = "frag_custom+empty_moov+default_base_moof+cmaf+skip_trailer";
                [("movflags", flags), ("use_editlist", "0")]
            }
            // The index waits for the first packet, whose negative time becomes the edit list.
            Cut::Every(_) => {
                let flags = "frag_custom+delay_moov+default_base_moof+skip_trailer";
                [("movflags", flags), ("use_editlist", "1")]
            }
        };
        let unused = muxer
            .write_header_with(options.into_iter().collect())
            .map_err(|error| Fault::internal("MP4 muxer", error))?;
        if let Some((name, _)) = unused.iter().next() {
            return Err(Fault::internal("MP4 muxer", format!("unknown option `{name}`")));
        }
        drop(unused);
        Ok(Self {
            output,
            directory: directory.to_owned(),
            muxer,
            memory,
            cut,
            time_base,
            init: Vec::new(),
            segments: Vec::new(),
            segment_start: 0.0,
            end: 0.0,
            packets: 0,
        })
    }

    /// Adds one packet; ends the segment before it if it is time.
    pub fn write(&mut self, packet: &mut ff::Packet) -> Result<(), Fault> {
        let unit = f64::from(self.time_base);
        let start = packet.pts().unwrap_or(0) as f64 * unit;
        let is_cut = match self.cut {
            Cut::KeyFrames => packet.is_key(),
            Cut::Every(seconds) => {
                start + EPSILON_SECONDS >= (self.segments.len() + 1) as f64 * seconds
            }
        };
        if is_cut && self.packets > 0 {
            self.end_segment(start)?;
        }
        self.end = self.end.max(start + packet.duration() as f64 * unit);
        self.packets += 1;
        let muxer_unit = self.muxer.stream(0).map_or(self.time_base, |stream| stream.time_base());
        packet.set_stream(0);
        packet.rescale_ts(self.time_base, muxer_unit);
        packet.write(&mut self.muxer).map_err(|error| Fault::internal("MP4 muxer", error))?;
        Ok(())
    }

    /// Ends the last segment and writes the media playlist. The segments are the answer.
    pub fn finish(mut self) -> Result<Vec<Segment>, Fault> {
        if self.packets == 0 {
            return Err(Fault::internal("encoder", "it gave no packet"));
        }
        self.end_segment(self.end)?;
        self.muxer.write_trailer()?;
        let text = playlist::media(&self.segments);
        self.output.write(&format!("{}/index.m3u8", self.directory), text.as_bytes())?;
        Ok(self.segments)
    }

    fn end_segment(&mut self, until: f64) -> Result<(), Fault> {
        // With a delayed index the first flush writes the index alone, the second the fragment.
        for _ in 0..2 {
            ffi_ext::flush_fragment(&mut self.muxer)?;
            if let Some(segment) = self.take_boxes()? {
                let path = format!("{}/{:05}.m4s", self.directory, self.segments.len());
                self.output.write(&path, &segment)?;
                let seconds = until - self.segment_start;
                self.segments.push(Segment { seconds, bytes: segment.len() as u64 });
                self.segment_start = until;
                return Ok(());
            }
        }
        Err(Fault::internal("MP4 muxer", "it gave no fragment"))
    }

    /// Sorts what the muxer wrote: `ftyp` and `moov` are the init file, the rest up to `mdat` is a
    /// segment.
    fn take_boxes(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let bytes = std::mem::take(&mut *self.memory.0.lock());
        let mut segment = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((kind, whole, after)) = split_box(rest) {
            match &kind {
                b"ftyp" => self.init.extend_from_slice(whole),
                b"moov" => {
                    self.init.extend_from_slice(whole);
                    self.output.write(&format!("{}/init.mp4", self.directory), &self.init)?;
                }
                _ => segment.extend_from_slice(whole),
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Fault::internal("MP4 muxer", "it wrote half a box"));
        }
        Ok(if segment.is_empty() { None } else { Some(segment) })
    }
}

/// The type of the first box, its bytes, and what follows.
fn split_box(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let size = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let kind = *bytes.get(4..)?.first_chunk()?;
    let (whole, after) = bytes.split_at_checked(size).filter(|_| size >= 8)?;
    Some((kind, whole, after))
}

/// Where the muxer writes: memory shared with the packager.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::split_box;

    #[test]
    fn boxes_are_split_at_their_sizes() {
        let bytes = b"\0\0\0\x09moofx\0\0\0\x08mdat";
        let (kind, whole, after) = split_box(bytes).unwrap();
        assert_eq!((&kind, whole.len(), after.len()), (b"moof", 9, 8));
        assert!(split_box(&after[..7]).is_none(), "half a header");
        assert!(split_box(&bytes[..8]).is_none(), "half a box");
        assert!(split_box(b"\0\0\0\x01mdat....").is_none(), "a size below the header's");
    }
}
