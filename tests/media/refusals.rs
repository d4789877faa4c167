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

/// A video of 50 pictures; where its picture data begin.
fn two_seconds(workshop: &Workshop) -> (Vec<u8>, usize) {
    let arguments = format!("-f lavfi -i testsrc2=s=360x640:d=2 {H264} -movflags faststart");
    let bytes = fs::read(workshop.make("in.mp4", &arguments)).unwrap();
    let data = bytes.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    (bytes, data)
}

/// Flips bits in every so many bytes after the first picture's head.
fn flip(bytes: &mut [u8], data: usize, step: usize) {
    bytes[data + 1000..].iter_mut().step_by(step).for_each(|byte| *byte ^= 0x55);
}

#[test]
fn damaged_pictures() {
    let workshop = Workshop::new();
    let (whole, data) = two_seconds(&workshop);
    let mut zeros = whole.clone();
    zeros[data..].fill(0);
    refuse(&workshop, &workshop.write("zeros.mp4", &zeros), "undecodable");
    // A flipped byte in every two hundred: most pictures decode, none is right.
    let mut noisy = whole;
    flip(&mut noisy, data, 200);
    refuse(&workshop, &workshop.write("noisy.mp4", &noisy), "corrupt");
}

/// Decoders with threads tell and mark damage late: what is counted must not follow from that.
#[test]
fn the_same_damage_gets_the_same_verdict() {
    let workshop = Workshop::new();
    let (mut noisy, data) = two_seconds(&workshop);
    flip(&mut noisy, data, 200);
    let noisy = workshop.write("noisy.mp4", &noisy);
    let verdict = |threads: u32| {
        let run = workshop.transcode_with(&noisy, &format!(r#"{{"threads":{threads}}}"#));
        assert_refused(&run, "corrupt");
        run.lines.last().unwrap()["message"].as_str().unwrap().to_owned()
    };
    let alone = verdict(1);
    for threads in [2, 4, 8] {
        assert_eq!(verdict(threads), alone, "with {threads} threads");
    }
}

/// A little damage is shown, not refused.
#[test]
fn a_few_damaged_pictures_are_no_reason() {
    let workshop = Workshop::new();
    let (mut scratched, data) = two_seconds(&workshop);
    flip(&mut scratched, data, 40_000);
    let scratched = workshop.write("scratched.mp4", &scratched);
    for threads in [1, 4] {
        let run = workshop.transcode_with(&scratched, &format!(r#"{{"threads":{threads}}}"#));
        let seconds = run.report()["duration_ms"].as_f64().unwrap() / 1000.0;
        assert!((1.8..2.2).contains(&seconds), "{seconds}");
        fs::remove_dir_all(&run.output).unwrap();
    }
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
