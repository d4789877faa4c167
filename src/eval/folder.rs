//! A data folder: a log of watching with what is known of users and items.
//!
//! `manifest.json` names the files, all CSV with a header, plain or gzip:
//!
//! - `log`: `t_ms,user,item`, optionally `play_ms,dur_ms,tab`, and labels of 0 or 1;
//! - `warm` (optional): what users met before the log, in order but without time:
//!   `user,pos,item` and labels;
//! - `items`, `users` (optional): side data, a row an id;
//! - `positive`: the label that makes a row count, else every row counts; `tasks`: labels to predict;
//! - `windows`: `val` and `test` as `from_ms` (inside) and `to_ms` (outside);
//! - `truth` (optional): `user,item` lists per window, else what [`Folder::truth`] derives.
//!
//! What is missing is not used. Ids are any text without blanks; a session may stand as a user.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use serde::Deserialize;

pub use super::table::Ids;
use super::table::Table;
use crate::domain::limits::{EVAL_MANIFEST_BYTES_MAX, EVAL_ROWS_MAX};

/// A label that a row does not tell.
pub const MISSING: u8 = 2;
/// A span in milliseconds that a row does not tell.
pub const UNKNOWN_MS: u32 = u32::MAX;
/// Columns of a log that are never labels.
const NO_LABELS: [&str; 9] =
    ["t_ms", "ts", "user", "session", "item", "pos", "tab", "play_ms", "dur_ms"];

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The manifest is not what it should be.
    #[error("`{}` is no manifest", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// A file is no CSV; the source names the line.
    #[error("`{}` is no CSV", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: csv::Error,
    },
    /// A column that is needed is not there.
    #[error("`{}` has no column `{column}`, only: {has}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// The columns that are there.
        has: String,
    },
    /// A cell does not hold what its column holds.
    #[error("`{}`, line {line}, column `{column}`: `{found}` is not {wanted}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell's text.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// More than this command takes.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// The folder does not have what was asked for.
    #[error("{0}")]
    Lacking(String),
}

/// A window of time by the log's clock.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Window {
    /// The first millisecond inside.
    #[serde(default = "beginning")]
    pub from_ms: i64,
    /// The first millisecond after.
    #[serde(default = "end")]
    pub to_ms: i64,
}

fn beginning() -> i64 {
    i64::MIN
}

fn end() -> i64 {
    i64::MAX
}

impl Window {
    /// Whether a moment lies inside.
    pub fn contains(self, t_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&t_ms)
    }
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: String,
    log: PathBuf,
    warm: Option<PathBuf>,
    items: Option<PathBuf>,
    users: Option<PathBuf>,
    positive: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    #[serde(default)]
    windows: BTreeMap<String, Window>,
    #[serde(default)]
    truth: BTreeMap<String, PathBuf>,
}

/// A column of labels: 0, 1 or [`MISSING`] a row.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The column's name.
    pub name: String,
    /// A value per row.
    pub values: Vec<u8>,
}

/// Rows of watching, as columns of equal length, in time order.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// When; for warm history the position within the user's history.
    pub t_ms: Vec<i64>,
    /// Who, by number of [`Folder::users`].
    pub user: Vec<u32>,
    /// What, by number of [`Folder::items`].
    pub item: Vec<u32>,
    /// The surface, by number of [`Log::tabs`]; empty if the folder does not tell.
    pub tab: Vec<u32>,
    /// The surfaces' names.
    pub tabs: Ids,
    /// How long it was watched, or [`UNKNOWN_MS`]; empty if the folder does not tell.
    pub play_ms: Vec<u32>,
    /// How long it is, or [`UNKNOWN_MS`]; empty if the folder does not tell.
    pub dur_ms: Vec<u32>,
    /// All columns that hold labels.
    pub labels: Vec<Labels>,
}

impl Log {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.item.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.item.is_empty()
    }

    /// The column of a label.
    pub fn label(&self, name: &str) -> Option<&[u8]> {
        self.labels.iter().find(|labels| labels.name == name).map(|labels| &*labels.values)
    }
}

/// A column of side data.
#[derive(Clone, Debug)]
pub struct Side {
    /// The column's name.
    pub name: String,
    /// A value per id, by number of [`Side::values`]; beyond the end or `u32::MAX`: unknown.
    pub codes: Vec<u32>,
    /// The values' texts.
    pub values: Ids,
}

impl Side {
    /// The value's number for an id.
    pub fn code(&self, id: u32) -> Option<u32> {
        self.codes.get(id as usize).copied().filter(|&code| code != u32::MAX)
    }
}

/// A data folder in memory.
#[derive(Debug)]
pub struct Folder {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name for itself.
    pub name: String,
    /// The users' ids.
    pub users: Ids,
    /// The items' ids. Those of the side data come first.
    pub items: Ids,
    /// Side data of items.
    pub item_side: Vec<Side>,
    /// Side data of users.
    pub user_side: Vec<Side>,
    /// What was met before the log; ordered by position within each user.
    pub warm: Log,
    /// The log.
    pub log: Log,
    /// The label that makes a row count; `None`: all rows count.
    pub positive: Option<String>,
    /// The labels to predict.
    pub tasks: Vec<String>,
    windows: BTreeMap<String, Window>,
    truth: BTreeMap<String, PathBuf>,
}

impl Folder {
    /// Reads the folder at `path`.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let manifest = manifest(&path.join("manifest.json"))?;
        let mut folder = Self {
            path: path.to_owned(),
            name: manifest.name,
            users: Ids::default(),
            items: Ids::default(),
            item_side: Vec::new(),
            user_side: Vec::new(),
            warm: Log::default(),
            log: Log::default(),
            positive: manifest.positive,
            tasks: manifest.tasks,
            windows: manifest.windows,
            truth: manifest.truth,
        };
        if let Some(items) = manifest.items {
            folder.item_side = side(&path.join(items), &["item"], &mut folder.items, "items")?;
        }
        if let Some(users) = manifest.users {
            let names = ["user", "session"];
            folder.user_side = side(&path.join(users), &names, &mut folder.users, "users")?;
        }
        if let Some(warm) = manifest.warm {
            folder.warm = folder.read_log(&path.join(warm), &["pos"])?;
        }
        folder.log = folder.read_log(&path.join(manifest.log), &["t_ms", "ts"])?;
        if folder.positive.as_ref().is_some_and(|positive| folder.log.label(positive).is_none()) {
            folder.positive = None;
        }
        let log = &folder.log;
        folder.tasks.retain(|task| log.label(task).is_some());
        Ok(folder)
    }

    /// The window of that name; without one, of the last three tenths of the log's rows the first
    /// half is `val` and the second half `test`.
    pub fn window(&self, name: &str) -> Result<Window, FolderError> {
        if let Some(window) = self.windows.get(name) {
            return Ok(*window);
        }
        let at = |percent: usize| self.log.t_ms.get(self.log.len() * percent / 100).copied();
        let (from_ms, to_ms) = match name {
            "val" => (at(70), at(85)),
            "test" => (at(85), Some(end())),
            _ => (None, None),
        };
        let lacking = || FolderError::Lacking(format!("there is no window `{name}`"));
        let (from_ms, to_ms) = from_ms.zip(to_ms).ok_or_else(lacking)?;
        Ok(Window { from_ms, to_ms })
    }

    /// The items that count for each user in a window, as sorted pairs of user and item: the
    /// folder's own list, else each item whose row counts and that the user never met before.
    pub fn truth(&self, name: &str) -> Result<Vec<(u32, u32)>, FolderError> {
        let mut pairs = match self.truth.get(name) {
            Some(file) => self.read_truth(&self.path.join(file))?,
            None => self.derive_truth(self.window(name)?),
        };
        pairs.sort_unstable();
        pairs.dedup();
        Ok(pairs)
    }

    /// Whether a row of `log` counts.
    pub fn counts(&self, log: &Log, row: usize) -> bool {
        let Some(positive) = &self.positive else { return true };
        log.label(positive).is_none_or(|labels| labels[row] == 1)
    }

    fn derive_truth(&self, window: Window) -> Vec<(u32, u32)> {
        let mut met: FxHashSet<(u32, u32)> = pairs(&self.warm, 0..self.warm.len()).collect();
        let before = self.log.t_ms.partition_point(|&t_ms| t_ms < window.from_ms);
        met.extend(pairs(&self.log, 0..before));
        let inside = (before..self.log.len()).take_while(|&row| self.log.t_ms[row] < window.to_ms);
        inside
            .filter(|&row| self.counts(&self.log, row))
            .map(|row| (self.log.user[row], self.log.item[row]))
            .filter(|pair| !met.contains(pair))
            .collect()
    }

    fn read_truth(&self, path: &Path) -> Result<Vec<(u32, u32)>, FolderError> {
        let mut table = Table::open(path)?;
        let (user, item) = (table.need(&["user", "session"])?, table.need(&["item"])?);
        let mut pairs = Vec::new();
        while table.next()? {
            bound(pairs.len())?;
            // Whom the folder does not know otherwise, nobody can rank for.
            let number = self.users.number(table.id(user)?).zip(self.items.number(table.id(item)?));
            pairs.extend(number);
        }
        Ok(pairs)
    }

    fn read_log(&mut self, path: &Path, time: &[&str]) -> Result<Log, FolderError> {
        let mut table = Table::open(path)?;
        let time = table.need(time)?;
        let (user, item) = (table.need(&["user", "session"])?, table.need(&["item"])?);
        let tab = table.find(&["tab"]);
        let (play, dur) = (table.find(&["play_ms"]), table.find(&["dur_ms"]));
        let named =
            |name: &String| self.tasks.contains(name) || self.positive.as_ref() == Some(name);
        // Beside the labels that the manifest names: every column that turns out to be one.
        let mut labels: Vec<(usize, bool, Labels)> = (0..table.header().len())
            .map(|column| (column, &table.header()[column]))
            .filter(|(_, name)| !NO_LABELS.contains(&name.as_str()))
            .map(|(column, name)| {
                (column, named(name), Labels { name: name.clone(), values: vec![] })
            })
            .collect();
        let mut log = Log::default();
        while table.next()? {
            bound(log.len())?;
            log.t_ms.push(table.integer(time)?);
            log.user.push(self.users.intern(table.id(user)?, "users")?);
            log.item.push(self.items.intern(table.id(item)?, "items")?);
            if let Some(tab) = tab {
                log.tab.push(log.tabs.intern(table.text(tab)?, "surfaces")?);
            }
            if let Some(play) = play {
                log.play_ms.push(table.span_ms(play)?.unwrap_or(UNKNOWN_MS));
            }
            if let Some(dur) = dur {
                log.dur_ms.push(table.span_ms(dur)?.filter(|&ms| ms > 0).unwrap_or(UNKNOWN_MS));
            }
            let mut refused = false;
            for (column, named, labels) in &mut labels {
                let value =
                    if *named { Some(table.label(*column)?) } else { table.try_label(*column)? };
                refused |= value.is_none();
                labels.values.extend(value);
            }
            if refused {
                labels.retain(|(_, _, labels)| labels.values.len() == log.item.len());
            }
        }
        log.labels = labels.into_iter().map(|(_, _, labels)| labels).collect();
        Ok(in_time_order(log))
    }
}

fn manifest(path: &Path) -> Result<Manifest, FolderError> {
    let failed = |source| FolderError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > EVAL_MANIFEST_BYTES_MAX {
        let max = EVAL_MANIFEST_BYTES_MAX as usize;
        return Err(FolderError::TooMany { what: "bytes of a manifest", max });
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    serde_json::from_str(&text)
        .map_err(|source| FolderError::Manifest { path: path.to_owned(), source })
}

fn bound(rows: usize) -> Result<(), FolderError> {
    if rows >= EVAL_ROWS_MAX {
        return Err(FolderError::TooMany { what: "rows", max: EVAL_ROWS_MAX });
    }
    Ok(())
}

fn pairs(log: &Log, rows: std::ops::Range<usize>) -> impl Iterator<Item = (u32, u32)> + '_ {
    rows.map(|row| (log.user[row], log.item[row]))
}

/// Rows of one moment keep their order.
fn in_time_order(log: Log) -> Log {
    if log.t_ms.is_sorted() {
        return log;
    }
    let mut order: Vec<u32> = (0..log.len() as u32).collect();
    order.sort_by_key(|&row| log.t_ms[row as usize]);
    Log {
        t_ms: pick(&log.t_ms, &order),
        user: pick(&log.user, &order),
        item: pick(&log.item, &order),
        tab: pick(&log.tab, &order),
        play_ms: pick(&log.play_ms, &order),
        dur_ms: pick(&log.dur_ms, &order),
        labels: log
            .labels
            .iter()
            .map(|labels| Labels {
                name: labels.name.clone(),
                values: pick(&labels.values, &order),
            })
            .collect(),
        tabs: log.tabs,
    }
}

fn pick<T: Copy>(column: &[T], order: &[u32]) -> Vec<T> {
    if column.is_empty() {
        return Vec::new();
    }
    order.iter().map(|&row| column[row as usize]).collect()
}

fn side(
    path: &Path,
    id: &[&str],
    ids: &mut Ids,
    what: &'static str,
) -> Result<Vec<Side>, FolderError> {
    let mut table = Table::open(path)?;
    let id = table.need(id)?;
    let mut columns: Vec<(usize, Side)> = (0..table.header().len())
        .filter(|&column| column != id)
        .map(|column| {
            let name = table.header()[column].clone();
            (column, Side { name, codes: Vec::new(), values: Ids::default() })
        })
        .collect();
    let mut rows = 0;
    while table.next()? {
        bound(rows)?;
        rows += 1;
        let number = ids.intern(table.id(id)?, what)? as usize;
        for (column, side) in &mut columns {
            let text = table.text(*column)?;
            side.codes.resize(side.codes.len().max(number + 1), u32::MAX);
            if !text.is_empty() {
                side.codes[number] = side.values.intern(text, "values of side data")?;
            }
        }
    }
    Ok(columns.into_iter().map(|(_, side)| side).collect())
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
