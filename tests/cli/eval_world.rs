//! `vitrine eval world`, as scripts meet it.

use std::process::{Command, Output};

use serde_json::Value;

const SMALL: [&str; 8] = ["--viewers", "12", "--creators", "40", "--products", "20", "--days", "2"];

fn world(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.args(["eval", "world"]).args(arguments).output().unwrap()
}

/// The figures without what the machine has a part in.
fn figures(arguments: &[&str]) -> Value {
    let output = world(&[&SMALL, arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = figures.as_object_mut().unwrap();
    assert!(all.remove("cost").unwrap()["random"]["cpu_s"].as_f64().unwrap() >= 0.0);
    assert!(all.remove("peak_mib").unwrap().as_u64().is_some());
    figures
}

#[test]
fn equal_seeds_give_equal_figures_and_others_do_not() {
    let home = tempfile::tempdir().unwrap();
    let report = home.path().join("report");
    let two = ["--policies", "counters,random"];
    let first = figures(&[&two[..], &["--report", report.to_str().unwrap()]].concat());
    assert_eq!(first, figures(&two));
    let other = figures(&[&two[..], &["--seed", "8"]].concat());
    assert_ne!(first["policies"], other["policies"]);
    for policy in ["counters", "random"] {
        let reward = &first["policies"][policy]["reward"];
        let [mean, low, high] = ["mean", "low", "high"].map(|key| reward[key].as_f64().unwrap());
        assert!(low < mean && mean < high, "{policy}: {reward}");
    }
    let difference = &first["differences"][0];
    assert_eq!((&difference["of"], &difference["from"]), (&"counters".into(), &"random".into()));
    let mean = |of: &Value| of["reward"]["mean"].as_f64().unwrap();
    let apart = mean(&first["policies"]["counters"]) - mean(&first["policies"]["random"]);
    assert!((mean(&difference["measures"]) - apart).abs() < 1e-9, "paired by viewer");
    for chart in ["reward", "regret", "reach"] {
        let svg = std::fs::read_to_string(report.join(format!("world-{chart}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains(">counters<"), "{chart}");
    }
    assert!(report.join("world.json").is_file());
}

#[test]
fn the_table_names_every_policy_and_gives_a_verdict() {
    let output = world(&SMALL);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for policy in ["counters", "popularity", "random", "oracle"] {
        let verdict = text
            .lines()
            .find(|line| line.starts_with("engine ") && line.contains(&format!(" {policy}: ")));
        assert!(verdict.is_some(), "{policy}: {text}");
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_done() {
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let output = world(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(why), "{arguments:?}: {text}");
    };
    refused(&["--days", "1"], 2, "2..=90");
    refused(&["--viewers", "9"], 2, "10..=20000");
    refused(&["--policies", "engine,best"], 2, "popularity");
    refused(&["--policies", "engine,engine"], 1, "twice");
    refused(&["--viewers", "20000", "--creators", "9000"], 1, "take fewer viewers");
}
