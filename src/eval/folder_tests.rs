//! Folders as they come: with columns missing, in odd order, packed or not, and wrong ones.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn packed(folder: &Path, name: &str, text: &str) {
    let mut encoder =
        GzEncoder::new(fs::File::create(folder.join(name)).unwrap(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn a_full_folder_is_read_column_by_column() {
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        "manifest.json",
        r#"{ "name": "full", "positive": "long_view", "warm": "warm.gz", "log": "log.gz",
             "items": "items.csv", "tasks": ["click", "long_view", "absent"],
             "windows": { "val": { "from_ms": 0, "to_ms": 20 } }, "truth": { "val": "truth.csv" } }"#,
    );
    packed(home.path(), "warm.gz", "user,pos,item,long_view\nu1,1,b,0\nu1,0,a,1\n");
    packed(
        home.path(),
        "log.gz",
        "t_ms,user,item,tab,dur_ms,play_ms,click,long_view,rating\n\
         20,u2,c,1,0,5,1,0,4\n10,u1,c,2,1000,12.0,0,1,1\n10,u3,d,1,,,,1,0\n",
    );
    write(home.path(), "items.csv", "item,author,tag\nz,1,x|y\nc,2,\n");
    write(home.path(), "truth.csv", "user,item\nu1,c\nu1,c\nu9,c\n");
    let folder = Folder::open(home.path()).unwrap();
    let name = |item: u32| folder.items.name(item).to_owned();
    assert_eq!((name(0), name(1)), ("z".into(), "c".into()), "side data comes first");
    assert_eq!(folder.item_side[1].code(1), None);
    assert_eq!(folder.item_side[0].values.name(folder.item_side[0].code(1).unwrap()), "2");
    let warm: Vec<String> = folder.warm.item.iter().map(|&item| name(item)).collect();
    assert_eq!(warm, ["a", "b"], "by position");
    let log = &folder.log;
    assert_eq!(log.t_ms, [10, 10, 20], "by time, and otherwise as written");
    assert_eq!(log.dur_ms, [1000, UNKNOWN_MS, UNKNOWN_MS]);
    assert_eq!(log.play_ms, [12, UNKNOWN_MS, 5]);
    assert_eq!(log.label("click").unwrap(), [0, MISSING, 1]);
    assert!(log.label("rating").is_none(), "a column with other numbers is no label");
    assert_eq!(folder.tasks, ["click", "long_view"]);
    assert!(folder.counts(log, 0) && !folder.counts(log, 2));
    let u1 = folder.users.number("u1").unwrap();
    assert_eq!(folder.truth("val").unwrap(), [(u1, 1)]);
}

#[test]
fn sessions_with_three_columns_are_enough() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "manifest.json", r#"{ "log": "log.csv" }"#);
    let row = |n: u32| format!("{n},s{},i{}", n / 5, n % 7);
    let rows: Vec<String> = (0..100).map(row).collect();
    write(home.path(), "log.csv", &format!("ts,session,item\n{}\n", rows.join("\n")));
    let folder = Folder::open(home.path()).unwrap();
    assert!(folder.warm.is_empty() && folder.tasks.is_empty() && folder.positive.is_none());
    assert_eq!(folder.window("test").unwrap(), Window { from_ms: 85, to_ms: i64::MAX });
    assert_eq!(folder.window("val").unwrap(), Window { from_ms: 70, to_ms: 85 });
    // Every row counts, and what a session met before the window does not count again.
    assert_eq!(folder.truth("test").unwrap().len(), 15);
    assert!(matches!(folder.window("other"), Err(FolderError::Lacking(_))));
}

#[test]
fn derived_truth_leaves_out_what_was_met() {
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        "manifest.json",
        r#"{ "log": "log.csv", "warm": "warm.csv", "positive": "held",
             "windows": { "test": { "from_ms": 10 } } }"#,
    );
    write(home.path(), "warm.csv", "user,pos,item\nu,0,a\n");
    write(
        home.path(),
        "log.csv",
        "t_ms,user,item,held\n1,u,b,0\n10,u,a,1\n11,u,b,1\n12,u,c,0\n13,u,d,1\n14,v,a,1\n",
    );
    let folder = Folder::open(home.path()).unwrap();
    let truth = folder.truth("test").unwrap();
    let names: Vec<(&str, &str)> = truth
        .iter()
        .map(|(user, item)| (folder.users.name(*user), folder.items.name(*item)))
        .collect();
    assert_eq!(names, [("u", "d"), ("v", "a")]);
}

#[test]
fn faults_name_their_place() {
    let home = tempfile::tempdir().unwrap();
    let fault = || Folder::open(home.path()).unwrap_err().to_string();
    assert!(fault().contains("manifest.json"));
    write(home.path(), "manifest.json", r#"{ "log": "log.csv", "positive": "held" }"#);
    assert!(fault().contains("log.csv"));
    write(home.path(), "log.csv", "t_ms,user,item,held\n1,u,a,1\nsoon,u,a,1\n");
    let text = fault();
    assert!(text.contains("line 3, column `t_ms`: `soon`"), "{text}");
    write(home.path(), "log.csv", "t_ms,user,item,held\n1,u,,1\n");
    assert!(fault().contains("column `item`: `` is not an id"));
    write(home.path(), "log.csv", "t_ms,user,item,held\n1,u,a,maybe\n");
    assert!(fault().contains("column `held`: `maybe` is not 0 or 1"));
    fs::write(home.path().join("log.csv"), [0x1f, 0x8b, 1, 2, 3]).unwrap();
    assert!(fault().contains("log.csv"));
}
