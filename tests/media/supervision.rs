//! The port over the child: events, errors, deadlines, and a child that lies or dies.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;
use vitrine::adapters::ffmpeg::engine::Settings;
use vitrine::adapters::ffmpeg::supervisor::ChildTranscoder;
use vitrine::domain::media_failure::MediaFailure;
use vitrine::ports::transcoder::{TranscodeError, TranscodeEvent, TranscodeReport, Transcoder};

use crate::support::{PROGRAM, Workshop};

const SOURCE: &str = "-f lavfi -i testsrc2=s=360x640:r=25:d=3 -f lavfi -i sine=440:d=3 \
                      -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";

fn transcoder(program: impl Into<PathBuf>) -> ChildTranscoder {
    ChildTranscoder::new(program.into(), Settings::default())
}

async fn supervise(
    transcoder: &ChildTranscoder,
    source: &Path,
    output: &Path,
) -> (Result<TranscodeReport, TranscodeError>, Vec<TranscodeEvent>) {
    let (sender, mut receiver) = mpsc::channel(1);
    let listen = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            if let TranscodeEvent::File(file) = &event {
                let found = fs::metadata(output.join(&file.path)).unwrap();
                assert_eq!(found.len(), file.bytes, "a file is complete when it is told");
            }
            events.push(event);
        }
        events
    };
    tokio::join!(transcoder.transcode(source, output, sender), listen)
}

#[tokio::test]
async fn a_transcode_is_told_as_it_happens() {
    let workshop = Workshop::new();
    let (source, output) = (workshop.make("in.mp4", SOURCE), workshop.path("output"));
    let (report, events) = supervise(&transcoder(PROGRAM), &source, &output).await;
    let report = report.unwrap();
    assert_eq!((report.duration_ms, report.width, report.height), (3000, 360, 640));
    assert_eq!(report.renditions.len(), 3);
    assert!(report.has_audio && !report.truncated);
    assert_eq!(events[0], TranscodeEvent::Probed { duration_ms: 3000, width: 360, height: 640 });
    assert_eq!(events.last(), Some(&TranscodeEvent::Progress(1.0)));
    let files: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TranscodeEvent::File(file) => Some(file.clone()),
            TranscodeEvent::Probed { .. } | TranscodeEvent::Progress(_) => None,
        })
        .collect();
    assert_eq!(files, report.files);
    assert_eq!(files.last().unwrap().path, report.master);
    assert!(output.join(&report.poster).exists() && output.join(&report.storyboard).exists());
}

#[tokio::test]
async fn nobody_needs_to_listen() {
    let workshop = Workshop::new();
    let (source, output) = (workshop.make("in.mp4", SOURCE), workshop.path("output"));
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let report = transcoder(PROGRAM).transcode(&source, &output, sender).await.unwrap();
    assert!(output.join(report.master).exists());
}

#[tokio::test]
async fn a_refusal_is_final_and_leaves_nothing() {
    let workshop = Workshop::new();
    let (source, output) = (workshop.write("in.mp4", b"no video"), workshop.path("output"));
    let (report, events) = supervise(&transcoder(PROGRAM), &source, &output).await;
    let error = report.unwrap_err();
    assert!(matches!(error, TranscodeError::Rejected(MediaFailure::NotAVideo)), "{error:?}");
    assert!(!error.is_retryable() && events.is_empty() && !output.exists());
}

#[tokio::test]
async fn a_deadline_ends_the_child_and_leaves_nothing() {
    let workshop = Workshop::new();
    let source = workshop.make("in.mp4", &SOURCE.replace("d=3", "d=30"));
    let output = workshop.path("output");
    let hasty = transcoder(PROGRAM).with_deadline(Duration::from_millis(1500));
    let (report, events) = supervise(&hasty, &source, &output).await;
    let error = report.unwrap_err();
    assert!(matches!(error, TranscodeError::TimedOut(_)), "{error:?}");
    assert!(error.is_retryable() && error.failure() == MediaFailure::Timeout);
    assert!(!events.is_empty(), "it was at work");
    assert!(!output.exists());
}

#[test]
fn a_killed_child_leaves_no_master_playlist() {
    let workshop = Workshop::new();
    let source = workshop.make("in.mp4", &SOURCE.replace("d=3", "d=30"));
    let output = workshop.path("output");
    let mut child = Command::new(PROGRAM)
        .args(["transcode", "--input"])
        .arg(&source)
        .arg("--output")
        .arg(&output)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let segment = lines.map(Result::unwrap).find(|line| line.contains(".m4s")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(segment.contains("\"file\"") && output.is_dir(), "it was at work");
    assert!(!output.join("master.m3u8").exists());
}

/// A stand-in for the program that says what a broken or captured child might say. It is started as
/// `program transcode --input SOURCE --output OUTPUT --options JSON`.
fn liar(workshop: &Workshop, script: &str) -> ChildTranscoder {
    let script = format!("#!/bin/sh\nout=\"$5\"\n/bin/mkdir -p \"$out\"\n{script}\n");
    let path = workshop.write("liar.sh", script.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    transcoder(path)
}

#[tokio::test]
async fn a_child_is_not_believed() {
    let done = r#"{"event":"done","duration_ms":1,"width":2,"height":2,"fps":30.0,"renditions":[{"name":"v2","width":2,"height":2,"bandwidth":1,"average_bandwidth":1,"codecs":"x"}],"has_audio":false,"truncated":false,"master":"master.m3u8","poster":"poster.jpg","storyboard":"storyboard.json","file_count":1}"#;
    let lies = [
        ("nothing at all", "exit 0".to_owned()),
        ("nonsense", "echo nonsense; /bin/sleep 30".to_owned()),
        ("an endless line", "/usr/bin/head -c 10000000 /dev/zero".to_owned()),
        ("a file elsewhere", r#"echo '{"event":"file","path":"../liar.sh","bytes":1}'"#.to_owned()),
        ("a file that is not there", r#"echo '{"event":"file","path":"a.m4s","bytes":1}'"#.to_owned()),
        ("another length", r#"printf ab > "$out/a.m4s"; echo '{"event":"file","path":"a.m4s","bytes":1}'"#.to_owned()),
        ("a link", r#"/bin/ln -s /etc/hostname "$out/a.m4s"; echo '{"event":"file","path":"a.m4s","bytes":1}'"#.to_owned()),
        ("success without files", format!("echo '{done}'")),
        ("an unknown code", r#"echo '{"event":"error","code":"bored","message":""}'; exit 65"#.to_owned()),
        ("a crash", "kill -SEGV $$".to_owned()),
    ];
    for (what, script) in lies {
        let workshop = Workshop::new();
        let (source, output) = (workshop.write("in.mp4", b"x"), workshop.path("output"));
        let liar = liar(&workshop, &script).with_deadline(Duration::from_secs(10));
        let (report, _) = supervise(&liar, &source, &output).await;
        let error = report.expect_err(what);
        assert!(matches!(error, TranscodeError::Failed(_)), "{what}: {error:?}");
        assert!(!output.exists(), "{what} leaves nothing");
    }
}

#[tokio::test]
async fn a_child_gets_no_environment() {
    let workshop = Workshop::new();
    let (source, output) = (workshop.write("in.mp4", b"x"), workshop.path("output"));
    let evidence = workshop.path("environment");
    let script = format!("/usr/bin/env > {}", evidence.display());
    supervise(&liar(&workshop, &script), &source, &output).await.0.unwrap_err();
    let seen = fs::read_to_string(evidence).unwrap();
    assert!(seen.contains("PWD="), "the shell sets its own: {seen}");
    assert!(!seen.contains("HOME=") && !seen.contains("CARGO"), "{seen}");
}

#[tokio::test]
async fn a_directory_with_content_is_left_alone() {
    let workshop = Workshop::new();
    let (source, output) = (workshop.make("in.mp4", SOURCE), workshop.path("output"));
    fs::create_dir(&output).unwrap();
    fs::write(output.join("precious.txt"), b"keep me").unwrap();
    let (report, _) = supervise(&transcoder(PROGRAM), &source, &output).await;
    assert!(matches!(report, Err(TranscodeError::Failed(_))));
    assert_eq!(fs::read(output.join("precious.txt")).unwrap(), b"keep me");
}
