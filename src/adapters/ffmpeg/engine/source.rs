//! Opens a stranger's file and learns what is in it.

use std::path::Path;

use ffmpeg_next as ff;
use ffmpeg_next::codec;
use ffmpeg_next::codec::packet;
use ffmpeg_next::format;
use ffmpeg_next::media;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::settings::Settings;
use crate::adapters::ffmpeg::engine::sniff;
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::limits;
use crate::domain::media_failure::MediaFailure;
use crate::domain::rendition::{FrameRate, Orientation};

/// Containers that phones, cameras and editors write; nothing that opens other files or URLs.
const DEMUXERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv,asf,ogg,mpeg";
/// Decoders that we let near a stranger's bytes.
const CODECS: [&str; 17] = [
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "h263",
    "mjpeg",
    "prores",
    "msmpeg4v3",
    "theora",
    "wmv2",
    "vc1",
    "svq3",
    "dnxhd",
];
/// Unreadable packets in a row after which a file counts as ended.
const BAD_PACKETS_MAX: u32 = 50;

/// An opened file.
pub struct Source {
    /// The demuxer.
    pub input: format::context::Input,
    /// The picture track.
    pub picture: PictureTrack,
    /// Index of the sound track, if there is one that can be decoded.
    pub sound: Option<usize>,
    /// Length of the picture in seconds, by the header or, where that lies, by the timestamps.
    pub seconds: f64,
    /// The earliest timestamp in microseconds: the zero of the output.
    pub start_us: i64,
}

/// What the container says about the picture track; the first decoded picture may correct it.
#[derive(Clone, Copy, Debug)]
pub struct PictureTrack {
    /// Index of the stream.
    pub index: usize,
    /// Unit of its timestamps.
    pub time_base: ff::Rational,
    /// Coded width and height.
    pub size: (u32, u32),
    /// Sample aspect ratio.
    pub aspect: (i32, i32),
    /// How to turn it upright.
    pub orientation: Orientation,
    /// Whether fields must be merged.
    pub interlaced: bool,
    /// The rate of the renditions.
    pub rate: FrameRate,
}

impl PictureTrack {
    /// A timestamp of this track in seconds after `start_us`.
    pub fn seconds(&self, timestamp: i64, start_us: i64) -> f64 {
        timestamp as f64 * f64::from(self.time_base) - start_us as f64 / 1e6
    }
}

impl Source {
    /// Opens `path` and refuses what cannot become a clip.
    pub fn open(path: &Path, settings: &Settings) -> Result<Self, Fault> {
        sniff::sniff(path)?;
        let mut input = open_input(path)?;
        let picture = picture_track(&input, settings)?;
        let sound = sound_track(&input);
        let start_us = ffi_ext::start_time_us(&input);
        ffi_ext::discard_streams(&mut input, |index| {
            index == picture.index || Some(index) == sound
        });
        let mut seconds = claimed_seconds(&input, &picture, start_us);
        if seconds <= 0.0 || seconds > settings.seconds_max() {
            // Headers of fragmented files lie, some have none: let the timestamps speak.
            seconds = measured_seconds(path, &picture, settings)?;
        }
        if seconds > settings.seconds_max() {
            return Err(Fault::rejected(MediaFailure::TooLong, format!("{seconds:.1} s")));
        }
        Ok(Self { input, picture, sound, seconds, start_us })
    }
}

/// Opens a file with the demuxers and bounds that a stranger's bytes get.
pub fn open_input(path: &Path) -> Result<format::context::Input, Fault> {
    let path = path.to_str().ok_or_else(|| Fault::internal("source path", "it is not UTF-8"))?;
    let streams_max = limits::SOURCE_STREAMS_MAX.to_string();
    let options = [
        ("protocol_whitelist", "file"),
        ("format_whitelist", DEMUXERS),
        ("max_streams", &streams_max),
        ("probesize", "20000000"), // 20 MB and 10 s: late sound tracks are found,
        ("analyzeduration", "10000000"), // endless headers are not read.
        ("enable_drefs", "0"),     // MOV: no references to other files.
        ("use_absolute_path", "0"),
    ];
    let opened =
        format::input_with_dictionary(&format!("file:{path}"), options.into_iter().collect());
    opened.map_err(|error| {
        // What libavformat answers when `max_streams` is exceeded.
        let too_many = error == (ff::Error::Other { errno: libc::ENOMEM });
        let failure =
            if too_many { MediaFailure::TooManyStreams } else { MediaFailure::Unreadable };
        Fault::rejected(failure, error)
    })
}

/// Reads the next packet; false at the end, or where the file stays unreadable.
pub fn next_packet(input: &mut format::context::Input, packet: &mut ff::Packet) -> bool {
    for _ in 0..BAD_PACKETS_MAX {
        match packet.read(input) {
            Ok(()) => return true,
            Err(ff::Error::Eof) => return false,
            Err(_) => {}
        }
    }
    false
}

/// Opens a decoder of the picture track.
pub fn open_decoder(
    input: &format::context::Input,
    track: &PictureTrack,
    threads: usize,
) -> Result<ff::decoder::Video, Fault> {
    let no_stream = || Fault::internal("demuxer", "the picture track is gone");
    let stream = input.stream(track.index).ok_or_else(no_stream)?;
    let codec = stream.parameters().id();
    let mut context = codec::Context::from_parameters(stream.parameters())?;
    context.set_threading(codec::threading::Config {
        count: threads,
        ..codec::threading::Config::kind(codec::threading::Type::Frame)
    });
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(track.time_base);
    let pixels_max = limits::SOURCE_PIXELS_MAX.to_string();
    let options = [("max_pixels", pixels_max.as_str())];
    decoder
        .open_as_with(ff::decoder::find(codec), options.into_iter().collect())
        .and_then(codec::decoder::Opened::video)
        .map_err(|error| Fault::rejected(MediaFailure::Undecodable, error))
}

/// What a decoder answers when it is asked for a picture.
pub enum Received {
    /// A picture.
    Picture,
    /// An error that cost a picture; ask again.
    Damage,
    /// None before the next packet, or none at all.
    Nothing,
}

/// Asks a decoder for its next picture. One with threads tells the error of an earlier packet here too.
pub fn receive(decoder: &mut ff::decoder::Video, picture: &mut ff::frame::Video) -> Received {
    match decoder.receive_frame(picture) {
        Ok(()) => Received::Picture,
        Err(ff::Error::Eof | ff::Error::Other { errno: libc::EAGAIN }) => Received::Nothing,
        Err(_) => Received::Damage,
    }
}

fn picture_track(
    input: &format::context::Input,
    settings: &Settings,
) -> Result<PictureTrack, Fault> {
    let is_cover = |stream: &format::stream::Stream<'_>| {
        stream.disposition().contains(format::stream::Disposition::ATTACHED_PIC)
    };
    let best = input.streams().best(media::Type::Video).filter(|stream| !is_cover(stream));
    let first = || {
        input
            .streams()
            .find(|stream| stream.parameters().medium() == media::Type::Video && !is_cover(stream))
    };
    let Some(stream) = best.or_else(first) else {
        return Err(Fault::rejected(MediaFailure::NoVideo, "no picture track"));
    };
    let codec = stream.parameters().id();
    if !CODECS.contains(&codec.name()) || ff::decoder::find(codec).is_none() {
        return Err(Fault::rejected(MediaFailure::UnsupportedCodec, codec.name()));
    }
    let parameters = ffi_ext::picture_parameters(&stream);
    let (Ok(width), Ok(height)) =
        (u32::try_from(parameters.size.0), u32::try_from(parameters.size.1))
    else {
        return Err(Fault::rejected(MediaFailure::NoDimensions, "negative size"));
    };
    if width == 0 || height == 0 {
        return Err(Fault::rejected(MediaFailure::NoDimensions, "no size"));
    }
    if width.min(height) < limits::SOURCE_SIDE_MIN {
        return Err(Fault::rejected(MediaFailure::TooSmall, format!("{width}x{height}")));
    }
    sniff::judge_size(width, height)?;
    let matrix = stream
        .side_data()
        .find(|data| data.kind() == packet::side_data::Type::DisplayMatrix)
        .and_then(|data| display_matrix(data.data()));
    Ok(PictureTrack {
        index: stream.index(),
        time_base: stream.time_base(),
        size: (width, height),
        aspect: parameters.aspect,
        orientation: matrix.map(|m| Orientation::from_display_matrix(&m)).unwrap_or_default(),
        interlaced: parameters.interlaced,
        rate: FrameRate::choose(
            f64::from(stream.avg_frame_rate()),
            f64::from(stream.rate()),
            settings.fps_max,
        ),
    })
}

/// How long the picture lasts by its track's header or, failing that, the file's; zero if neither
/// says.
fn claimed_seconds(input: &format::context::Input, picture: &PictureTrack, start_us: i64) -> f64 {
    let stream = input.stream(picture.index).filter(|stream| stream.duration() > 0);
    match stream {
        Some(stream) => {
            let start = stream.start_time().max(0); // Negative when unknown.
            picture.seconds(start + stream.duration(), start_us)
        }
        None => input.duration() as f64 / f64::from(ff::ffi::AV_TIME_BASE),
    }
}

/// Reads the nine native-endian integers in which FFmpeg hands over a display matrix.
pub fn display_matrix(bytes: &[u8]) -> Option<[i32; 9]> {
    let mut matrix = [0; 9];
    for (index, cell) in matrix.iter_mut().enumerate() {
        *cell = i32::from_ne_bytes(*bytes.get(index * 4..)?.first_chunk()?);
    }
    Some(matrix)
}

fn sound_track(input: &format::context::Input) -> Option<usize> {
    let stream = input.streams().best(media::Type::Audio)?;
    let decodable = ff::decoder::find(stream.parameters().id()).is_some();
    (decodable && ffi_ext::sample_rate(&stream) > 0).then(|| stream.index())
}

/// Demuxes without decoding and measures from the first to the last picture; stops early once that
/// is above the limit.
fn measured_seconds(
    path: &Path,
    picture: &PictureTrack,
    settings: &Settings,
) -> Result<f64, Fault> {
    let mut input = open_input(path)?;
    let (mut first, mut end) = (f64::MAX, f64::MIN);
    let mut packet = ff::Packet::empty();
    while end - first <= settings.seconds_max() && next_packet(&mut input, &mut packet) {
        if packet.stream() != picture.index {
            continue;
        }
        if let Some(timestamp) = packet.pts().or(packet.dts()) {
            first = first.min(picture.seconds(timestamp, 0));
            end = end.max(picture.seconds(timestamp + packet.duration().max(0), 0));
        }
    }
    Ok((end - first).max(0.0))
}
