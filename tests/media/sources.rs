//! Videos as phones, cameras, screens and editors write them.

use std::fs;
use std::path::Path;

use crate::judge::{Expected, assert_near, judge};
use crate::support::{Workshop, after_box, decode, probe, similarity};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const PORTRAIT: &[(u64, u64)] = &[(720, 1280), (540, 960), (360, 640)];
const SMALL_PORTRAIT: &[(u64, u64)] = &[(360, 640), (240, 426), (180, 320)];
const SMALL_LANDSCAPE: &[(u64, u64)] = &[(640, 360), (426, 240), (320, 180)];

#[test]
fn a_portrait_phone_video_with_sound() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=720x1280:r=30:d=5 -f lavfi -i sine=440:d=5 {H264} -c:a aac \
             -metadata location=+48.8584+002.2945/ -metadata title=Secret|Title \
             -metadata:s:v:0 handler_name=SecretHandler -movflags use_metadata_tags"
        ),
    );
    let needles: [&[u8]; 3] = [b"48.8584", b"Secret Title", b"SecretHandler"];
    let has = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    let original = fs::read(&source).unwrap();
    assert!(needles.iter().all(|needle| has(&original, needle)), "the source does carry secrets");

    let run = workshop.transcode(&source);

    judge(&run, &Expected { seconds: 5.0, fps: 30.0, has_sound: true, sizes: PORTRAIT });
    for file in run.events("file") {
        let bytes = run.read(file["path"].as_str().unwrap());
        assert!(!needles.iter().any(|needle| has(&bytes, needle)), "{file} gives secrets away");
    }
    assert!(similarity(&source, &run.joined("v360"), (360, 640)) > 0.9);
    assert_eq!(run.report()["truncated"], false);
}

/// Writes a display matrix into the first track of an MP4 file, as a camera would.
fn set_matrix(file: &Path, [a, b, c, d]: [i32; 4]) {
    /// From the end of the box type to the matrix, in a version 0 `tkhd`.
    const MATRIX_OFFSET: usize = 40;
    let mut bytes = fs::read(file).unwrap();
    let after = after_box(&bytes, b"tkhd");
    assert_eq!(after[0], 0, "a version 0 track header");
    let start = bytes.len() - after.len() + MATRIX_OFFSET;
    let one = 1 << 16;
    let cells = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30];
    for (index, cell) in cells.into_iter().enumerate() {
        bytes[start + index * 4..][..4].copy_from_slice(&cell.to_be_bytes());
    }
    fs::write(file, bytes).unwrap();
}

/// Turned and mirrored pictures come out as `ffmpeg` shows them, in all eight positions.
#[test]
fn turned_and_mirrored_videos_stand_upright() {
    let matrices = [
        ([1, 0, 0, 1], false),
        ([0, 1, -1, 0], true),
        ([-1, 0, 0, -1], false),
        ([0, -1, 1, 0], true),
        ([-1, 0, 0, 1], false),
        ([1, 0, 0, -1], false),
        ([0, 1, 1, 0], true),
        ([0, -1, -1, 0], true),
    ];
    let original = Workshop::new();
    let arguments = format!("-f lavfi -i testsrc2=s=640x360:r=25:d=1 {H264}");
    let original = original.make("in.mp4", &arguments);
    for (matrix, is_portrait) in matrices {
        let workshop = Workshop::new();
        let source = workshop.write("in.mp4", &fs::read(&original).unwrap());
        set_matrix(&source, matrix);

        let run = workshop.transcode(&source);

        let sizes = if is_portrait { SMALL_PORTRAIT } else { SMALL_LANDSCAPE };
        if matrix[0] <= 0 {
            judge(&run, &Expected { seconds: 1.0, fps: 25.0, has_sound: false, sizes });
        }
        let score = similarity(&source, &run.joined("v360"), sizes[0]);
        assert!(score > 0.9, "{matrix:?} scores {score}");
    }
}

#[test]
fn an_odd_size_is_rounded_and_never_enlarged() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        "-f lavfi -i testsrc2=s=607x1081:r=25:d=2.4 -pix_fmt yuv444p -c:v libx264 -preset ultrafast",
    );
    let run = workshop.transcode(&source);
    let sizes = &[(540, 962), (360, 642), (240, 428)];
    judge(&run, &Expected { seconds: 2.4, fps: 25.0, has_sound: false, sizes });
    assert!(similarity(&source, &run.joined("v360"), (360, 642)) > 0.9);
}

#[test]
fn a_landscape_webm_with_sound_that_ends_early() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.webm",
        "-f lavfi -i testsrc2=s=640x360:r=30000/1001:d=4.1 -f lavfi -i sine=440:d=1.3 \
         -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis",
    );
    let run = workshop.transcode(&source);
    let fps = 30_000.0 / 1_001.0;
    judge(&run, &Expected { seconds: 4.1, fps, has_sound: true, sizes: SMALL_LANDSCAPE });
}

#[test]
fn sound_that_goes_on_is_cut_at_the_last_picture() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=360x640:r=25:d=2 -f lavfi -i sine=440:d=9 {H264} -c:a aac"
        ),
    );
    let run = workshop.transcode(&source);
    judge(&run, &Expected { seconds: 2.0, fps: 25.0, has_sound: true, sizes: SMALL_PORTRAIT });
    assert_eq!(run.report()["truncated"], false, "nothing is missing");
}

#[test]
fn sixty_frames_become_thirty_with_every_second_picture() {
    let workshop = Workshop::new();
    let source =
        workshop.make("in.mp4", &format!("-f lavfi -i testsrc2=s=360x640:r=60:d=2 {H264}"));
    let run = workshop.transcode(&source);
    judge(&run, &Expected { seconds: 2.0, fps: 30.0, has_sound: false, sizes: SMALL_PORTRAIT });
    let even =
        workshop.make("even.mp4", &format!("-i in.mp4 -vf select=not(mod(n\\,2)) -r 30 {H264}"));
    assert!(similarity(&even, &run.joined("v360"), (360, 640)) > 0.95);
}

/// A screen recording: a burst of pictures, a pause, and a last picture that stays.
#[test]
fn a_variable_rate_keeps_its_times() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        &format!(
            "-f lavfi -i color=black:s=360x640:r=30:d=4 -vf \
             drawbox=color=white:t=fill:enable='gte(t\\,2.5)',select='lt(n\\,15)+eq(n\\,75)+eq(n\\,119)' \
             -vsync vfr {H264} -bf 0"
        ),
    );
    let packets = probe(&source, "packet=pts_time");
    assert_eq!(packets["packets"].as_array().unwrap().len(), 17, "the source is variable");

    let run = workshop.transcode(&source);

    judge(&run, &Expected { seconds: 4.0, fps: 30.0, has_sound: false, sizes: SMALL_PORTRAIT });
    let first_white = first_flash(&run.joined("v180"), (180, 320), 30.0, 0.0);
    assert_near(first_white, 2.5, 1.0 / 30.0);
}

/// When the picture turns white, in seconds, not before `after`.
fn first_flash(file: &Path, (width, height): (usize, usize), fps: f64, after: f64) -> f64 {
    let pixels = decode(file, "-f rawvideo -pix_fmt gray");
    let frames = pixels.chunks_exact(width * height).enumerate();
    let is_white = |frame: &[u8]| frame[frame.len() / 2 + width / 2] > 128;
    let mut times = frames.filter(|(_, frame)| is_white(frame)).map(|(n, _)| n as f64 / fps);
    times.find(|&seconds| seconds >= after).expect("a white picture")
}

/// A flash and a beep that begin together still do, from the first segment to the last.
#[test]
fn picture_and_sound_stay_together() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        &format!(
            "-f lavfi -i color=black:s=360x640:r=30:d=5 -f lavfi \
             -i aevalsrc=if(lt(mod(t\\,1)\\,0.2)\\,0.8*sin(2*PI*1000*t)\\,0):d=5:s=44100 \
             -vf drawbox=color=white:t=fill:enable='lt(mod(t\\,1)\\,0.2)' {H264} -c:a aac"
        ),
    );
    let run = workshop.transcode(&source);
    judge(&run, &Expected { seconds: 5.0, fps: 30.0, has_sound: true, sizes: SMALL_PORTRAIT });
    let samples: Vec<f32> = decode(&run.joined("audio"), "-f f32le -ac 1")
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes(*sample.first_chunk().unwrap()))
        .collect();
    // `ffmpeg` writes out the encoder's delay too, at negative times; players skip it.
    let sound = probe(&run.joined("audio"), "stream=start_time");
    let sound_start: f64 = sound["streams"][0]["start_time"].as_str().unwrap().parse().unwrap();
    for second in [1.0, 2.0, 4.0] {
        let start = ((second - 0.5) * 48_000.0) as usize;
        let quiet = samples[start..].iter().take_while(|sample| sample.abs() < 0.2).count();
        let beep = (start + quiet) as f64 / 48_000.0 + sound_start;
        let flash = first_flash(&run.joined("v180"), (180, 320), 30.0, second - 0.5);
        assert_near(flash, second, 0.001);
        assert_near(beep, flash, 0.008);
    }
}

/// A stream that turns from portrait to landscape keeps its frame: the rest is black, nothing is
/// stretched.
#[test]
fn a_change_of_shape_on_the_way_is_framed() {
    let workshop = Workshop::new();
    let half = |size: &str, offset: u32| {
        let encoding = format!("{H264} -f mpegts -output_ts_offset {offset}");
        let picture = format!("-f lavfi -i color=white:s={size}:r=30:d=2");
        fs::read(workshop.make("half.ts", &format!("{picture} {encoding}"))).unwrap()
    };
    let both = [half("360x640", 0), half("640x360", 2)].concat();
    let run = workshop.transcode(&workshop.write("in.ts", &both));
    judge(&run, &Expected { seconds: 4.0, fps: 30.0, has_sound: false, sizes: SMALL_PORTRAIT });
    let (width, height) = (180, 320);
    let pixels = decode(&run.joined("v180"), "-f rawvideo -pix_fmt gray");
    let frames: Vec<&[u8]> = pixels.chunks_exact(width * height).collect();
    let column = |frame: &[u8]| [10, height / 2, height - 10].map(|y| frame[y * width + 90] > 128);
    assert_eq!(column(frames[30]), [true, true, true], "portrait fills the frame");
    assert_eq!(column(frames[90]), [false, true, false], "landscape lies in its middle");
}

/// Sound that begins late stays late: it is not pulled to the first picture.
#[test]
fn sound_that_begins_late_stays_late() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=320x180:r=30:d=3 -itsoffset 1.25 -f lavfi -i sine=440:d=1.5 \
             {H264} -c:a aac"
        ),
    );
    let run = workshop.transcode(&source);
    let sizes = &[(320, 180), (256, 144)];
    judge(&run, &Expected { seconds: 3.0, fps: 30.0, has_sound: true, sizes });
    let samples = decode(&run.joined("audio"), "-f f32le -ac 1");
    let sample = |bytes: &[u8]| f32::from_le_bytes(*bytes.first_chunk().unwrap()).abs();
    let quiet = samples.chunks_exact(4).take_while(|bytes| sample(bytes) < 0.05).count();
    let encoder_delay = 1_024.0;
    assert_near((quiet as f64 - encoder_delay) / 48_000.0, 1.25, 0.03);
}

/// Browsers record without knowing when they will stop: no length is in the header.
#[test]
fn recordings_of_browsers_have_no_length() {
    let recordings = [
        ("in.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -live 1".to_owned()),
        ("in.mp4", format!("{H264} -movflags frag_keyframe+empty_moov")),
    ];
    for (name, encoding) in recordings {
        let workshop = Workshop::new();
        let arguments = format!("-f lavfi -i testsrc2=s=320x180:r=30:d=3 {encoding}");
        let run = workshop.transcode(&workshop.make(name, &arguments));
        let sizes = &[(320, 180), (256, 144)];
        judge(&run, &Expected { seconds: 3.0, fps: 30.0, has_sound: false, sizes });
        assert_near(run.events("probe")[0]["duration_ms"].as_f64().unwrap(), 3000.0, 40.0);
    }
}

#[test]
fn pixels_that_are_not_square_become_square() {
    let workshop = Workshop::new();
    let source = workshop
        .make("in.mp4", &format!("-f lavfi -i testsrc2=s=480x480:r=25:d=1 -vf setsar=16/9 {H264}"));
    let run = workshop.transcode(&source);
    let sizes = &[(852, 480), (640, 360), (426, 240)];
    judge(&run, &Expected { seconds: 1.0, fps: 25.0, has_sound: false, sizes });
}

/// High dynamic range ends in ordinary range: half of PQ's scale, 92 cd/m2, is near white on an
/// ordinary screen, far above the middle grey that the bare number would show.
#[test]
fn hdr_is_mapped_to_ordinary_range() {
    let workshop = Workshop::new();
    let source = workshop.make(
        "in.mp4",
        "-f lavfi -i color=gray:s=360x640:r=25:d=1 -pix_fmt yuv420p10le -c:v libx265 -x265-params \
         log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    );
    let stream = probe(&source, "stream=color_transfer");
    assert_eq!(stream["streams"][0]["color_transfer"], "smpte2084", "the source is HDR");
    let run = workshop.transcode(&source);
    judge(&run, &Expected { seconds: 1.0, fps: 25.0, has_sound: false, sizes: SMALL_PORTRAIT });
    let luma = |file: &Path| {
        let pixels = decode(file, "-frames:v 1 -f rawvideo -pix_fmt gray");
        pixels[pixels.len() / 2]
    };
    assert_eq!(luma(&source), 128, "the bare number");
    let mapped = luma(&run.joined("v180"));
    assert!((140..=235).contains(&mapped), "{mapped}");
}
