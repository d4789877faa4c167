//! `vitrine eval progressive`

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Outcome, say};
use crate::eval::folder::{Folder, Window};
use crate::eval::pace::Chosen;
use crate::eval::probability::Quality;
use crate::eval::progressive::Predictions;
use crate::eval::{curves, progressive};
use crate::ranking::learner::rows::Pace;

/// Arguments of `eval progressive`.
#[derive(Args)]
pub(super) struct Progressive {
    /// The data folder; its `manifest.json` names its files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to write the predictions: `ts,user` and each task's label and probability.
    #[arg(long, value_name = "FILE")]
    preds: Option<PathBuf>,
    /// Where to put reliability curves as SVG and the figures as JSON.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Chooses the resamples behind the confidence bounds; the predictions have no chance in them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a walk cost.
struct Cost {
    examples_per_s: f64,
    bytes: usize,
    keys: usize,
}

type Judgement = Vec<(&'static str, Vec<Quality>)>;

impl Progressive {
    pub(super) fn run(self) -> Outcome {
        let folder = Folder::open(&self.data)?;
        let bar = ProgressBar::new(1_000);
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {wide_bar} {percent}% {eta}") {
            bar.set_style(style);
        }
        let predictions = progressive::walk(&folder, &mut |what, share| {
            bar.set_message(what.to_owned());
            bar.set_position((share * 1_000.0) as u64);
        })?;
        bar.finish_and_clear();
        if let Some(path) = &self.preds {
            let mut out = BufWriter::new(File::create(path)?);
            progressive::write(&folder, &predictions, &mut out)?;
            out.flush()?;
        }
        let cost = Cost {
            examples_per_s: predictions.learned as f64 / predictions.cpu_s.max(1e-9),
            bytes: predictions.bytes,
            keys: predictions.keys,
        };
        let all = Window { from_ms: i64::MIN, to_ms: i64::MAX };
        let windows =
            [("all", all), ("val", folder.window("val")?), ("test", folder.window("test")?)];
        let judged: Judgement = windows
            .into_iter()
            .map(|(name, window)| {
                let within = |t_ms| window.contains(t_ms);
                let quality =
                    |task| progressive::quality(&folder, &predictions, task, within, self.seed);
                (name, (0..predictions.tasks.len()).map(quality).collect())
            })
            .collect();
        let json = self.as_json(&predictions, &judged, &cost);
        if let Some(report) = &self.report {
            fs::create_dir_all(report)?;
            fs::write(report.join("progressive.json"), format!("{json:#}\n"))?;
            for (name, qualities) in &judged {
                let tasks = predictions.tasks.iter().map(String::as_str);
                let tasks: Vec<_> = tasks.zip(qualities).collect();
                let file = report.join(format!("reliability-{name}.svg"));
                fs::write(file, curves::reliability(&tasks))?;
            }
        }
        if self.json {
            say(&json.to_string())?;
        } else {
            say(&self.as_text(&predictions, &judged, &cost))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn as_json(
        &self,
        predictions: &Predictions,
        judged: &Judgement,
        cost: &Cost,
    ) -> serde_json::Value {
        let tasks = &predictions.tasks;
        let windows: serde_json::Map<_, _> = judged
            .iter()
            .map(|(name, qualities)| {
                let tasks: serde_json::Map<_, _> = tasks
                    .iter()
                    .zip(qualities)
                    .map(|(task, quality)| (task.clone(), quality_json(quality)))
                    .collect();
                ((*name).to_owned(), tasks.into())
            })
            .collect();
        serde_json::json!({
            "seed": self.seed, "examples_per_s": cost.examples_per_s,
            "memory_bytes": cost.bytes, "keys": cost.keys, "windows": windows,
            "pace": pace_json(&predictions.chosen.pace),
            "paces_tried": predictions.chosen.tried.iter().map(|(pace, loss)| {
                serde_json::json!({ "pace": pace_json(pace), "ne": loss })
            }).collect::<Vec<_>>(),
        })
    }

    fn as_text(&self, predictions: &Predictions, judged: &Judgement, cost: &Cost) -> String {
        let tasks = &predictions.tasks;
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (name, qualities) in judged {
            let _ = writeln!(
                text,
                "{name:5} {:14} {:>8} {:>8} {:>15} {:>7} {:>8} {:>7} {:>7} {:>8}",
                "task", "rows", "AUC", "95 %", "GAUC", "logloss", "NE", "calib", "mean"
            );
            for (task, quality) in tasks.iter().zip(qualities) {
                let (low, high) = quality.auc_bounds.unwrap_or((f64::NAN, f64::NAN));
                let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
                let _ = writeln!(
                    text,
                    "      {task:14} {:>8} {:>8.5} {:>7.4}-{:.4}  {:>7.4} {:>8.5} {:>7.4} {:>7.4} {:>8.5}",
                    quality.rows,
                    or_nan(quality.auc),
                    low,
                    high,
                    or_nan(quality.gauc),
                    quality.log_loss,
                    or_nan(quality.ne),
                    quality.calibration,
                    quality.mean,
                );
            }
        }
        text.push_str(
            "\nreliability in the test window (predicted → came, a tenth of the rows each)\n",
        );
        for (task, quality) in tasks.iter().zip(judged.last().map_or(&[][..], |(_, all)| all)) {
            let _ = write!(text, "      {task:14}");
            for bin in &quality.reliability {
                let _ = write!(text, " {:.3}→{:.3}", bin.predicted, bin.came);
            }
            text.push('\n');
        }
        let _ = write!(
            text,
            "\n{}\n{:.0} examples a second of processor time, {} keys, {:.0} MB, seed {}",
            pace_text(&predictions.chosen),
            cost.examples_per_s,
            cost.keys,
            cost.bytes as f64 / 1e6,
            self.seed
        );
        text
    }
}

fn pace_json(pace: &Pace) -> serde_json::Value {
    let Pace { weights, caution, recent } = pace;
    serde_json::json!({ "weights": weights, "caution": caution, "recent": recent })
}

fn pace_text(chosen: &Chosen) -> String {
    let Pace { weights, caution, recent } = chosen.pace;
    match chosen.tried.len() {
        0 => "too little lies before the test window to choose a pace: the usual one".to_owned(),
        tried => format!(
            "of {tried} paces on what lies before the test window the best: rates × {weights}, \
             caution × {caution}, half-lives × {recent}"
        ),
    }
}

fn quality_json(quality: &Quality) -> serde_json::Value {
    let reliability: Vec<_> = quality
        .reliability
        .iter()
        .map(|bin| {
            serde_json::json!({ "rows": bin.rows, "predicted": bin.predicted, "came": bin.came })
        })
        .collect();
    serde_json::json!({
        "rows": quality.rows, "mean": quality.mean, "auc": quality.auc,
        "auc_bounds_95": quality.auc_bounds, "gauc": quality.gauc, "log_loss": quality.log_loss,
        "ne": quality.ne, "calibration": quality.calibration, "brier": quality.brier,
        "reliability": reliability,
    })
}
