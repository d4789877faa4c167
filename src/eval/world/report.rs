//! What the lives came to: figures with bounds, differences, a verdict, charts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::measures::{MEASURES, Measure, debuts, quality_fifths};
use super::policy::Policy;
use super::reaction::UTILITY;
use super::tally::Tallies;
use super::{Plan, World};
use crate::eval::metrics::{Mean, spread};
use crate::eval::plot::{Series, lines};

/// Impressions within a day of its publication with which a clip counts as tried.
pub const REACH_IMPRESSIONS: u32 = 10;

/// The figures, the text and the charts.
#[derive(Clone, Debug)]
pub struct Report {
    /// As JSON.
    pub figures: Value,
    /// For a terminal.
    pub summary: String,
    /// Their names and their SVG.
    pub charts: Vec<(&'static str, String)>,
    /// For each policy in its order, the mean true value a viewer and day with its bounds.
    pub rewards: Vec<(Policy, Mean)>,
}

/// One policy's life in figures.
struct Life<'a> {
    policy: Policy,
    tallies: &'a Tallies,
    /// By [`MEASURES`].
    means: Vec<Mean>,
    reach: Mean,
    good: Mean,
    poor: Mean,
    coverage: f64,
    gini: f64,
}

impl Report {
    pub(super) fn new(plan: Plan, world: &World, policies: &[Policy], lives: &[Tallies]) -> Self {
        let figures_of = |(&policy, tallies)| Life::new(plan.seed, world, policy, tallies);
        let lives: Vec<Life<'_>> = policies.iter().zip(lives).map(figures_of).collect();
        let differences = differences(plan.seed, world, &lives);
        let verdicts = verdicts(&lives, &differences);
        let mut summary = header(plan, world);
        summary.push_str(&table(&lives));
        summary.push_str(&differences_text(&differences));
        for verdict in &verdicts {
            let _ = write!(summary, "\n{verdict}"); // Writing to a string cannot fail.
        }
        let of_policies: serde_json::Map<String, Value> =
            lives.iter().map(|life| (life.policy.as_str().to_owned(), life.figures())).collect();
        let costs: serde_json::Map<String, Value> = lives
            .iter()
            .map(|life| {
                let pages = life.tallies.pages.max(1) as f64;
                let cost = json!({
                    "cpu_s": life.tallies.all_seconds,
                    "page_cpu_us": life.tallies.page_seconds * 1e6 / pages,
                });
                (life.policy.as_str().to_owned(), cost)
            })
            .collect();
        let figures = json!({
            "task": "world", "seed": plan.seed,
            "size": {
                "viewers": plan.viewers, "creators": plan.creators, "products": plan.products,
                "days": plan.days, "clips": world.films.len(),
                "new_clips": world.films.iter().filter(|film| film.is_new).count(),
            },
            "utility": utility(), "bounds": BOUNDS,
            "policies": of_policies, "differences": as_json(&differences),
            "verdicts": verdicts, "cost": costs,
        });
        let rewards = lives.iter().map(|life| (life.policy, life.means[0])).collect();
        Self { figures, summary, charts: charts(world, &lives), rewards }
    }
}

const BOUNDS: &str = "95 %, bootstrap over viewers, or over clips where clips are counted; \
    differences are paired by viewer; all within the one world of the seed";

fn utility() -> Value {
    json!({
        "watched_second": UTILITY.watch_s, "skip": UTILITY.skip, "like": UTILITY.like,
        "share": UTILITY.share, "follow": UTILITY.follow, "not_interested": UTILITY.dislike,
        "tap": UTILITY.tap, "cart": UTILITY.cart, "purchase": UTILITY.buy,
    })
}

impl<'a> Life<'a> {
    fn new(seed: u64, world: &World, policy: Policy, tallies: &'a Tallies) -> Self {
        let mean = |measure: &Measure| {
            let values: Vec<f64> =
                tallies.viewers.iter().filter_map(|one| (measure.of)(one, world.days)).collect();
            Mean::of(&values, seed)
        };
        let reached = |debut: u32| f64::from(u8::from(debut >= REACH_IMPRESSIONS));
        let reach: Vec<f64> = debuts(world, tallies).into_iter().map(reached).collect();
        let (good, poor) = quality_fifths(world, tallies);
        let impressions = tallies.films.iter().map(|film| film.impressions).collect();
        let (coverage, gini) = spread(impressions);
        Self {
            policy,
            tallies,
            means: MEASURES.iter().map(mean).collect(),
            reach: Mean::of(&reach, seed),
            good: Mean::of(&good, seed),
            poor: Mean::of(&poor, seed),
            coverage,
            gini,
        }
    }

    fn lift(&self) -> f64 {
        self.good.value / self.poor.value.max(1e-9)
    }

    fn impressions(&self) -> u64 {
        self.tallies.viewers.iter().map(|one| u64::from(one.impressions)).sum()
    }

    fn figures(&self) -> Value {
        let means = MEASURES.iter().zip(&self.means);
        let mut all: serde_json::Map<String, Value> =
            means.map(|(measure, mean)| (measure.name.to_owned(), mean_json(*mean))).collect();
        all.insert("debut_reach".into(), mean_json(self.reach));
        all.insert("good_new_impressions".into(), mean_json(self.good));
        all.insert("poor_new_impressions".into(), mean_json(self.poor));
        let rest = json!({
            "good_over_poor": self.lift(), "coverage": self.coverage, "gini": self.gini,
            "impressions": self.impressions(), "pages": self.tallies.pages,
            "sold_out_products": self.tallies.sold_out(),
        });
        all.extend(rest.as_object().cloned().unwrap_or_default());
        all.into()
    }
}

fn mean_json(mean: Mean) -> Value {
    json!({ "mean": mean.value, "low": mean.low, "high": mean.high })
}

/// How the first policy differs from another.
struct Difference {
    of: Policy,
    from: Policy,
    /// By [`MEASURES`].
    means: Vec<Mean>,
}

fn differences(seed: u64, world: &World, lives: &[Life<'_>]) -> Vec<Difference> {
    let Some((first, others)) = lives.split_first() else { return Vec::new() };
    let against = |other: &Life<'_>| {
        let mean = |measure: &Measure| {
            let pairs = first.tallies.viewers.iter().zip(&other.tallies.viewers);
            let both = pairs.filter_map(|(ours, theirs)| {
                Some((measure.of)(ours, world.days)? - (measure.of)(theirs, world.days)?)
            });
            Mean::of(&both.collect::<Vec<f64>>(), seed)
        };
        let means = MEASURES.iter().map(mean).collect();
        Difference { of: first.policy, from: other.policy, means }
    };
    others.iter().map(against).collect()
}

fn as_json(differences: &[Difference]) -> Value {
    let one = |difference: &Difference| {
        let means = MEASURES.iter().zip(&difference.means);
        let means: serde_json::Map<String, Value> =
            means.map(|(measure, mean)| (measure.name.to_owned(), mean_json(*mean))).collect();
        json!({ "of": difference.of.as_str(), "from": difference.from.as_str(), "measures": means })
    };
    differences.iter().map(one).collect::<Vec<_>>().into()
}

fn verdicts(lives: &[Life<'_>], differences: &[Difference]) -> Vec<String> {
    let verdict = |(other, difference): (&Life<'_>, &Difference)| {
        let reward = difference.means[0];
        let word = match (reward.low > 0.0, reward.high < 0.0) {
            (true, _) => "is ahead of",
            (_, true) => "is behind",
            _ => "cannot be told from",
        };
        format!(
            "{} {word} {}: {:+.2} value a viewer and day ({:+.2} to {:+.2}), {:.0} % of its value",
            difference.of.as_str(),
            difference.from.as_str(),
            reward.value,
            reward.low,
            reward.high,
            100.0 * lives[0].means[0].value / other.means[0].value,
        )
    };
    lives.iter().skip(1).zip(differences).map(verdict).collect()
}

fn header(plan: Plan, world: &World) -> String {
    let new = world.films.iter().filter(|film| film.is_new).count();
    format!(
        "a world of {} viewers, {} creators, {} clips ({new} of them published in its {} days) and \
         {} products, seed {}\nvalue: {} a watched second, {} a skip, {} a like, {} a share, {} a \
         follow, {} a dislike, {} a tap, {} a cart, {} a purchase\nbounds: {BOUNDS}\n",
        plan.viewers,
        plan.creators,
        world.films.len(),
        plan.days,
        plan.products,
        plan.seed,
        UTILITY.watch_s,
        UTILITY.skip,
        UTILITY.like,
        UTILITY.share,
        UTILITY.follow,
        UTILITY.dislike,
        UTILITY.tap,
        UTILITY.cart,
        UTILITY.buy,
    )
}

/// A row per figure, a column per policy.
fn table(lives: &[Life<'_>]) -> String {
    let mut text = format!("\n{:46}", "± half of what lies between the bounds");
    // Writing to a string cannot fail.
    for life in lives {
        let _ = write!(text, "{:>16}", life.policy.as_str());
    }
    let mut row = |label: &str, cell: &dyn Fn(&Life<'_>) -> String| {
        let _ = write!(text, "\n{label:46}");
        for life in lives {
            let _ = write!(text, "{:>16}", cell(life));
        }
    };
    for (place, measure) in MEASURES.iter().enumerate() {
        row(measure.label, &|life| give_or_take(life.means[place]));
    }
    let reach = format!("new clips with {REACH_IMPRESSIONS} impressions within a day");
    row(&reach, &|life| give_or_take(life.reach));
    row("impressions of a new clip, best fifth", &|life| give_or_take(life.good));
    row("impressions of a new clip, worst fifth", &|life| give_or_take(life.poor));
    row("… best over worst", &|life| format!("{:.2}", life.lift()));
    row("share of the clips that were shown", &|life| format!("{:.3}", life.coverage));
    row("how uneven impressions are (Gini)", &|life| format!("{:.3}", life.gini));
    row("impressions", &|life| life.impressions().to_string());
    row("products sold out at the end", &|life| life.tallies.sold_out().to_string());
    row("processor time of a page, µs", &|life| {
        let pages = life.tallies.pages.max(1) as f64;
        format!("{:.0}", life.tallies.page_seconds * 1e6 / pages)
    });
    text.push('\n');
    text
}

/// With as many digits as its size asks for.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size < 0.0005 => "0.000".to_owned(), // Without the sign of next to nothing.
        _ => format!("{value:.3}"),
    }
}

fn give_or_take(mean: Mean) -> String {
    format!("{} ±{}", number(mean.value), number((mean.high - mean.low) / 2.0))
}

fn bounded(mean: Mean) -> String {
    format!("{} ({} to {})", number(mean.value), number(mean.low), number(mean.high))
}

fn differences_text(differences: &[Difference]) -> String {
    let Some(first) = differences.first() else { return String::new() };
    let mut text = format!("\n{:46}", format!("{} minus …", first.of.as_str()));
    // Writing to a string cannot fail.
    for difference in differences {
        let _ = write!(text, "{:>30}", difference.from.as_str());
    }
    for (place, measure) in MEASURES.iter().enumerate() {
        let _ = write!(text, "\n{:46}", measure.label);
        for difference in differences {
            let _ = write!(text, "{:>30}", bounded(difference.means[place]));
        }
    }
    text.push('\n');
    text
}

fn charts(world: &World, lives: &[Life<'_>]) -> Vec<(&'static str, String)> {
    let chart = |title: &str, x: &str, y: &str, points: &dyn Fn(&Life<'_>) -> Vec<(f64, f64)>| {
        let series = |life: &Life<'_>| Series {
            name: life.policy.as_str().to_owned(),
            points: points(life),
        };
        lines(title, x, y, &lives.iter().map(series).collect::<Vec<_>>())
    };
    let reward = |life: &Life<'_>| {
        let of_day = |day: u32| {
            let there = life.tallies.viewers.iter().filter(|one| one.from_day <= day);
            let (count, sum) = there.fold((0_u32, 0.0), |(count, sum), one| {
                (count + 1, sum + f64::from(one.reward[day as usize]))
            });
            (f64::from(day + 1), sum / f64::from(count))
        };
        (0..world.days).map(of_day).collect()
    };
    let regret = |life: &Life<'_>| {
        let of_day = |(day, &(clips, lost)): (usize, &(u32, f64))| {
            ((day + 1) as f64, lost / f64::from(clips))
        };
        life.tallies.judged_by_day.iter().enumerate().map(of_day).collect()
    };
    let reach = |life: &Life<'_>| {
        let debuts = debuts(world, life.tallies);
        let share = |least: u32| {
            let count = debuts.iter().filter(|&&debut| debut >= least).count();
            (f64::from(least), count as f64 / debuts.len().max(1) as f64)
        };
        (1..=6 * REACH_IMPRESSIONS).map(share).collect()
    };
    let tried = "share of new clips";
    vec![
        ("reward", chart("True value a viewer", "day", "value a viewer and day", &reward)),
        ("regret", chart("What pages fell short of", "day", "value lost a clip", &regret)),
        ("reach", chart("New clips that were tried", "impressions within a day", tried, &reach)),
    ]
}
