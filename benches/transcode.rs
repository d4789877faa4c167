//! How does one video in our child process compare with the `ffmpeg` command?
//!
//! Same source, ladder, preset, quality, bit rate caps and key frames, measured in turns so that a
//! busy machine hurts all alike:
//!
//! - **split**: one `ffmpeg` process that decodes once and splits, as a careful script would;
//! - **apart**: one `ffmpeg` process per rendition, one after the other, as a simple script would.
//!
//! Both write MP4 fragments without packaging, playlists, poster or storyboard, which our child
//! does in the same time. Units: seconds of wall time and of processor time; ratios are medians
//! over rounds (below one: we are cheaper). Rounds and seconds of video come from the command line:
//! `cargo bench --bench transcode -- 3 15`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vitrine::domain::rendition::{Orientation, Rung, Upright, ladder};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vitrine");
const WIDTH: u32 = 1080;
const HEIGHT: u32 = 1920;
const FRAMES_PER_SECOND: u32 = 30;

/// Wall and processor time of one run, in seconds.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

fn main() {
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let numbers: Vec<u32> =
        std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(3).max(1);
    let seconds = numbers.get(1).copied().unwrap_or(15).max(1);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = directory.path().join("source.mp4");
    make_source(&source, seconds);
    let upright = Upright::new((WIDTH, HEIGHT), (1, 1), Orientation::default());
    let rungs = ladder(upright);

    let mut table = format!(
        "\n{seconds} s of {WIDTH}x{HEIGHT} at {FRAMES_PER_SECOND}/s, {} renditions, preset \
         veryfast, {rounds} rounds\n\n| round | child wall | split wall | apart wall | child cpu | \
         split cpu | apart cpu |\n|---|---|---|---|---|---|---|\n",
        rungs.len()
    );
    let mut costs = Vec::new();
    for round in 1..=rounds {
        let child = run_child(&source, &directory.path().join("child"));
        let split = run_commands(&[split_command(&source, directory.path(), &rungs)]);
        let apart: Vec<Command> =
            rungs.iter().map(|rung| single_command(&source, directory.path(), *rung)).collect();
        let apart = run_commands(&apart);
        let _ = writeln!(
            table,
            "| {round} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            child.wall, split.wall, apart.wall, child.processor, split.processor, apart.processor
        );
        costs.push([child, split, apart]);
    }
    let median = |ratio: &dyn Fn(&[Cost; 3]) -> f64| {
        let mut ratios: Vec<f64> = costs.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let _ = writeln!(
        table,
        "\n| ratio | wall | cpu | target (wall) |\n|---|---|---|---|\n\
         | child / split | {:.2} | {:.2} | at most 1.05 |\n\
         | child / apart | {:.2} | {:.2} | at most 0.70 |",
        median(&|[child, split, _]| child.wall / split.wall),
        median(&|[child, split, _]| child.processor / split.processor),
        median(&|[child, _, apart]| child.wall / apart.wall),
        median(&|[child, _, apart]| child.processor / apart.processor),
    );
    let _ = std::io::stdout().write_all(table.as_bytes());
}

/// A test pattern with noise, so that the encoder has the work of a real picture, and a tone.
fn make_source(path: &Path, seconds: u32) {
    let picture = format!(
        "testsrc2=s={WIDTH}x{HEIGHT}:r={FRAMES_PER_SECOND}:d={seconds},noise=alls=6:allf=t"
    );
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i"])
        .arg(format!("sine=440:d={seconds}"))
        .args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "12M", "-pix_fmt", "yuv420p"])
        .args(["-c:a", "aac"])
        .arg(path)
        .status()
        .expect("the `ffmpeg` command is installed");
    assert!(made.success());
}

fn run_child(source: &Path, output: &Path) -> Cost {
    let _ = fs::remove_dir_all(output);
    let mut command = Command::new(PROGRAM);
    command.args(["transcode", "--input"]).arg(source).arg("--output").arg(output);
    run_commands(&[command])
}

fn ffmpeg(source: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(source);
    command
}

/// One process, one decode, all renditions and the sound.
fn split_command(source: &Path, directory: &Path, rungs: &[Rung]) -> Command {
    let mut graph = format!("[0:v]split={}", rungs.len());
    for index in 0..rungs.len() {
        let _ = write!(graph, "[s{index}]");
    }
    for (index, rung) in rungs.iter().enumerate() {
        let _ = write!(
            graph,
            ";[s{index}]scale={}:{}:flags=bicubic[v{index}]",
            rung.width, rung.height
        );
    }
    let mut command = ffmpeg(source);
    command.args(["-filter_complex", &graph]);
    for (index, rung) in rungs.iter().enumerate() {
        command.args(["-map", &format!("[v{index}]")]);
        encode_picture(&mut command, *rung);
        command.arg(directory.join(format!("split-{index}.mp4")));
    }
    command.args(["-map", "0:a", "-c:a", "aac", "-b:a", "128k"]).arg(directory.join("split-a.mp4"));
    command
}

/// One rendition with the sound.
fn single_command(source: &Path, directory: &Path, rung: Rung) -> Command {
    let mut command = ffmpeg(source);
    command.args(["-vf", &format!("scale={}:{}:flags=bicubic", rung.width, rung.height)]);
    encode_picture(&mut command, rung);
    command.args(["-c:a", "aac", "-b:a", "128k"]);
    command.arg(directory.join(format!("apart-{}.mp4", rung.short_side())));
    command
}

fn encode_picture(command: &mut Command, rung: Rung) {
    let gop = (2 * FRAMES_PER_SECOND).to_string();
    command
        .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-profile:v", "high"])
        .args(["-maxrate", &rung.bitrate_max.to_string()])
        .args(["-bufsize", &(u64::from(rung.bitrate_max) * 3 / 2).to_string()])
        .args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0", "-pix_fmt", "yuv420p"])
        .args(["-movflags", "frag_keyframe+empty_moov+default_base_moof"]);
}

/// Runs the commands one after the other under `/usr/bin/env bash`, whose `times` counts what its
/// children used.
fn run_commands(commands: &[Command]) -> Cost {
    let mut script = String::from("set -e\nTIMEFORMAT='%R %U %S'\ntime {\n");
    for command in commands {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        for word in words {
            let _ = write!(script, "'{}' ", word.to_string_lossy().replace('\'', r"'\''"));
        }
        script.push_str(">/dev/null </dev/null\n");
    }
    script.push_str("}\n");
    let timed = Command::new("bash").arg("-c").arg(&script).output().expect("bash is installed");
    let report = String::from_utf8_lossy(&timed.stderr);
    assert!(timed.status.success(), "{report}");
    let figures: Vec<f64> = report
        .lines()
        .last()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|figure| figure.replace(',', ".").parse().ok())
        .collect();
    let [wall, user, system] = figures[..] else { panic!("no figures in {report}") };
    assert!(wall > Duration::from_millis(1).as_secs_f64());
    Cost { wall, processor: user + system }
}
