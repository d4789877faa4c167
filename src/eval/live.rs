//! The window event by event, as in production: rank, then learn.

use std::io::{self, Write};

use serde_json::json;

use super::EvalError;
use super::cost::cpu_seconds;
use super::folder::{Folder, FolderError};
use super::metrics::{Mean, discount};
use super::plot::{Series, lines};
use super::replay::{Replay, Row, best};
use super::topk::Report;
use super::tuning::{self, Manner, Plan, Tuned};
use crate::ranking::neighbours::Room;

/// Points of the chart over time.
const CHART_POINTS: usize = 24;

/// An event that counted: a user went for an item never met before.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who.
    pub user: u32,
    /// For what.
    pub item: u32,
    /// What had been listed the moment before, best first.
    pub list: Vec<u32>,
}

impl Event {
    fn rank(&self) -> Option<usize> {
        self.list.iter().position(|&item| item == self.item)
    }
}

/// What ranking live came to.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The events that counted, in order.
    pub events: Vec<Event>,
    /// How the parameters were chosen.
    pub tuned: Tuned,
    /// Rows of the window, all of which were learned.
    pub rows: usize,
    /// Processor time of learning what lies before the window, in seconds.
    pub learn_seconds: f64,
    /// Processor time of the window: ranking and learning, in seconds.
    pub window_seconds: f64,
}

/// Walks the window.
pub fn walk(
    folder: &Folder,
    plan: &Plan,
    progress: &mut dyn FnMut(&str, f32),
) -> Result<Walked, EvalError> {
    let window = folder.window(&plan.split)?;
    let row_at = |t: i64| folder.log.t_ms.partition_point(|&t_ms| t_ms < t);
    let (from, to) = (row_at(window.from_ms), row_at(window.to_ms));
    if from >= to {
        let text = format!("the window `{}` is empty", plan.split);
        return Err(FolderError::Lacking(text).into());
    }
    let replay = Replay::new(folder);
    let began = cpu_seconds();
    let (mut ranker, mut met, tuned) =
        tuning::prepare(folder, &replay, from, Manner::Live, plan.fit, progress)?;
    ranker.set_blend(tuned.blend.clone(), folder.log.t_ms[from]);
    let learned = cpu_seconds();
    let mut room = Room::default();
    let mut events = Vec::new();
    for row in from..to {
        let (user, exposure) = replay.exposure(Row::Log(row));
        if replay.counts(Row::Log(row)) && !met.has(user, exposure.item) {
            ranker.score(user, exposure.at_ms, &mut room);
            for &item in met.of(user) {
                room.scores[item as usize] = f32::NEG_INFINITY;
            }
            events.push(Event { user, item: exposure.item, list: best(&room.scores, plan.k) });
        }
        tuning::learn(&mut ranker, &mut met, &replay, Row::Log(row));
        if row % 512 == 0 {
            progress("walk the window", (row - from) as f32 / (to - from) as f32);
        }
    }
    let (learn_seconds, window_seconds) = (learned - began, cpu_seconds() - learned);
    Ok(Walked { events, tuned, rows: to - from, learn_seconds, window_seconds })
}

impl Walked {
    /// Writes a line per event: the items that were listed, with blanks between.
    pub fn write_lists(&self, folder: &Folder, out: &mut impl Write) -> io::Result<()> {
        for event in &self.events {
            let items: Vec<&str> = event.list.iter().map(|&item| folder.items.name(item)).collect();
            writeln!(out, "{}", items.join(" "))?;
        }
        Ok(())
    }

    /// Writes a line per event: the user, a tab, the item.
    pub fn write_targets(&self, folder: &Folder, out: &mut impl Write) -> io::Result<()> {
        for event in &self.events {
            let (user, item) = (folder.users.name(event.user), folder.items.name(event.item));
            writeln!(out, "{user}\t{item}")?;
        }
        Ok(())
    }

    /// The figures and charts.
    pub fn report(&self, folder: &Folder, plan: &Plan) -> Report {
        let k = plan.k;
        let ranks: Vec<Option<usize>> = self.events.iter().map(Event::rank).collect();
        let hits: Vec<f64> = ranks.iter().map(|rank| f64::from(u8::from(rank.is_some()))).collect();
        let gains: Vec<f64> = ranks.iter().map(|rank| rank.map_or(0.0, discount)).collect();
        let (hit_rate, ndcg) = (Mean::of(&hits, plan.seed), Mean::of(&gains, plan.seed));
        let event_us = self.window_seconds * 1e6 / self.events.len().max(1) as f64;
        let figures = json!({
            "task": "live", "data": folder.name, "split": plan.split, "k": k, "seed": plan.seed,
            "events": self.events.len(), "rows": self.rows, "items": folder.items.len(),
            "hit_rate": hit_rate.value, "hit_rate_95": [hit_rate.low, hit_rate.high],
            "ndcg": ndcg.value, "ndcg_95": [ndcg.low, ndcg.high],
            "learn_cpu_s": self.learn_seconds, "cpu_us_per_event": event_us,
            "tuned": self.tuned.figures(),
        });
        let summary = format!(
            "{} events of `{}`, window {}: HR@{k} {:.4} ({:.4} to {:.4}), NDCG@{k} {:.4} ({:.4} to \
             {:.4})\n{event_us:.0} µs an event with all learning, {:.1} s to learn what was before \
             (processor time)",
            self.events.len(),
            folder.name,
            plan.split,
            hit_rate.value,
            hit_rate.low,
            hit_rate.high,
            ndcg.value,
            ndcg.low,
            ndcg.high,
            self.learn_seconds,
        );
        Report { figures, summary, charts: vec![("window", over_time(&hits, &gains))] }
    }
}

/// How the window went, in stretches of equally many events.
fn over_time(hits: &[f64], gains: &[f64]) -> String {
    let stretch = hits.len().div_ceil(CHART_POINTS).max(1);
    let means = |values: &[f64]| {
        let mean = |(number, part): (usize, &[f64])| {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            ((number * stretch + part.len()) as f64, mean)
        };
        values.chunks(stretch).enumerate().map(mean).collect()
    };
    let series = [
        Series { name: "hit rate".to_owned(), points: means(hits) },
        Series { name: "NDCG".to_owned(), points: means(gains) },
    ];
    lines("Ranking live over the window", "events", "mean", &series)
}
