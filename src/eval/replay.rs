//! A folder's rows as what the ranking learns from.

use std::cmp::Reverse;

use super::folder::{Folder, Log};
use crate::ranking::neighbours::exposure::{Exposure, Outcome};

/// The rows of a folder with how each went: first those of the warm history, then the log's.
pub struct Replay<'a> {
    folder: &'a Folder,
    warm: Vec<Outcome>,
    log: Vec<Outcome>,
}

/// A row's place: in the warm history or in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Of the warm history.
    Warm(usize),
    /// Of the log.
    Log(usize),
}

impl<'a> Replay<'a> {
    /// Judges every row.
    pub fn new(folder: &'a Folder) -> Self {
        let stronger = stronger_labels(folder);
        let outcomes = |log: &Log| {
            let stronger: Vec<&[u8]> = stronger.iter().filter_map(|name| log.label(name)).collect();
            let outcome = |row: usize| {
                if stronger.iter().any(|labels| labels[row] == 1) {
                    Outcome::Loved
                } else if folder.counts(log, row) {
                    Outcome::Held
                } else {
                    Outcome::Passed
                }
            };
            (0..log.len()).map(outcome).collect()
        };
        Self { folder, warm: outcomes(&folder.warm), log: outcomes(&folder.log) }
    }

    /// Who, and what happened.
    pub fn exposure(&self, row: Row) -> (u32, Exposure) {
        match row {
            Row::Warm(at) => {
                let (log, outcome) = (&self.folder.warm, self.warm[at]);
                (log.user[at], Exposure { item: log.item[at], at_ms: i64::MIN, outcome })
            }
            Row::Log(at) => {
                let (log, outcome) = (&self.folder.log, self.log[at]);
                (log.user[at], Exposure { item: log.item[at], at_ms: log.t_ms[at], outcome })
            }
        }
    }

    /// Whether a row counts as a success.
    pub fn counts(&self, row: Row) -> bool {
        match row {
            Row::Warm(at) => self.folder.counts(&self.folder.warm, at),
            Row::Log(at) => self.folder.counts(&self.folder.log, at),
        }
    }
}

/// Labels that tell more than the one that counts: tasks that are rarer than half of it, and whose
/// rows count at least as often as others do.
fn stronger_labels(folder: &Folder) -> Vec<String> {
    let log = &folder.log;
    let Some(positive) = folder.positive.as_ref().and_then(|name| log.label(name)) else {
        return Vec::new();
    };
    let sum = |labels: &[u8]| labels.iter().map(|label| usize::from(*label == 1)).sum::<usize>();
    let positives = sum(positive);
    let stronger = |name: &&String| {
        let Some(labels) = log.label(name) else { return false };
        let count = sum(labels);
        let both = labels.iter().zip(positive).filter(|pair| *pair == (&1, &1)).count();
        count > 0 && count * 2 < positives && both * log.len() >= positives * count
    };
    folder.tasks.iter().filter(stronger).cloned().collect()
}

/// What each user has met, in ascending order.
#[derive(Clone, Debug)]
pub struct Met(Vec<Vec<u32>>);

impl Met {
    /// For so many users, nothing yet.
    pub fn new(users: usize) -> Self {
        Self(vec![Vec::new(); users])
    }

    /// Notes that a user met an item; answers whether that is new.
    pub fn add(&mut self, user: u32, item: u32) -> bool {
        let met = &mut self.0[user as usize];
        match met.binary_search(&item) {
            Ok(_) => false,
            Err(at) => {
                met.insert(at, item);
                true
            }
        }
    }

    /// What a user has met.
    pub fn of(&self, user: u32) -> &[u32] {
        &self.0[user as usize]
    }

    /// Whether a user has met an item.
    pub fn has(&self, user: u32, item: u32) -> bool {
        self.of(user).binary_search(&item).is_ok()
    }
}

/// The last fifth of each user's warm history, as the rows' numbers; what a folder without a log
/// before the window has to validate on.
pub fn last_of_warm(log: &Log, users: usize) -> Vec<usize> {
    let mut lengths = vec![0_usize; users];
    for &user in &log.user {
        lengths[user as usize] += 1;
    }
    let mut seen = vec![0_usize; users];
    let mut last = Vec::new();
    for (row, &user) in log.user.iter().enumerate() {
        let user = user as usize;
        seen[user] += 1;
        if seen[user] * 5 > lengths[user] * 4 && lengths[user] >= 5 {
            last.push(row);
        }
    }
    last
}

/// The numbers of the `k` highest scores, best first; of equal ones the lower number.
pub fn best(scores: &[f32], k: usize) -> Vec<u32> {
    let mut found: Vec<(f32, Reverse<u32>)> = Vec::with_capacity(k * 2 + 1);
    let mut bar = f32::NEG_INFINITY;
    let better =
        |a: &(f32, Reverse<u32>), b: &(f32, Reverse<u32>)| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1));
    for (item, &score) in scores.iter().enumerate() {
        if score > bar {
            found.push((score, Reverse(item as u32)));
            if found.len() > k * 2 {
                found.select_nth_unstable_by(k - 1, better);
                found.truncate(k);
                bar = found[k - 1].0;
            }
        }
    }
    found.sort_unstable_by(better);
    found.truncate(k);
    found.into_iter().map(|(_, Reverse(item))| item).collect()
}
