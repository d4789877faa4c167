//! `vitrine eval world`

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, RangedI64ValueParser};

use super::{Bar, answer};
use crate::cli::Outcome;
use crate::domain::limits::{
    WORLD_CREATORS_MAX, WORLD_DAYS_MAX, WORLD_PRODUCTS_MAX, WORLD_VIEWERS_MAX,
};
use crate::eval::world::{Plan, Policy, compare};

/// Arguments of `eval world`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct World {
    /// Decides the world, its people and what they make of what they see.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// People who watch.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = count(10, WORLD_VIEWERS_MAX))]
    viewers: u32,
    /// People who publish, each about eight clips before the first day and two a week from then on.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = count(5, WORLD_CREATORS_MAX))]
    creators: u32,
    /// Things to buy, tagged in nearly half of the clips.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = count(1, WORLD_PRODUCTS_MAX))]
    products: u32,
    /// Days to live.
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = count(2, WORLD_DAYS_MAX))]
    days: u32,
    /// Who makes the pages, each in a copy of the world of its own; the first is compared with the rest.
    #[arg(
        long, value_name = "LIST", value_delimiter = ',', value_parser = policies(),
        default_values_t = Policy::ALL.map(|policy| policy.as_str().to_owned()),
    )]
    policies: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Where to write charts (SVG) and the figures (JSON).
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
engine      the feed as it is shipped: its stages, its index, its learning
counters    the same stages scored by counters and explicit tastes
popularity  what many watch, the same for everybody
random      chance
oracle      the greedy best, by someone who knows the true value of every clip to every viewer

A small world, in seconds: --viewers 40 --creators 80 --products 60 --days 4";

fn count(least: usize, most: usize) -> RangedI64ValueParser<u32> {
    // The bounds are small constants.
    clap::value_parser!(u32).range(least as i64..=most as i64)
}

fn policies() -> PossibleValuesParser {
    PossibleValuesParser::new(Policy::ALL.map(Policy::as_str))
}

impl World {
    pub(super) fn run(self) -> Outcome {
        let plan = Plan {
            seed: self.seed,
            viewers: self.viewers as usize,
            creators: self.creators as usize,
            products: self.products as usize,
            days: self.days,
        };
        let named = self.policies.iter().filter_map(|word| Policy::from_word(word));
        let named: Vec<Policy> = named.collect();
        let bar = Bar::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let mut progress = |stage: &str, share: f32| bar.show(stage, share);
        let report = runtime.block_on(compare(plan, &named, &mut progress));
        bar.end();
        let report = report?;
        let charts = &report.charts;
        answer(
            (self.json, self.report.as_deref()),
            "world",
            &report.figures,
            &report.summary,
            charts,
        )
    }
}
