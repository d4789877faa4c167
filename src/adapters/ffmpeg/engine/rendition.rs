//! Encodes one rung of the ladder on its own thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use ffmpeg_next as ff;
use ffmpeg_next::codec;
use ffmpeg_next::color;
use ffmpeg_next::format;
use ffmpeg_next::frame;
use ffmpeg_next::picture;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::output::OutputDir;
use crate::adapters::ffmpeg::engine::package::{Cut, Packager, Segment};
use crate::adapters::ffmpeg::engine::settings::Settings;
use crate::adapters::ffmpeg::engine::still::Stills;
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::rendition::{Rung, SegmentGrid};

/// Pictures that may wait for an encoder: enough to even out, few enough to bound memory.
const QUEUE_MAX: usize = 3;

/// A finished track.
pub struct Track {
    /// Its directory.
    pub name: String,
    /// Its codec (RFC 6381).
    pub codec: String,
    /// Its segments.
    pub segments: Vec<Segment>,
}

/// The thread that encodes one rung.
///
/// Fields are dropped in their order: the queue ends, then the thread is waited for.
pub struct RenditionThread {
    pictures: SyncSender<(u64, frame::Video)>,
    thread: ClosingThread,
    sent: u64,
}

impl RenditionThread {
    /// Opens the encoder and starts the thread. `stills` sees each picture before it is encoded.
    pub fn start(
        output: &Arc<OutputDir>,
        rung: Rung,
        grid: SegmentGrid,
        settings: &Settings,
        mut stills: Option<Stills>,
    ) -> Result<Self, Fault> {
        let mut encoder = RenditionEncoder::open(Arc::clone(output), rung, grid, settings)?;
        let (pictures, queue): (_, Receiver<(u64, frame::Video)>) = sync_channel(QUEUE_MAX);
        let output = Arc::clone(output);
        let work = move || {
            for (index, mut picture) in queue {
                if let Some(stills) = &mut stills {
                    stills.offer(&picture, index)?;
                }
                encoder.encode(&mut picture, index)?;
            }
            if let Some(stills) = stills {
                stills.finish(&output)?;
            }
            encoder.finish()
        };
        let thread = thread::Builder::new().name(format!("rung-{}", rung.short_side()));
        let thread = ClosingThread(Some(thread.spawn(work)?));
        Ok(Self { pictures, thread, sent: 0 })
    }

    /// Hands over the next picture; waits while the encoder is behind. False if the thread has
    /// ended, which only an error does: [`ClosingThread::finish`] says which.
    pub fn send(&mut self, picture: frame::Video) -> bool {
        self.sent += 1;
        self.pictures.send((self.sent - 1, picture)).is_ok()
    }

    /// Says that no more pictures come. The thread goes on with those it has.
    pub fn close(self) -> ClosingThread {
        self.thread
    }
}

/// A thread that encodes its last pictures. It is always waited for: one that was left to itself would
/// go on to write files and to tell of them after the source was refused and its output cleared away.
pub struct ClosingThread(Option<JoinHandle<Result<Track, Fault>>>);

impl ClosingThread {
    /// Waits for the last picture to be encoded.
    pub fn finish(mut self) -> Result<Track, Fault> {
        self.wait().unwrap_or_else(|| Err(Fault::internal("encoder thread", "it panicked")))
    }

    /// What the thread came to; `None` if it panicked or was asked before.
    fn wait(&mut self) -> Option<Result<Track, Fault>> {
        self.0.take()?.join().ok()
    }
}

impl Drop for ClosingThread {
    fn drop(&mut self) {
        drop(self.wait());
    }
}

struct RenditionEncoder {
    encoder: ff::encoder::video::Encoder,
    packager: Packager,
    grid: SegmentGrid,
    name: String,
    codec: String,
}

impl RenditionEncoder {
    fn open(
        output: Arc<OutputDir>,
        rung: Rung,
        grid: SegmentGrid,
        settings: &Settings,
    ) -> Result<Self, Fault> {
        let codec = ff::encoder::find_by_name("libx264")
            .ok_or_else(|| Fault::internal("this FFmpeg", "it lacks libx264"))?;
        let mut context = codec::Context::new_with_codec(codec).encoder().video()?;
        let rate = grid.rate;
        let time_base = ff::Rational::new(rate.seconds as i32, rate.frames as i32);
        context.set_width(rung.width);
        context.set_height(rung.height);
        context.set_format(format::Pixel::YUV420P);
        context.set_time_base(time_base);
        context.set_frame_rate(Some(time_base.invert()));
        context.set_aspect_ratio(ff::Rational::new(1, 1));
        context.set_colorspace(color::Space::BT709);
        context.set_color_range(color::Range::MPEG);
        context.set_color_primaries(color::Primaries::BT709);
        context.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        // Key frames are forced on the grid; the encoder's own distance must never come first.
        context.set_gop(grid.frames as u32 * 2);
        context.set_max_bit_rate(rung.bitrate_max as usize);
        context.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::CLOSED_GOP);
        context.set_threading(codec::threading::Config {
            count: settings.codec_threads(),
            ..codec::threading::Config::kind(codec::threading::Type::Frame)
        });
        let crf = settings.crf.to_string();
        let buffer_bits = (u64::from(rung.bitrate_max) * 3 / 2).to_string();
        let options = [
            ("preset", settings.preset.as_str()),
            ("crf", &crf),
            ("bufsize", &buffer_bits),
            ("profile", "high"),
            ("forced-idr", "1"),
            ("x264-params", "scenecut=0:open-gop=0"),
        ];
        let encoder = context
            .open_with(options.into_iter().collect())
            .map_err(|error| Fault::internal("libx264", error))?;
        let codec = avc_codec(ffi_ext::extradata(encoder.as_ref()))
            .ok_or_else(|| Fault::internal("libx264", "no sequence parameter set"))?;
        let name = format!("v{}", rung.short_side());
        let packager = Packager::new(output, &name, encoder.as_ref(), time_base, Cut::KeyFrames)?;
        Ok(Self { encoder, packager, grid, name, codec })
    }

    fn encode(&mut self, picture: &mut frame::Video, index: u64) -> Result<(), Fault> {
        picture.set_pts(Some(index as i64));
        let begins = self.grid.begins_at(index);
        picture.set_kind(if begins { picture::Type::I } else { picture::Type::None });
        self.encoder.send_frame(picture)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let mut packet = ff::Packet::empty();
        loop {
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(ff::Error::Eof | ff::Error::Other { errno: libc::EAGAIN }) => return Ok(()),
                Err(error) => return Err(Fault::internal("libx264", error)),
            }
            // libx264 leaves the duration out; without it the last picture would last no time.
            packet.set_duration(1);
            self.packager.write(&mut packet)?;
        }
    }

    fn finish(mut self) -> Result<Track, Fault> {
        self.encoder.send_eof()?;
        self.drain()?;
        Ok(Track { name: self.name, codec: self.codec, segments: self.packager.finish()? })
    }
}

/// Profile, constraints and level of the sequence parameter set in an Annex B header (RFC 6381,
/// 3.3).
fn avc_codec(header: &[u8]) -> Option<String> {
    let parameter_set = header.windows(7).find(|bytes| {
        bytes.starts_with(&[0, 0, 1]) && bytes[3] & 0x1f == 7 // NAL unit type 7.
    })?;
    let [profile, constraints, level] = *parameter_set[4..].first_chunk()?;
    Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
}

#[cfg(test)]
mod tests {
    use super::avc_codec;

    #[test]
    fn the_codec_is_read_from_the_parameter_set() {
        let header = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0, 0, 0, 1, 0x68, 0xee];
        assert_eq!(avc_codec(&header).as_deref(), Some("avc1.640028"));
        assert_eq!(avc_codec(&header[9..]), None);
        assert_eq!(avc_codec(&[]), None);
    }
}
