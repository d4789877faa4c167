//! The source checks itself: who may name whom, how long files are, and what must not stand in them.

use std::fs;
use std::path::{Path, PathBuf};

/// layer → the layers it may name. Nothing may look further down the list.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ranking", &["domain"]),
    ("records", &["domain"]),
    ("ports", &["domain"]),
    ("feed", &["domain", "ranking", "ports"]),
    ("eval", &["domain", "ranking", "ports", "feed"]),
    ("services", &["domain", "ports", "ranking", "feed"]),
    ("adapters", &["domain", "records", "ports", "telemetry"]),
    ("worker", &["domain", "ports", "services"]),
    ("http", &["domain", "services", "ports", "telemetry"]),
    ("config", &["domain", "ranking"]),
    ("telemetry", &[]),
    ("lifecycle", &[]),
    (
        "app",
        &[
            "domain",
            "ranking",
            "records",
            "ports",
            "feed",
            "services",
            "adapters",
            "worker",
            "http",
            "config",
            "telemetry",
            "lifecycle",
        ],
    ),
    ("cli", &["app", "config", "eval", "ranking", "domain", "adapters", "lifecycle", "telemetry"]),
];

/// What the pure layers must not touch.
const IMPURE: &[&str] = &["async ", "serde", "tracing::", "tokio", "rand", "SystemTime", "Instant"];

const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(under: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn layer_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file without its unit tests, which may name more.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn without_comments(text: &str) -> String {
    let kept = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn layers_name_only_what_stands_below_them() {
    for path in files("src", "rs") {
        let layer = layer_of(&path);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else { continue };
        let code = without_comments(&code(&path));
        let at = path.display();
        for tail in code.split("crate::").skip(1) {
            let named = tail.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            assert!(!named.is_empty(), "{at}: one `use crate::layer…` per line");
            assert!(
                named == layer || allowed.contains(&named),
                "{at}: `{layer}` must not name `{named}`"
            );
            if layer == "http" && named == "ports" {
                let module = tail.split("::").nth(1).unwrap_or_default();
                let fine = ["error", "tokens", "entropy"].contains(&module);
                assert!(fine, "{at}: of `ports`, `http` names only error types, not `{module}`");
            }
        }
    }
}

#[test]
fn adapters_do_not_name_their_siblings() {
    for path in files("src/adapters", "rs") {
        let inside = path.strip_prefix(root().join("src/adapters")).unwrap();
        let own = inside.components().next().unwrap().as_os_str().to_string_lossy();
        let own = own.trim_end_matches(".rs");
        let code = without_comments(&code(&path));
        for tail in code.split("crate::adapters::").skip(1) {
            let named = tail.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            assert_eq!(named, own, "{}: adapters do not name each other", path.display());
        }
    }
}

#[test]
fn every_layer_of_the_source_is_in_the_table() {
    for path in files("src", "rs") {
        let layer = layer_of(&path);
        let known = LAYERS.iter().any(|(name, _)| *name == layer);
        assert!(known || ["lib", "main"].contains(&layer.as_str()), "{}", path.display());
    }
}

#[test]
fn the_pure_layers_stay_pure() {
    for layer in ["src/domain", "src/ranking"] {
        for path in files(layer, "rs") {
            let code = without_comments(&code(&path));
            for word in IMPURE {
                let foreign = code
                    .lines()
                    .find(|line| line.contains(word) && !line.contains(&format!("op{word}")));
                // `operand`, `brand` and their like contain `rand`; only a path or crate counts.
                let foreign = foreign.filter(|line| {
                    let line = line.replace("grand_", ""); // A grand total is not chance.
                    *word != "rand" || line.contains("rand::") || line.contains("rand_")
                });
                assert!(foreign.is_none(), "{}: `{word}` in {foreign:?}", path.display());
            }
        }
    }
}

/// Every store shares the records, so they must suit every store.
#[test]
fn records_know_nothing_but_their_serialisation() {
    for path in files("src/records", "rs") {
        let code = without_comments(&code(&path));
        for line in code.lines().filter_map(|line| line.trim_start().strip_prefix("use ")) {
            let named = line.split([':', ';']).next().unwrap();
            let fine = ["crate", "serde", "std"].contains(&named);
            assert!(fine, "{}: records must not name `{named}`", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    for folder in ["src", "tests", "benches"] {
        for path in files(folder, "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{}: {lines} lines", path.display());
            assert!(text.starts_with("//!"), "{}: opens without `//!`", path.display());
        }
    }
}

#[test]
fn nothing_is_left_half_done() {
    for folder in ["src", "benches"] {
        for path in files(folder, "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for word in ["todo!(", "unimplemented!(", "FIXME", "dbg!("] {
                assert!(!text.contains(word), "{}: `{word}`", path.display());
            }
        }
    }
}
