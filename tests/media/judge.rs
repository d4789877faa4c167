//! What must hold of every output, whatever its source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{ListedSegment, Run, Variant, after_box, assert_decodes, big_endian, probe};

/// Length that segments aim at in seconds.
const SEGMENT_SECONDS: f64 = 2.0;
/// One AAC frame at 48 kHz.
const SOUND_FRAME_SECONDS: f64 = 1_024.0 / 48_000.0;

/// What a test knows about its source.
pub struct Expected {
    pub seconds: f64,
    pub fps: f64,
    pub has_sound: bool,
    /// Upright sizes, largest first.
    pub sizes: &'static [(u64, u64)],
}

/// Checks all that must hold of every output.
pub fn judge(run: &Run, expected: &Expected) {
    let report = run.report();
    let frame_seconds = 1.0 / expected.fps;
    assert_near(report["duration_ms"].as_f64().unwrap() / 1000.0, expected.seconds, frame_seconds);
    assert_near(report["fps"].as_f64().unwrap(), expected.fps, 0.001);
    assert_eq!(report["has_audio"], expected.has_sound);
    judge_story(run);
    let variants = judge_master(run, expected);
    let mut key_frames = BTreeSet::new();
    for variant in &variants {
        judge_stream(run, variant, expected);
        let keys = judge_timing(run, &variant.track, expected);
        key_frames
            .insert(keys.iter().map(|seconds| (seconds * 1e6).round() as i64).collect::<Vec<_>>());
        judge_bit_rates(run, variant);
    }
    assert_eq!(key_frames.len(), 1, "key frames are aligned over renditions: {key_frames:?}");
    if expected.has_sound {
        judge_sound(run, expected);
    } else {
        assert!(!run.output.join("audio").exists(), "silence has no track");
    }
    judge_stills(run, &variants);
}

pub fn assert_near(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance + 1e-9, "{found} is not {wanted} ± {tolerance}");
}

/// The lines: files are complete, named once, in an order that lets each be published at once.
fn judge_story(run: &Run) {
    let progress: Vec<f64> =
        run.events("progress").iter().map(|line| line["done"].as_f64().unwrap()).collect();
    assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    assert!(progress.len() > 5 && progress.last() == Some(&1.0), "{progress:?}");
    let told: Vec<&str> =
        run.events("file").iter().map(|line| line["path"].as_str().unwrap()).collect();
    for line in run.events("file") {
        let bytes = run.read(line["path"].as_str().unwrap()).len() as u64;
        assert_eq!(line["bytes"], bytes, "{line}");
    }
    let mut on_disk = Vec::new();
    collect_files(&run.output, &run.output, &mut on_disk);
    let mut sorted: Vec<String> = told.iter().map(|&path| path.to_owned()).collect();
    sorted.sort();
    on_disk.sort();
    assert_eq!(sorted, on_disk, "every file is told, each once");
    assert_eq!(told.last(), Some(&"master.m3u8"));
    for (index, path) in told.iter().enumerate() {
        if let Some(track) = path.strip_suffix("/index.m3u8") {
            let later =
                told[index + 1..].iter().find(|path| path.starts_with(&format!("{track}/")));
            assert_eq!(later, None, "a playlist comes after all it names");
        }
    }
}

fn collect_files(root: &Path, directory: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

fn judge_master(run: &Run, expected: &Expected) -> Vec<Variant> {
    let text = run.text("master.m3u8");
    assert!(text.starts_with("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"), "{text}");
    let variants = run.variants();
    let mut sizes: Vec<(u64, u64)> = variants.iter().map(Variant::size).collect();
    sizes.sort_by(|a, b| b.cmp(a));
    assert_eq!(sizes, expected.sizes);
    for variant in &variants {
        assert_eq!(variant.get("VIDEO-RANGE"), "SDR");
        assert_eq!(variant.get("CLOSED-CAPTIONS"), "NONE");
        assert_near(variant.number("FRAME-RATE"), expected.fps, 0.001);
        assert_eq!(variant.has_sound(), expected.has_sound);
        assert_eq!(variant.get("CODECS").contains("mp4a.40.2"), expected.has_sound);
    }
    assert_eq!(text.contains("TYPE=AUDIO"), expected.has_sound);
    for (rendition, size) in run.report()["renditions"].as_array().unwrap().iter().zip(&sizes) {
        assert_eq!(
            (rendition["width"].as_u64(), rendition["height"].as_u64()),
            (Some(size.0), Some(size.1))
        );
        let variant = variants.iter().find(|variant| rendition["name"] == variant.track).unwrap();
        assert_eq!(rendition["codecs"], variant.get("CODECS"));
        assert_near(rendition["bandwidth"].as_f64().unwrap(), variant.number("BANDWIDTH"), 0.0);
    }
    variants
}

/// The encoded stream is what the master playlist says, and decodes without a complaint.
fn judge_stream(run: &Run, variant: &Variant, expected: &Expected) {
    let joined = run.joined(&variant.track);
    assert_decodes(&joined);
    let entries = "stream=width,height,codec_name,profile,pix_fmt,sample_aspect_ratio,r_frame_rate,\
                   color_range,color_space,color_transfer,color_primaries:stream_side_data";
    let probed = probe(&joined, entries);
    let stream = &probed["streams"][0];
    assert_eq!((stream["width"].as_u64(), stream["height"].as_u64()), {
        let (width, height) = variant.size();
        (Some(width), Some(height))
    });
    assert_eq!(stream["codec_name"], "h264");
    assert_eq!(stream["profile"], "High");
    assert_eq!(stream["pix_fmt"], "yuv420p");
    assert_eq!(stream["sample_aspect_ratio"], "1:1");
    assert_eq!(stream["color_range"], "tv");
    for property in ["color_space", "color_transfer", "color_primaries"] {
        assert_eq!(stream[property], "bt709", "{property}");
    }
    assert!(stream.get("side_data_list").is_none(), "no display matrix is left: {stream}");
    let (frames, seconds) = stream["r_frame_rate"].as_str().unwrap().split_once('/').unwrap();
    let rate = frames.parse::<f64>().unwrap() / seconds.parse::<f64>().unwrap();
    assert_near(rate, expected.fps, 0.001);
    let init = run.read(&format!("{}/init.mp4", variant.track));
    let [profile, constraints, level] = *after_box(&init, b"avcC")[1..].first_chunk().unwrap();
    let codec = format!("avc1.{profile:02x}{constraints:02x}{level:02x}");
    assert_eq!(variant.get("CODECS").split(',').next(), Some(codec.as_str()));
}

/// Segments begin on the grid with a key frame, last as long as they say, and start at zero.
/// Answers where key frames are, in seconds after the first.
fn judge_timing(run: &Run, track: &str, expected: &Expected) -> Vec<f64> {
    let segments = run.media(track);
    let init = run.read(&format!("{track}/init.mp4"));
    let grid = (SEGMENT_SECONDS * expected.fps).round() / expected.fps;
    for (index, segment) in segments.iter().enumerate() {
        let bytes = run.read(&format!("{track}/{}", segment.file));
        assert_near(decode_time(&init, &bytes), index as f64 * grid, 0.001);
        let alone = run.output.with_file_name("segment.mp4");
        fs::write(&alone, [init.as_slice(), &bytes].concat()).unwrap();
        let packets = packets(&alone);
        let lasted: f64 = packets.iter().map(|packet| packet.seconds).sum();
        assert_near(segment.seconds, lasted, 0.001);
        let keys: Vec<bool> = packets.iter().map(|packet| packet.is_key).collect();
        assert!(keys[0] && !keys[1..].contains(&true), "one key frame, the first: {track} {index}");
        if index + 1 < segments.len() {
            assert_near(segment.seconds, grid, 0.001);
        }
    }
    let listed: f64 = segments.iter().map(|segment| segment.seconds).sum();
    assert_near(listed, expected.seconds, 1.0 / expected.fps);
    let packets = packets(&run.joined(track));
    let first = packets[0].start;
    packets.iter().filter(|packet| packet.is_key).map(|packet| packet.start - first).collect()
}

struct Packet {
    start: f64,
    seconds: f64,
    is_key: bool,
}

fn packets(file: &Path) -> Vec<Packet> {
    let probed = probe(file, "packet=pts_time,duration_time,flags");
    let number = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let read = |packet: &Value| Packet {
        start: number(&packet["pts_time"]),
        seconds: number(&packet["duration_time"]),
        is_key: packet["flags"].as_str().unwrap().starts_with('K'),
    };
    probed["packets"].as_array().unwrap().iter().map(read).collect()
}

/// The decode time of a segment's first sample in seconds: `tfdt` over the time scale of `mdhd`.
fn decode_time(init: &[u8], segment: &[u8]) -> f64 {
    let header = after_box(init, b"mdhd");
    let timescale = big_endian(if header[0] == 1 { &header[20..24] } else { &header[12..16] });
    let time = after_box(segment, b"tfdt");
    let ticks = big_endian(if time[0] == 1 { &time[4..12] } else { &time[4..8] });
    ticks as f64 / timescale as f64
}

/// Peak over runs of 0.5 to 1.5 target durations, and mean, in bits per second (RFC 8216, 4.1).
fn measured_rates(segments: &[ListedSegment]) -> (f64, f64) {
    let seconds: f64 = segments.iter().map(|segment| segment.seconds).sum();
    let bits: f64 = segments.iter().map(|segment| segment.bytes * 8.0).sum();
    let long_enough = segments.iter().filter(|segment| segment.seconds >= SEGMENT_SECONDS / 2.0);
    let peak = long_enough.map(|segment| segment.bytes * 8.0 / segment.seconds);
    (peak.fold(bits / seconds, f64::max), bits / seconds)
}

fn judge_bit_rates(run: &Run, variant: &Variant) {
    let (mut peak, mut mean) = measured_rates(&run.media(&variant.track));
    if variant.has_sound() {
        let sound = measured_rates(&run.media("audio"));
        peak += sound.0;
        mean += sound.1;
    }
    let (bandwidth, average) = (variant.number("BANDWIDTH"), variant.number("AVERAGE-BANDWIDTH"));
    assert!(bandwidth >= peak - 1.0, "{bandwidth} announced, {peak} measured");
    assert!(bandwidth <= peak * 1.1, "{bandwidth} announced, {peak} measured");
    assert_near(average, mean, mean * 0.01);
    assert!(average <= bandwidth);
}

fn judge_sound(run: &Run, expected: &Expected) {
    let joined = run.joined("audio");
    assert_decodes(&joined);
    let probed = probe(&joined, "stream=codec_name,profile,sample_rate,channels,start_time");
    let stream = &probed["streams"][0];
    assert_eq!(stream["codec_name"], "aac");
    assert_eq!(stream["profile"], "LC");
    assert_eq!(stream["sample_rate"], "48000");
    assert_eq!(stream["channels"], 2);
    let segments = run.media("audio");
    let init = run.read("audio/init.mp4");
    let edit = after_box(&init, b"elst");
    assert_eq!(big_endian(&edit[4..8]), 1, "one edit, which skips the encoder's delay");
    let grid = (SEGMENT_SECONDS * expected.fps).round() / expected.fps;
    for (index, segment) in segments.iter().enumerate() {
        let bytes = run.read(&format!("audio/{}", segment.file));
        let start = decode_time(&init, &bytes);
        if index == 0 {
            assert_near(start, 0.0, 0.0);
        } else {
            // One frame of encoder delay, and at most one until the next frame begins.
            let late = start - SOUND_FRAME_SECONDS - index as f64 * grid;
            assert!((-0.000_1..=SOUND_FRAME_SECONDS).contains(&late), "{late}");
        }
    }
    let listed: f64 = segments.iter().map(|segment| segment.seconds).sum();
    assert_near(listed, expected.seconds, SOUND_FRAME_SECONDS + 1.0 / expected.fps);
}

fn judge_stills(run: &Run, variants: &[Variant]) {
    let size = |name: &str| {
        let probed = probe(&run.output.join(name), "stream=codec_name,width,height");
        let stream = probed["streams"][0].clone();
        assert_eq!(stream["codec_name"], "mjpeg");
        (stream["width"].as_u64().unwrap(), stream["height"].as_u64().unwrap())
    };
    let poster = size("poster.jpg");
    assert!(variants.iter().any(|variant| variant.size() == poster), "{poster:?}");
    let story: Value = serde_json::from_slice(&run.read("storyboard.json")).unwrap();
    let number = |name: &str| story[name].as_u64().unwrap();
    let sheet = (number("tile_width") * number("columns"), number("tile_height") * number("rows"));
    assert_eq!(size("storyboard.jpg"), sheet);
    let count = number("count");
    assert!(count >= 1 && count <= number("columns") * number("rows") && number("interval_ms") > 0);
}
