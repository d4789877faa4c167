//! Test, then train: the learner of the feed walks a log in time order, predicts each row before it
//! learns it, and is judged by what it had predicted.
//!
//! Columns decide what is looked at, nothing knows a data set. Side columns count as names; columns of
//! numbers with many values become ranges. History without time is counted first. How fast it learns is
//! chosen on what lies before the test window ([`super::pace`]).

use std::io::{self, Write};

use super::cost::cpu_seconds;
use super::folder::{Folder, FolderError, Log, MISSING, Side, UNKNOWN_MS};
use super::pace::{Chosen, Paces};
use super::probability::{Judged, Quality, judge};
use crate::ranking::learner::rows::{Column, Row, Rows, Shape};

/// Names of a number of seconds or of anything else beyond this become ranges, if they are numbers.
const NAMES_MAX: usize = 64;
/// Ranges of a column of numbers.
const RANGES: usize = 16;
/// Columns where this share of the entities has a value of its own say nothing beside the entity.
const OWN_VALUES: f64 = 0.7;
/// Rows between two reports of progress.
const PROGRESS_ROWS: usize = 4_096;
/// Most tasks at once; one lane more is kept for the watched fraction.
const TASKS_MAX: usize = 15;

/// What was predicted, and what it cost.
#[derive(Debug)]
pub struct Predictions {
    /// The tasks.
    pub tasks: Vec<String>,
    /// Per row of the log, a probability per task.
    pub p: Vec<f32>,
    /// How fast it learned, and why.
    pub chosen: Chosen,
    /// Processor time of the walk alone, without the choice before it.
    pub cpu_s: f64,
    /// Rows learned in it, history included.
    pub learned: u64,
    /// Bytes that the learner held at the end.
    pub bytes: usize,
    /// Keys that it counted at the end.
    pub keys: usize,
}

/// Chooses a pace, then walks the folder's log. `progress` is told the share that is done.
pub fn walk(
    folder: &Folder,
    progress: &mut dyn FnMut(&str, f32),
) -> Result<Predictions, FolderError> {
    match folder.tasks.len() {
        0 => Err(FolderError::Lacking("the manifest names no task that the log has".to_owned())),
        1..=3 => walk_lanes::<4>(folder, progress),
        4..=7 => walk_lanes::<8>(folder, progress),
        8..=TASKS_MAX => walk_lanes::<16>(folder, progress),
        _ => Err(FolderError::TooMany { what: "tasks", max: TASKS_MAX }),
    }
}

fn walk_lanes<const L: usize>(
    folder: &Folder,
    progress: &mut dyn FnMut(&str, f32),
) -> Result<Predictions, FolderError> {
    let durations = durations(folder);
    let shape = shape(folder, &durations);
    let log = Source::new(folder, &folder.log, &durations, true);
    let warm = Source::new(folder, &folder.warm, &durations, false);
    let mut paces = Paces::new(folder)?;
    while let Some(pace) = paces.next() {
        let mut rows = Rows::<L>::new(shape.clone(), pace);
        let share = paces.share();
        learn_history(&mut rows, &warm, paces.history(), &mut |_| progress("choose", share));
        for at in 0..paces.until() {
            let row = log.row::<L>(at);
            paces.judge(at, &rows.step(&row, true), &row.labels);
            if at % PROGRESS_ROWS == 0 {
                progress("choose", share);
            }
        }
        paces.end();
    }
    let chosen = paces.chosen();
    let began = cpu_seconds();
    let mut rows = Rows::<L>::new(shape, chosen.pace);
    let total = (folder.warm.len() + folder.log.len()).max(1) as f32;
    learn_history(&mut rows, &warm, folder.warm.len(), &mut |at| {
        progress("history", at as f32 / total);
    });
    let tasks = folder.tasks.len();
    let mut p = Vec::with_capacity(folder.log.len() * tasks);
    for at in 0..folder.log.len() {
        p.extend_from_slice(&rows.step(&log.row::<L>(at), true)[..tasks]);
        if at % PROGRESS_ROWS == 0 {
            progress("log", (folder.warm.len() + at) as f32 / total);
        }
    }
    Ok(Predictions {
        tasks: folder.tasks.clone(),
        p,
        chosen,
        cpu_s: cpu_seconds() - began,
        learned: rows.learner().learnt(),
        bytes: rows.bytes(),
        keys: rows.learner().keys(),
    })
}

fn learn_history<const L: usize>(
    rows: &mut Rows<L>,
    warm: &Source<'_>,
    until: usize,
    progress: &mut dyn FnMut(usize),
) {
    for at in 0..until {
        rows.step(&warm.row::<L>(at), false);
        if at % PROGRESS_ROWS == 0 {
            progress(at);
        }
    }
}

/// A log's columns as the learner wants them.
struct Source<'a> {
    log: &'a Log,
    labels: Vec<Option<&'a [u8]>>,
    durations: &'a [f32],
    timed: bool,
}

impl<'a> Source<'a> {
    fn new(folder: &'a Folder, log: &'a Log, durations: &'a [f32], timed: bool) -> Self {
        let labels = folder.tasks.iter().map(|task| log.label(task)).collect();
        Self { log, labels, durations, timed }
    }

    fn row<const L: usize>(&self, at: usize) -> Row<L> {
        let log = self.log;
        let item = log.item[at];
        let known = |column: &[u32]| column.get(at).copied().filter(|&ms| ms != UNKNOWN_MS);
        let of_item = self.durations.get(item as usize).copied().unwrap_or(f32::NAN);
        let mut labels = [f32::NAN; L];
        for (label, column) in labels.iter_mut().zip(&self.labels) {
            let value = column.map_or(MISSING, |column| column[at]);
            *label = if value == MISSING { f32::NAN } else { f32::from(value) };
        }
        Row {
            at_ms: if self.timed { log.t_ms[at].max(1) } else { 0 },
            user: log.user[at],
            item,
            context: if self.timed { log.tab.get(at).map_or(0, |tab| tab + 1) } else { 0 },
            duration_ms: known(&log.dur_ms).map_or(of_item, |ms| ms as f32),
            watch_ms: known(&log.play_ms).map_or(f32::NAN, |ms| ms as f32),
            labels,
        }
    }
}

/// Durations by item, out of the side data.
fn durations(folder: &Folder) -> Vec<f32> {
    let Some(side) = folder.item_side.iter().find(|side| side.name == "dur_ms") else {
        return Vec::new();
    };
    let of = |&code: &u32| {
        let known = code != u32::MAX;
        known.then(|| side.values.name(code).parse().ok()).flatten().unwrap_or(f32::NAN)
    };
    side.codes.iter().map(of).collect()
}

fn shape(folder: &Folder, durations: &[f32]) -> Shape {
    let columns = |sides: &[Side], entities: usize| -> Vec<Column> {
        let sides = sides.iter().filter(|side| side.name != "dur_ms");
        sides.flat_map(|side| columns_of(side, entities)).collect()
    };
    let own = |column: &Column| column.codes_max as usize <= NAMES_MAX + 1;
    let mut user_columns = columns(&folder.user_side, folder.users.len());
    user_columns.retain(own);
    Shape {
        tasks: folder.tasks.len(),
        contexts: if folder.log.tab.is_empty() { 0 } else { folder.log.tabs.len() as u32 + 1 },
        durations: !folder.log.dur_ms.is_empty() || !durations.is_empty(),
        times: folder.log.t_ms.first() != folder.log.t_ms.last(),
        users: folder.users.len(),
        user_columns,
        item_columns: columns(&folder.item_side, folder.items.len()),
    }
}

/// What is made of a side column: its names, unless nearly every entity has its own, and its ranges, if
/// it holds many numbers.
fn columns_of(side: &Side, entities: usize) -> Vec<Column> {
    let different = side.values.len();
    let mut columns = Vec::new();
    if different < 2 {
        return columns;
    }
    if different as f64 <= OWN_VALUES * entities as f64 {
        let codes = side.codes.iter().map(|&code| code.wrapping_add(1)).collect();
        columns.push(Column { codes, codes_max: different as u32 + 1, ranges: false });
    }
    if different > NAMES_MAX {
        columns.extend(ranges(side));
    }
    columns
}

fn ranges(side: &Side) -> Option<Column> {
    let numbers =
        (0..side.values.len() as u32).map(|code| side.values.name(code).parse::<f64>().ok());
    let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
    if !numbers.iter().all(|number| number.is_finite()) {
        return None;
    }
    let known = side.codes.iter().filter(|code| **code != u32::MAX);
    let mut sorted: Vec<f64> = known.map(|&code| numbers[code as usize]).collect();
    sorted.sort_by(f64::total_cmp);
    let border = |range: usize| sorted[range * sorted.len() / RANGES];
    let borders: Vec<f64> = (1..RANGES).map(border).collect();
    let range = |&code: &u32| {
        if code == u32::MAX {
            return 0;
        }
        let number = numbers[code as usize];
        1 + borders.partition_point(|&border| border <= number) as u32
    };
    let codes = side.codes.iter().map(range).collect();
    Some(Column { codes, codes_max: RANGES as u32 + 1, ranges: true })
}

/// Writes `ts,user,<task>_y,<task>_p…`, a line per row of the log; an unknown label is `nan`. Users that
/// are no numbers go by their number of first appearance.
pub fn write(folder: &Folder, predictions: &Predictions, out: &mut impl Write) -> io::Result<()> {
    write!(out, "ts,user")?;
    for task in &predictions.tasks {
        write!(out, ",{task}_y,{task}_p")?;
    }
    writeln!(out)?;
    let names = (0..folder.users.len() as u32).map(|user| folder.users.name(user));
    let numeric = names.clone().all(|name| name.parse::<u64>().is_ok());
    let labels: Vec<_> = predictions.tasks.iter().map(|task| folder.log.label(task)).collect();
    let rows = predictions.p.chunks_exact(predictions.tasks.len().max(1));
    for (at, p) in rows.enumerate() {
        let user = folder.log.user[at];
        write!(out, "{},", folder.log.t_ms[at])?;
        if numeric {
            write!(out, "{}", folder.users.name(user))?;
        } else {
            write!(out, "{user}")?;
        }
        for (p, column) in p.iter().zip(&labels) {
            match column.map_or(MISSING, |column| column[at]) {
                MISSING => write!(out, ",nan,{p}")?,
                label => write!(out, ",{label},{p}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Judges one task's predictions over the rows that `within` takes.
pub fn quality(
    folder: &Folder,
    predictions: &Predictions,
    task: usize,
    within: impl Fn(i64) -> bool,
    seed: u64,
) -> Quality {
    let labels = folder.log.label(&predictions.tasks[task]).unwrap_or_default();
    let known = labels.iter().enumerate().filter(|(_, label)| **label != MISSING);
    let judged = |(at, label): (usize, &u8)| Judged {
        user: folder.log.user[at],
        p: predictions.p[at * predictions.tasks.len() + task],
        label: *label == 1,
    };
    let rows: Vec<Judged> =
        known.filter(|(at, _)| within(folder.log.t_ms[*at])).map(judged).collect();
    judge(&rows, seed)
}
