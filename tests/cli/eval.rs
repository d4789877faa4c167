//! `vitrine eval` over a small folder, its figures against a computation of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const USERS: u32 = 120;
const ITEMS: u32 = 60;
const WINDOW_MS: i64 = 2_000_000_000;

fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    }
}

/// A row of the log: when, who, what, and whether it was watched long.
type Row = (i64, u32, u32, bool);

/// Users of two tastes, who are shown their own taste's half of the catalogue more often and
/// watch it longer.
fn rows() -> Vec<Row> {
    let mut next = noise(11);
    (0..9_000_i64)
        .map(|number| {
            let user = (next() * f64::from(USERS)) as u32;
            let own = next() < 0.8;
            let half = if own { user % 2 } else { 1 - user % 2 };
            let item = half * (ITEMS / 2) + (next() * next() * f64::from(ITEMS / 2)) as u32;
            (number * 300_000, user, item, next() < if own { 0.6 } else { 0.2 })
        })
        .collect()
}

fn folder(at: &Path, rows: &[Row]) {
    let mut log = String::from("t_ms,user,item,long_view,like\n");
    for (number, (t_ms, user, item, long)) in rows.iter().enumerate() {
        let like = u8::from(*long && number % 9 == 0);
        writeln!(log, "{t_ms},{user},{item},{},{like}", u8::from(*long)).unwrap();
    }
    fs::write(at.join("log.csv"), log).unwrap();
    let manifest = serde_json::json!({
        "name": "small", "log": "log.csv", "positive": "long_view", "tasks": ["long_view", "like"],
        "windows": { "test": { "from_ms": WINDOW_MS, "to_ms": i64::MAX } },
    });
    fs::write(at.join("manifest.json"), manifest.to_string()).unwrap();
}

fn vitrine(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.arg("eval").args(arguments).arg("--data").arg(folder);
    command.output().unwrap()
}

fn figures(arguments: &[&str], folder: &Path) -> Value {
    let output = vitrine(arguments, folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn near(found: &Value, exact: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - exact).abs() < 1e-9, "{found} for {exact}");
}

fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

#[test]
fn lists_are_judged_as_a_plain_computation_does() {
    let (home, rows) = (tempfile::tempdir().unwrap(), rows());
    folder(home.path(), &rows);
    let (recs, report) = (home.path().join("recs.tsv"), home.path().join("report"));
    let (recs_text, report_text) = (recs.to_str().unwrap(), report.to_str().unwrap());
    let arguments = ["topk", "--json", "--recs", recs_text, "--report", report_text];
    let found = figures(&arguments, home.path());
    let mut met: BTreeSet<(u32, u32)> = BTreeSet::new();
    let mut truth: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for &(t_ms, user, item, long) in &rows {
        if t_ms < WINDOW_MS {
            met.insert((user, item));
        } else if long && !met.contains(&(user, item)) {
            truth.entry(user).or_default().insert(item);
        }
    }
    let mut lists: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for line in fs::read_to_string(&recs).unwrap().lines() {
        let (user, items) = line.split_once('\t').unwrap();
        let items = items.split(' ').map(|item| item.parse().unwrap()).collect();
        lists.insert(user.parse().unwrap(), items);
    }
    assert_eq!(lists.keys().collect::<Vec<_>>(), truth.keys().collect::<Vec<_>>());
    let (mut ndcg, mut recall, mut by_chance) = (0.0, 0.0, 0.0);
    for (user, relevant) in &truth {
        let list = &lists[user];
        assert!(list.iter().all(|item| !met.contains(&(*user, *item))), "{user} has met it");
        assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "twice for {user}");
        let hit = |rank: &usize| relevant.contains(&list[*rank]);
        let gained: f64 = (0..list.len()).filter(hit).map(discount).sum();
        ndcg += gained / (0..relevant.len().min(20)).map(discount).sum::<f64>();
        recall += (0..list.len()).filter(hit).count() as f64 / relevant.len() as f64;
        let open = ITEMS as usize - met.iter().filter(|(other, _)| other == user).count();
        by_chance += 20.0_f64.min(open as f64) / open as f64;
    }
    let users = truth.len() as f64;
    near(&found["ndcg"], ndcg / users);
    near(&found["recall"], recall / users);
    assert!(recall > by_chance * 1.05, "{recall} and {by_chance} by chance");
    let bounds = |at: usize| found["ndcg_95"][at].as_f64().unwrap();
    assert!(bounds(0) < ndcg / users && ndcg / users < bounds(1));
    let chart = fs::read_to_string(report.join("topk-ranks.svg")).unwrap();
    assert!(chart.starts_with("<svg") && report.join("topk.json").is_file());
    assert_eq!(figures(&arguments, home.path())["tuned"], found["tuned"], "the same again");
}

#[test]
fn a_live_walk_ranks_before_it_learns() {
    let (home, rows) = (tempfile::tempdir().unwrap(), rows());
    folder(home.path(), &rows);
    let (recs, targets) = (home.path().join("recs.txt"), home.path().join("targets.txt"));
    let (recs_text, targets_text) = (recs.to_str().unwrap(), targets.to_str().unwrap());
    let arguments = ["live", "--json", "--k", "5", "--recs", recs_text, "--targets", targets_text];
    let found = figures(&arguments, home.path());
    let mut met: BTreeSet<(u32, u32)> = BTreeSet::new();
    let mut wanted = String::new();
    let lists = fs::read_to_string(&recs).unwrap();
    let mut lists = lists.lines();
    let (mut hits, mut gained, mut events) = (0, 0.0, 0);
    for &(t_ms, user, item, long) in &rows {
        if t_ms >= WINDOW_MS && long && !met.contains(&(user, item)) {
            let list: Vec<u32> =
                lists.next().unwrap().split(' ').filter_map(|item| item.parse().ok()).collect();
            assert!(list.iter().all(|listed| !met.contains(&(user, *listed))));
            writeln!(wanted, "{user}\t{item}").unwrap();
            events += 1;
            if let Some(rank) = list.iter().position(|listed| *listed == item) {
                hits += 1;
                gained += discount(rank);
            }
        }
        met.insert((user, item));
    }
    assert!(events > 100 && lists.next().is_none(), "{events}");
    assert_eq!(fs::read_to_string(&targets).unwrap(), wanted);
    assert_eq!(found["events"], events);
    near(&found["hit_rate"], f64::from(hits) / f64::from(events));
    near(&found["ndcg"], gained / f64::from(events));
}

#[test]
fn what_is_wrong_with_a_folder_is_told_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let complaint = |arguments: &[&str]| {
        let output = vitrine(arguments, home.path());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let log = |text: &str| fs::write(home.path().join("log.csv"), text).unwrap();
    assert!(complaint(&["topk"]).contains("manifest.json"));
    folder(home.path(), &rows());
    log("t_ms,user,item,long_view\n1,2,3,1\n4,5,6,often\n");
    let text = complaint(&["topk"]);
    assert!(text.contains("line 3") && text.contains("`long_view`: `often`"), "{text}");
    log("when,user,item\n1,2,3\n");
    assert!(complaint(&["live"]).contains("no column `t_ms`"));
    log("t_ms,user,item\n1,2,3\n");
    let text = complaint(&["live"]);
    assert!(text.contains("window `test` is empty"), "{text}");
    log("t_ms,user,item\n1,2\n");
    assert!(complaint(&["live"]).contains("line: 2"));
}
