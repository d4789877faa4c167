//! The best `k` items of the whole catalogue for each user of a window, learned from what lies
//! before it.

use std::io::{self, Write};

use rustc_hash::FxHashSet;

use super::folder::{Folder, FolderError};
use super::metrics::ndcg;

/// A user's list, best first.
pub type Recommendation = (u32, Vec<u32>);

/// How good the lists are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Users with something to find.
    pub users: usize,
    /// Things to find.
    pub relevant: usize,
    /// Mean normalised discounted gain.
    pub ndcg: f64,
    /// Mean share of the relevant items that were listed.
    pub recall: f64,
    /// Share of the catalogue that some list has.
    pub coverage: f64,
}

/// Lists `k` items for each user of the window's truth by how often they counted before it.
pub fn recommend(
    folder: &Folder,
    split: &str,
    k: usize,
) -> Result<Vec<Recommendation>, FolderError> {
    let window = folder.window(split)?;
    let before = folder.log.t_ms.partition_point(|&t_ms| t_ms < window.from_ms);
    let mut counts = vec![0_u32; folder.items.len()];
    let mut met = FxHashSet::default();
    for (log, rows) in [(&folder.warm, folder.warm.len()), (&folder.log, before)] {
        for row in 0..rows {
            met.insert((log.user[row], log.item[row]));
            counts[log.item[row] as usize] += u32::from(folder.counts(log, row));
        }
    }
    let mut ranked: Vec<u32> = (0..folder.items.len() as u32).collect();
    ranked.sort_by_key(|&item| (std::cmp::Reverse(counts[item as usize]), item));
    let mut users: Vec<u32> = folder.truth(split)?.into_iter().map(|(user, _)| user).collect();
    users.dedup();
    let list = |user: u32| {
        let fresh = ranked.iter().copied().filter(|&item| !met.contains(&(user, item)));
        (user, fresh.take(k).collect())
    };
    Ok(users.into_iter().map(list).collect())
}

/// Judges lists by the window's truth.
pub fn judge(
    folder: &Folder,
    split: &str,
    lists: &[Recommendation],
) -> Result<Quality, FolderError> {
    let truth = folder.truth(split)?;
    let mut listed = FxHashSet::default();
    let (mut ndcg_sum, mut recall_sum) = (0.0, 0.0);
    for (user, list) in lists {
        listed.extend(list.iter().copied());
        let from = truth.partition_point(|(other, _)| other < user);
        let relevant = truth[from..].iter().take_while(|(other, _)| other == user).count();
        let relevant = &truth[from..from + relevant];
        let hits: Vec<bool> =
            list.iter().map(|&item| relevant.binary_search(&(*user, item)).is_ok()).collect();
        ndcg_sum += ndcg(&hits, relevant.len());
        let found = hits.iter().filter(|hit| **hit).count();
        recall_sum += found as f64 / relevant.len().max(1) as f64;
    }
    let users = lists.len().max(1) as f64;
    Ok(Quality {
        users: lists.len(),
        relevant: truth.len(),
        ndcg: ndcg_sum / users,
        recall: recall_sum / users,
        coverage: listed.len() as f64 / folder.items.len().max(1) as f64,
    })
}

/// Writes one line a user: its id, a tab, its items' ids with blanks between.
pub fn write(folder: &Folder, lists: &[Recommendation], out: &mut impl Write) -> io::Result<()> {
    for (user, list) in lists {
        let items: Vec<&str> = list.iter().map(|&item| folder.items.name(item)).collect();
        writeln!(out, "{}\t{}", folder.users.name(*user), items.join(" "))?;
    }
    Ok(())
}
