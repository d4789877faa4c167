//! The sound track: decoded, resampled to 48 kHz stereo, cut to the picture's length, AAC.

use std::collections::VecDeque;
use std::sync::Arc;

use ffmpeg_next as ff;
use ffmpeg_next::Rescale;
use ffmpeg_next::codec;
use ffmpeg_next::filter;
use ffmpeg_next::format;
use ffmpeg_next::frame;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::output::OutputDir;
use crate::adapters::ffmpeg::engine::package::{Cut, Packager};
use crate::adapters::ffmpeg::engine::playlist::SOUND_DIRECTORY;
use crate::adapters::ffmpeg::engine::rendition::Track;
use crate::adapters::ffmpeg::engine::scaler::find;
use crate::adapters::ffmpeg::engine::source::Source;
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::rendition::SegmentGrid;

const RATE: u32 = 48_000;
const CHANNELS: usize = 2;
const BITS_PER_SECOND: usize = 128_000;
/// Samples of one AAC-LC frame.
const FRAME_SAMPLES: usize = 1_024;
const MICROSECONDS: ff::Rational = ff::Rational(1, 1_000_000);
const PLANAR_FLOAT: format::Sample = format::Sample::F32(format::sample::Type::Planar);

/// Takes packets of the sound track and writes an audio rendition.
///
/// Resampled sound waits until the picture has come that far, so the track can end exactly with the
/// picture: a clip that loops must not stutter. The waiting room is bounded by the longest clip.
pub struct Sound {
    output: Arc<OutputDir>,
    grid: SegmentGrid,
    decoder: ff::decoder::Audio,
    time_base: ff::Rational,
    start_us: i64,
    resampler: Option<(SampleFormat, filter::Graph)>,
    /// Samples per channel that have left the resampler.
    resampled: usize,
    waiting: [VecDeque<f32>; CHANNELS],
    waiting_max: usize,
    encoder: Option<SoundEncoder>,
}

#[derive(Clone, Copy, PartialEq)]
struct SampleFormat {
    rate: u32,
    layout: ff::ChannelLayout,
    sample: format::Sample,
}

impl Sound {
    /// Opens the decoder of the source's sound track; none if there is no such track or it cannot
    /// be opened, for a clip without sound is better than none.
    pub fn open(
        source: &Source,
        output: &Arc<OutputDir>,
        grid: SegmentGrid,
        seconds_max: f64,
    ) -> Result<Option<Self>, Fault> {
        let Some(stream) = source.sound.and_then(|index| source.input.stream(index)) else {
            return Ok(None);
        };
        let mut decoder = codec::Context::from_parameters(stream.parameters())?.decoder();
        // Without it the decoder cannot skip the priming samples of its own input.
        decoder.set_packet_time_base(stream.time_base());
        let Ok(decoder) = decoder.audio() else { return Ok(None) };
        Ok(Some(Self {
            output: Arc::clone(output),
            grid,
            decoder,
            time_base: stream.time_base(),
            start_us: source.start_us,
            resampler: None,
            resampled: 0,
            waiting: Default::default(),
            waiting_max: (seconds_max * f64::from(RATE)) as usize,
            encoder: None,
        }))
    }

    /// Decodes one packet; encodes what lies before `picture_seconds`.
    pub fn packet(&mut self, packet: &ff::Packet, picture_seconds: f64) -> Result<(), Fault> {
        // A damaged packet costs its own sound; the resampler fills the hole.
        if self.decoder.send_packet(packet).is_ok() {
            self.receive()?;
        }
        self.encode_until(picture_seconds)
    }

    /// Ends the track at the end of the picture; none if no sound could be decoded.
    pub fn finish(mut self, picture_seconds: f64) -> Result<Option<Track>, Fault> {
        if self.decoder.send_eof().is_ok() {
            self.receive()?;
        }
        self.flush_resampler()?;
        if self.resampled == 0 {
            return Ok(None);
        }
        self.encode_until(picture_seconds)?;
        let encoder = self.encoder()?;
        let wanted = (picture_seconds * f64::from(RATE)).round() as usize;
        let missing = wanted.saturating_sub(encoder.samples);
        // Silence up to the picture's end, then up to a whole frame.
        let whole = missing.next_multiple_of(FRAME_SAMPLES);
        for channel in &mut self.waiting {
            channel.truncate(missing);
            channel.resize(whole, 0.0);
        }
        for _ in 0..whole / FRAME_SAMPLES {
            self.encode_frame()?;
        }
        match self.encoder {
            Some(encoder) => encoder.finish().map(Some),
            None => Ok(None),
        }
    }

    fn receive(&mut self) -> Result<(), Fault> {
        let mut frame = frame::Audio::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            if frame.rate() == 0 || frame.samples() == 0 {
                continue;
            }
            if frame.channel_layout().is_empty() {
                let layout = ff::ChannelLayout::default(i32::from(frame.channels()));
                frame.set_channel_layout(layout);
            }
            self.resample(&mut frame)?;
        }
        Ok(())
    }

    fn resample(&mut self, frame: &mut frame::Audio) -> Result<(), Fault> {
        let found = SampleFormat {
            rate: frame.rate(),
            layout: frame.channel_layout(),
            sample: frame.format(),
        };
        if self.resampler.as_ref().is_none_or(|(format, _)| *format != found) {
            self.flush_resampler()?;
            self.resampler = Some((found, resampler(found, self.resampled)?));
        }
        let start_us = self.start_us;
        let time_base = self.time_base;
        let pts = frame.timestamp().map(|t| t.rescale(time_base, MICROSECONDS) - start_us);
        frame.set_pts(pts);
        if let Some((_, graph)) = &mut self.resampler {
            node(graph, "in")?.source().add(frame)?;
        }
        self.collect()
    }

    fn flush_resampler(&mut self) -> Result<(), Fault> {
        if let Some((_, graph)) = &mut self.resampler {
            node(graph, "in")?.source().flush()?;
        }
        self.collect()
    }

    fn collect(&mut self) -> Result<(), Fault> {
        let Some((_, graph)) = &mut self.resampler else { return Ok(()) };
        let mut sink = node(graph, "out")?;
        let mut frame = frame::Audio::empty();
        while sink.sink().frame(&mut frame).is_ok() {
            self.resampled += frame.samples();
            if self.waiting[0].len() > self.waiting_max {
                continue; // Beyond the longest clip: never heard.
            }
            for (channel, waiting) in self.waiting.iter_mut().enumerate() {
                waiting.extend(frame.plane::<f32>(channel));
            }
        }
        Ok(())
    }

    fn encode_until(&mut self, picture_seconds: f64) -> Result<(), Fault> {
        let limit = (picture_seconds * f64::from(RATE)) as usize;
        while self.waiting[0].len() >= FRAME_SAMPLES {
            let encoded = self.encoder.as_ref().map_or(0, |encoder| encoder.samples);
            if encoded + FRAME_SAMPLES > limit {
                break;
            }
            self.encode_frame()?;
        }
        Ok(())
    }

    fn encode_frame(&mut self) -> Result<(), Fault> {
        let mut frame = frame::Audio::new(PLANAR_FLOAT, FRAME_SAMPLES, ff::ChannelLayout::STEREO);
        frame.set_rate(RATE);
        for (channel, waiting) in self.waiting.iter_mut().enumerate() {
            for (to, from) in
                frame.plane_mut::<f32>(channel).iter_mut().zip(waiting.drain(..FRAME_SAMPLES))
            {
                *to = from;
            }
        }
        self.encoder()?.encode(&mut frame)
    }

    /// Opened late: a track of which nothing can be decoded leaves no file behind.
    fn encoder(&mut self) -> Result<&mut SoundEncoder, Fault> {
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => SoundEncoder::open(Arc::clone(&self.output), self.grid)?,
        };
        Ok(self.encoder.insert(encoder))
    }
}

/// A graph that resamples, fills holes with silence and keeps late starts late, continuing at the
/// sample `first`.
fn resampler(format: SampleFormat, first: usize) -> Result<filter::Graph, Fault> {
    let mut graph = filter::Graph::new();
    let source = format!(
        "time_base=1/1000000:sample_rate={}:sample_fmt={}:channel_layout=0x{:x}",
        format.rate,
        format.sample.name(),
        format.layout.bits()
    );
    graph.add(&find("abuffer")?, "in", &source)?;
    graph.add(&find("abuffersink")?, "out", "")?;
    let specification = format!(
        "[in]aresample={RATE}:async=1000:min_hard_comp=0.1:first_pts={first},\
         aformat=sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo[out]"
    );
    graph.output("in", 0)?.input("out", 0)?.parse(&specification)?;
    graph.validate()?;
    Ok(graph)
}

fn node(graph: &mut filter::Graph, name: &str) -> Result<filter::Context, Fault> {
    graph.get(name).ok_or_else(|| Fault::internal("filter graph", "a node is missing"))
}

struct SoundEncoder {
    encoder: ff::encoder::audio::Encoder,
    packager: Packager,
    codec: String,
    /// Samples per channel that were handed over.
    samples: usize,
}

impl SoundEncoder {
    fn open(output: Arc<OutputDir>, grid: SegmentGrid) -> Result<Self, Fault> {
        let codec = ff::encoder::find(codec::Id::AAC)
            .ok_or_else(|| Fault::internal("this FFmpeg", "it lacks an AAC encoder"))?;
        let time_base = ff::Rational::new(1, RATE as i32);
        let mut context = codec::Context::new_with_codec(codec).encoder().audio()?;
        context.set_rate(RATE as i32);
        context.set_channel_layout(ff::ChannelLayout::STEREO);
        context.set_format(PLANAR_FLOAT);
        context.set_bit_rate(BITS_PER_SECOND);
        context.set_time_base(time_base);
        context.set_flags(codec::Flags::GLOBAL_HEADER);
        let encoder = context.open().map_err(|error| Fault::internal("AAC encoder", error))?;
        // The first five bits of an AudioSpecificConfig are the object type; 2 is AAC-LC.
        let config = ffi_ext::extradata(encoder.as_ref());
        let object_type = config.first().map_or(2, |byte| byte >> 3);
        let codec = format!("mp4a.40.{object_type}");
        let cut = Cut::Every(grid.segment_seconds());
        let packager = Packager::new(output, SOUND_DIRECTORY, encoder.as_ref(), time_base, cut)?;
        Ok(Self { encoder, packager, codec, samples: 0 })
    }

    fn encode(&mut self, frame: &mut frame::Audio) -> Result<(), Fault> {
        frame.set_pts(Some(self.samples as i64));
        self.samples += frame.samples();
        self.encoder.send_frame(frame)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let mut packet = ff::Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            self.packager.write(&mut packet)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Track, Fault> {
        self.encoder.send_eof()?;
        self.drain()?;
        let segments = self.packager.finish()?;
        Ok(Track { name: SOUND_DIRECTORY.to_owned(), codec: self.codec, segments })
    }
}
