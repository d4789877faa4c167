//! `vitrine eval`

mod progressive;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{Outcome, say};
use crate::eval::folder::Folder;
use crate::eval::topk;

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
    /// Predict each row of the log before it is learned, and judge the predictions.
    Progressive(progressive::Progressive),
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

#[derive(Args)]
struct Topk {
    /// The data folder; its `manifest.json` names its files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The window to rank for.
    #[arg(long, value_enum, default_value = "test")]
    split: Split,
    /// Where to write the lists: a user, a tab, its items with blanks between.
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
    /// Items of a list.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Eval {
    pub(super) fn run(self) -> Outcome {
        match self.task {
            Task::Topk(topk) => topk.run(),
            Task::Progressive(progressive) => progressive.run(),
        }
    }
}

impl Topk {
    fn run(self) -> Outcome {
        let folder = Folder::open(&self.data)?;
        let split = self.split.name();
        let lists = topk::recommend(&folder, split, usize::from(self.k))?;
        if let Some(path) = &self.recs {
            let mut out = BufWriter::new(File::create(path)?);
            topk::write(&folder, &lists, &mut out)?;
            out.flush()?;
        }
        let quality = topk::judge(&folder, split, &lists)?;
        let k = self.k;
        if self.json {
            say(&serde_json::json!({
                "split": split, "k": k, "users": quality.users, "relevant": quality.relevant,
                "ndcg": quality.ndcg, "recall": quality.recall, "coverage": quality.coverage,
            })
            .to_string())?;
        } else {
            say(&format!(
                "{split}: NDCG@{k} {:.4}, recall@{k} {:.4}, coverage {:.3} over {} users",
                quality.ndcg, quality.recall, quality.coverage, quality.users
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
