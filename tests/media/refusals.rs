//! What cannot become a clip is refused with its reason, and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::support::{Run, Workshop};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn assert_refused(run: &Run, code: &str) {
    let last = run.lines.last().expect("a last line");
    assert_eq!(
        (last["event"].as_str(), last["code"].as_str()),
        (Some("error"), Some(code)),
        "{last}"
    );
    assert_eq!(run.code, Some(65), "the exit code of a source at fault");
    assert!(!run.output.exists(), "nothing is left");
}

fn refuse(workshop: &Workshop, source: &Path, code: &str) {
    assert_refused(&workshop.transcode(source), code);
}

#[test]
fn files_that_are_no_videos() {
    let workshop = Workshop::new();
    refuse(&workshop, &workshop.write("empty.mp4", b""), "empty_file");
    refuse(&workshop, &workshop.write("text.mp4", b"Dear diary, today"), "not_a_video");
    let playlist = b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n";
    refuse(&workshop, &workshop.write("playlist.mp4", playlist), "not_a_video");
    let picture = workshop.make("picture.jpg", "-f lavfi -i testsrc2=s=64x64 -frames:v 1");
    refuse(&workshop, &picture, "not_a_video");
    let sound = workshop.make("sound.m4a", "-f lavfi -i sine=440:d=2 -c:a aac");
    refuse(&workshop, &sound, "no_video");
}

#[test]
fn an_interrupted_recording_has_no_index() {
    let workshop = Workshop::new();
    let whole = workshop.make("in.mp4", &format!("-f lavfi -i testsrc2=s=360x640:d=2 {H264}"));
    let bytes = fs::read(whole).unwrap();
    let half = workshop.write("half.mp4", &bytes[..bytes.len() / 2]);
    refuse(&workshop, &half, "unreadable");
}

#[test]
fn an_interrupted_upload_with_an_index_is_marked() {
    let workshop = Workshop::new();
    let arguments = format!("-f lavfi -i testsrc2=s=360x640:d=4 {H264} -movflags faststart");
    let bytes = fs::read(workshop.make("in.mp4", &arguments)).unwrap();
    let half = workshop.write("half.mp4", &bytes[..bytes.len() / 2]);
    let run = workshop.transcode(&half);
    assert_eq!(run.report()["truncated"], true);
    let seconds = run.report()["duration_ms"].as_f64().unwrap() / 1000.0;
    assert!((1.0..3.0).contains(&seconds), "{seconds}");
}

#[test]
fn sizes_and_lengths_beyond_the_limits() {
    let workshop = Workshop::new();
    let tiny = workshop.make("tiny.mp4", &format!("-f lavfi -i testsrc2=s=32x32:d=2 {H264}"));
    refuse(&workshop, &tiny, "too_small");
    let short = workshop.make("short.mp4", &format!("-f lavfi -i testsrc2=s=128x128:d=0.2 {H264}"));
    refuse(&workshop, &short, "too_short");
    let long =
        workshop.make("long.mp4", &format!("-f lavfi -i color=black:s=64x64:r=1:d=601 {H264}"));
    refuse(&workshop, &long, "too_long");
    let wide =
        workshop.make("wide.mp4", &format!("-f lavfi -i color=black:s=8256x64:r=1:d=1 {H264}"));
    refuse(&workshop, &wide, "too_large");
}

#[test]
fn tracks_we_do_not_take() {
    let workshop = Workshop::new();
    let maps = "-map 0:v ".repeat(40);
    let crowd = workshop
        .make("crowd.mkv", &format!("-f lavfi -i color=black:s=64x64:r=5:d=1 {maps} -c:v mpeg4"));
    refuse(&workshop, &crowd, "too_many_streams");
    let rare = workshop.make("rare.avi", "-f lavfi -i testsrc2=s=128x128:d=1 -c:v huffyuv");
    refuse(&workshop, &rare, "unsupported_codec");
    let locked = workshop.make(
        "locked.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=128x128:d=1 {H264} -encryption_scheme cenc-aes-ctr \
             -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
             -encryption_kid a7e61c373e219033c21091fa607bf3b8"
        ),
    );
    refuse(&workshop, &locked, "encrypted");
}

#[test]
fn damaged_pictures() {
    let workshop = Workshop::new();
    let arguments = format!("-f lavfi -i testsrc2=s=360x640:d=2 {H264} -movflags faststart");
    let whole = fs::read(workshop.make("in.mp4", &arguments)).unwrap();
    let data = whole.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    let mut zeros = whole.clone();
    zeros[data..].fill(0);
    refuse(&workshop, &workshop.write("zeros.mp4", &zeros), "undecodable");
    // A flipped byte in every two hundred: most pictures decode, none is right.
    let mut noisy = whole;
    noisy[data + 1000..].iter_mut().step_by(200).for_each(|byte| *byte ^= 0x55);
    refuse(&workshop, &workshop.write("noisy.mp4", &noisy), "corrupt");
}

#[test]
fn our_own_faults_are_not_the_sources() {
    let workshop = Workshop::new();
    let run = workshop.transcode(&workshop.path("missing.mp4"));
    assert_eq!(run.lines.last().unwrap()["code"], "internal");
    assert_eq!(run.code, Some(70));
    // A directory that holds something is left alone.
    fs::create_dir(workshop.path("output")).unwrap();
    let precious = workshop.write("output/precious.txt", b"keep me");
    let source = workshop.make("in.mp4", &format!("-f lavfi -i testsrc2=s=128x128:d=1 {H264}"));
    let run = workshop.transcode(&source);
    assert_eq!(run.lines.last().unwrap()["code"], "internal");
    assert_eq!(fs::read(precious).unwrap(), b"keep me");
}
