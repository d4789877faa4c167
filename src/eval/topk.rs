//! The best items of the whole catalogue for each user of a window, learned from what lies before
//! it.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::EvalError;
use super::cost::cpu_seconds;
use super::folder::Folder;
use super::metrics::{Mean, coverage, ndcg};
use super::plot::{Series, lines};
use super::replay::{Met, Replay, best};
use super::tuning::{self, Manner, Plan, Tuned};
use crate::ranking::neighbours::{Neighbours, Room};

/// One place in so many goes to what stands out for the user, so that the catalogue's tail is seen.
const TAIL_EVERY: usize = 20;

/// Every user's list.
#[derive(Clone, Debug)]
pub struct Lists {
    /// The users by ascending number.
    pub users: Vec<u32>,
    /// Their lists, best first.
    pub items: Vec<Vec<u32>>,
    /// How the parameters were chosen.
    pub tuned: Tuned,
    /// Processor time of learning, in seconds.
    pub learn_seconds: f64,
    /// Processor time of ranking, in seconds.
    pub rank_seconds: f64,
}

/// What a task's run has to say.
#[derive(Clone, Debug)]
pub struct Report {
    /// All figures.
    pub figures: Value,
    /// The main ones in a sentence or two.
    pub summary: String,
    /// Charts as SVG, by name.
    pub charts: Vec<(&'static str, String)>,
}

/// Lists items for each user of the window's truth.
pub fn recommend(
    folder: &Folder,
    plan: &Plan,
    progress: &mut dyn FnMut(&str, f32),
) -> Result<Lists, EvalError> {
    let window = folder.window(&plan.split)?;
    let before = folder.log.t_ms.partition_point(|&t_ms| t_ms < window.from_ms);
    let replay = Replay::new(folder);
    let began = cpu_seconds();
    let (mut ranker, met, tuned) =
        tuning::prepare(folder, &replay, before, Manner::Static, plan.fit, progress)?;
    let now_ms = folder.log.t_ms.get(before).copied().unwrap_or(window.from_ms);
    ranker.set_blend(tuned.blend.clone(), now_ms);
    let learned = cpu_seconds();
    let mut users: Vec<u32> =
        folder.truth(&plan.split)?.into_iter().map(|(user, _)| user).collect();
    users.dedup();
    let mut room = Room::default();
    let mut items = Vec::with_capacity(users.len());
    for (number, &user) in users.iter().enumerate() {
        items.push(list(&ranker, &met, user, now_ms, plan.k, &mut room));
        if number % 64 == 0 {
            progress("rank", number as f32 / users.len() as f32);
        }
    }
    let (learn_seconds, rank_seconds) = (learned - began, cpu_seconds() - learned);
    Ok(Lists { users, items, tuned, learn_seconds, rank_seconds })
}

fn list(
    ranker: &Neighbours,
    met: &Met,
    user: u32,
    now_ms: i64,
    k: usize,
    room: &mut Room,
) -> Vec<u32> {
    let tail = k / TAIL_EVERY;
    ranker.score(user, now_ms, room);
    hide(room, met.of(user));
    let mut list = best(&room.scores, k - tail);
    if tail > 0 {
        ranker.lift(room);
        hide(room, met.of(user));
        hide(room, &list);
        list.extend(best(&room.scores, tail));
    }
    list
}

fn hide(room: &mut Room, items: &[u32]) {
    for &item in items {
        room.scores[item as usize] = f32::NEG_INFINITY;
    }
}

impl Lists {
    /// Writes one line a user: its id, a tab, its items' ids with blanks between.
    pub fn write(&self, folder: &Folder, out: &mut impl Write) -> io::Result<()> {
        for (user, list) in self.users.iter().zip(&self.items) {
            let items: Vec<&str> = list.iter().map(|&item| folder.items.name(item)).collect();
            writeln!(out, "{}\t{}", folder.users.name(*user), items.join(" "))?;
        }
        Ok(())
    }

    /// Judges the lists by the window's truth.
    pub fn judge(&self, folder: &Folder, plan: &Plan) -> Result<Report, EvalError> {
        let k = plan.k;
        let truth = folder.truth(&plan.split)?;
        let hits = self.hits(&truth);
        let gain = |(hits, relevant): &(Vec<bool>, usize)| ndcg(hits, *relevant);
        let share = |(hits, relevant): &(Vec<bool>, usize)| {
            hits.iter().filter(|hit| **hit).count() as f64 / (*relevant).max(1) as f64
        };
        let found = |(hits, _): &(Vec<bool>, usize)| f64::from(u8::from(hits.contains(&true)));
        let ndcg = Mean::of(&hits.iter().map(gain).collect::<Vec<_>>(), plan.seed);
        let recall = Mean::of(&hits.iter().map(share).collect::<Vec<_>>(), plan.seed);
        let hit_rate = Mean::of(&hits.iter().map(found).collect::<Vec<_>>(), plan.seed);
        let (covered, gini) = coverage(&self.items, folder.items.len());
        let rank_us = self.rank_seconds * 1e6 / self.users.len().max(1) as f64;
        let figures = json!({
            "task": "topk", "data": folder.name, "split": plan.split, "k": k, "seed": plan.seed,
            "users": self.users.len(), "relevant": truth.len(), "items": folder.items.len(),
            "ndcg": ndcg.value, "ndcg_95": [ndcg.low, ndcg.high],
            "recall": recall.value, "recall_95": [recall.low, recall.high],
            "hit_rate": hit_rate.value, "hit_rate_95": [hit_rate.low, hit_rate.high],
            "coverage": covered, "gini": gini,
            "learn_cpu_s": self.learn_seconds, "rank_cpu_us_per_user": rank_us,
            "tuned": self.tuned.figures(),
        });
        let summary = format!(
            "{} users of `{}`, window {}: NDCG@{k} {:.4} ({:.4} to {:.4}), recall@{k} {:.4} ({:.4} to \
             {:.4}), coverage {covered:.3}\nlearned in {:.1} s, ranked in {rank_us:.0} µs a user \
             (processor time)",
            self.users.len(),
            folder.name,
            plan.split,
            ndcg.value,
            ndcg.low,
            ndcg.high,
            recall.value,
            recall.low,
            recall.high,
            self.learn_seconds,
        );
        Ok(Report { figures, summary, charts: vec![("ranks", by_rank(&hits, k))] })
    }

    /// Per user which places of the list are hits, and how many there were to find.
    fn hits(&self, truth: &[(u32, u32)]) -> Vec<(Vec<bool>, usize)> {
        let of_user = |(user, list): (&u32, &Vec<u32>)| {
            let from = truth.partition_point(|(other, _)| other < user);
            let to = truth.partition_point(|(other, _)| other <= user);
            let relevant = &truth[from..to];
            let is_hit = |item: &u32| relevant.binary_search(&(*user, *item)).is_ok();
            (list.iter().map(is_hit).collect(), relevant.len())
        };
        self.users.iter().zip(&self.items).map(of_user).collect()
    }
}

/// How often each place of the lists is a hit.
fn by_rank(hits: &[(Vec<bool>, usize)], k: usize) -> String {
    let users = hits.len().max(1) as f64;
    let share = |rank: usize| {
        let count = hits.iter().filter(|(hits, _)| hits.get(rank) == Some(&true)).count();
        (rank as f64 + 1.0, count as f64 / users)
    };
    let points = (0..k).map(share).collect();
    let series = [Series { name: "share of users".to_owned(), points }];
    lines("How often each place of a list is a hit", "place", "hits", &series)
}
