//! `vitrine eval`

mod progressive;
mod world;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Outcome, say};
use crate::eval::folder::Folder;
use crate::eval::tuning::Plan;
use crate::eval::{cost, live, topk};
use crate::ranking::neighbours::ease::Fit;

/// Arguments of `eval`.
#[derive(Args)]
pub(super) struct Eval {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// List each user's best items for a window, learned from what lies before it.
    Topk(Topk),
    /// Walk a window event by event: rank, then learn.
    Live(Live),
    /// Predict each row of the log before it is learned, and judge the predictions.
    Progressive(progressive::Progressive),
    /// Let rankers live in copies of a simulated world, and say what each is worth in the long run.
    World(world::World),
}

#[derive(Clone, Copy, ValueEnum)]
enum Split {
    Val,
    Test,
}

impl Split {
    fn name(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Weights {
    /// All pairs of items at once, as far as the catalogue is small enough.
    Exact,
    /// The heaviest of these; followed event by event in a live walk.
    Trimmed,
    /// Each item from its best few companions; followed event by event in a live walk.
    Local,
}

/// What all tasks need to know.
#[derive(Args)]
struct Common {
    /// The data folder; its `manifest.json` names its files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The window to rank for.
    #[arg(long, value_enum, default_value = "test")]
    split: Split,
    /// Items of a list.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// How the weights between items are worked out.
    #[arg(long, value_enum, default_value = "exact")]
    weights: Weights,
    /// Decides the draws behind the confidence bounds; the ranking itself has no chance in it.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Where to write charts (SVG) and the figures (JSON).
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(Args)]
struct Topk {
    #[command(flatten)]
    common: Common,
    /// Where to write the lists: a user, a tab, its items with blanks between.
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
}

#[derive(Args)]
struct Live {
    #[command(flatten)]
    common: Common,
    /// Where to write the lists: a line an event, its items with blanks between.
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
    /// Where to write what each of these lists should have: a user, a tab, an item.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
}

impl Eval {
    pub(super) fn run(self) -> Outcome {
        match self.task {
            Task::Topk(topk) => topk.run(),
            Task::Live(live) => live.run(),
            Task::Progressive(progressive) => progressive.run(),
            Task::World(world) => world.run(),
        }
    }
}

impl Topk {
    fn run(self) -> Outcome {
        let folder = Folder::open(&self.common.data)?;
        let plan = self.common.plan();
        let bar = Bar::new();
        let lists = topk::recommend(&folder, &plan, &mut |stage, share| bar.show(stage, share))?;
        bar.end();
        write_to(self.recs.as_deref(), |out| lists.write(&folder, out))?;
        let report = lists.judge(&folder, &plan)?;
        self.common.answer("topk", &report.figures, &report.summary, &report.charts)
    }
}

impl Live {
    fn run(self) -> Outcome {
        let folder = Folder::open(&self.common.data)?;
        let plan = self.common.plan();
        let bar = Bar::new();
        let walked = live::walk(&folder, &plan, &mut |stage, share| bar.show(stage, share))?;
        bar.end();
        write_to(self.recs.as_deref(), |out| walked.write_lists(&folder, out))?;
        write_to(self.targets.as_deref(), |out| walked.write_targets(&folder, out))?;
        let report = walked.report(&folder, &plan);
        self.common.answer("live", &report.figures, &report.summary, &report.charts)
    }
}

impl Common {
    fn plan(&self) -> Plan {
        Plan {
            split: self.split.name().to_owned(),
            k: usize::from(self.k),
            seed: self.seed,
            fit: match self.weights {
                Weights::Exact => Fit::Exact,
                Weights::Trimmed => Fit::Trimmed,
                Weights::Local => Fit::Local,
            },
        }
    }

    fn answer(
        &self,
        task: &str,
        figures: &serde_json::Value,
        summary: &str,
        charts: &[(&str, String)],
    ) -> Outcome {
        answer((self.json, self.report.as_deref()), task, figures, summary, charts)
    }
}

/// Prints the figures, as JSON or as text, and writes them with the charts into a folder if one is named.
fn answer(
    (as_json, folder): (bool, Option<&Path>),
    task: &str,
    figures: &serde_json::Value,
    summary: &str,
    charts: &[(&str, String)],
) -> Outcome {
    let mut figures = figures.clone();
    figures["peak_mib"] = (cost::peak_bytes() >> 20).into();
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
        for (name, chart) in charts {
            fs::write(folder.join(format!("{task}-{name}.svg")), chart)?;
        }
        let text = serde_json::to_string_pretty(&figures)?;
        fs::write(folder.join(format!("{task}.json")), text)?;
    }
    if as_json {
        say(&figures.to_string())?;
    } else {
        say(&format!("{summary}\npeak memory {} MiB", figures["peak_mib"]))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file if it is wanted.
fn write_to(
    path: Option<&Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), Box<dyn Error>> {
    let Some(path) = path else { return Ok(()) };
    let file = File::create(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()?;
    Ok(())
}

/// A progress bar on the terminal; none where nobody looks.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(100);
        let style = ProgressStyle::with_template("{msg:32} {bar:40} {percent:>3} % {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    fn show(&self, stage: &str, share: f32) {
        if self.0.message() != stage {
            self.0.set_message(stage.to_owned());
        }
        self.0.set_position((share * 100.0) as u64);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
