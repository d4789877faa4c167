//! What is shipped for Prometheus and Grafana: it names only metrics that exist, and its alerts fire when
//! they must.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use vitrine::telemetry::catalog::{METRICS, series};

fn deploy(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The words of `text` that are names of our metrics. (Recording rules have a colon in their names.)
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let ours = |word: &&str| word.starts_with("vitrine_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

fn unknown(text: &str) -> Vec<String> {
    let known: BTreeSet<String> = METRICS.iter().flat_map(series).collect();
    named(text).difference(&known).cloned().collect()
}

#[test]
fn alerts_name_metrics_that_exist() {
    for file in ["prometheus/alerts.yml", "prometheus/alerts_test.yml"] {
        let text = text(file);
        assert!(named(&text).len() > 5, "{file} names hardly anything");
        assert_eq!(unknown(&text), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn panels_name_metrics_that_exist_and_leave_none_out() {
    let text = text("grafana/vitrine.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels with one id: {panel}");
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(panel["type"] == "row" || !targets.is_empty(), "{}", panel["title"]);
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert_eq!(unknown(query), Vec::<String>::new(), "{}", panel["title"]);
        }
    }
    let shown = named(&text);
    for metric in METRICS {
        let shown = series(metric).iter().any(|name| shown.contains(name));
        assert!(shown, "no panel shows `{}`", metric.name);
    }
}

#[test]
fn a_name_that_does_not_exist_is_found() {
    assert_eq!(unknown("rate(vitrine_http_requests[5m])"), ["vitrine_http_requests"]);
    assert!(unknown("rate(vitrine_http_requests_total[5m])").is_empty());
}

#[test]
fn alerts_fire_when_they_must_and_only_then() {
    #[expect(clippy::disallowed_methods, reason = "the test's judge is named by the environment")]
    let promtool = std::env::var("VITRINE_TEST_PROMTOOL").unwrap_or_else(|_| {
        panic!(
            "VITRINE_TEST_PROMTOOL is not set: run `scripts/test-servers run promtool -- cargo test …`"
        )
    });
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let mut judge = Command::new(&promtool);
        let output = judge.args(arguments).current_dir(deploy("prometheus")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}
