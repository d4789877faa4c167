//! The command line as shells and scripts meet it.

mod eval;
mod eval_world;

use std::process::{Command, Output, Stdio};

fn vitrine(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.args(arguments).stderr(Stdio::piped());
    command
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it with a reader that reads nothing, like `head` when it has seen enough.
fn unread(arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    vitrine(arguments).stdout(writer).output().unwrap()
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    for arguments in [&["config"][..], &["config", "--reference"], &["completions", "bash"]] {
        let output = unread(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
        assert_eq!(complaint(&output), "", "{arguments:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_a_failure_with_a_sentence() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [&["config", "--reference"][..], &["completions", "zsh"]] {
        let output = vitrine(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = complaint(&output);
        assert!(text.starts_with("vitrine: ") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn a_new_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("new");
    let data_text = data.to_str().unwrap();
    let output = vitrine(&["token", "--data", data_text, "--subject", "a"]).output().unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{mode:o}");
}

#[test]
fn checking_a_directory_that_is_not_there_makes_none() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("typo");
    let output = vitrine(&["check", "--data", data.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    assert!(!data.exists());
}
