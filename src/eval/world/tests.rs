//! The world against what it promises.

use std::sync::Arc;

use super::policy::Maker;
use super::tally::Tallies;
use super::*;
use crate::feed::candidate::Candidate;
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::scorers::ActionValue;
use crate::feed::stage::{Scorer, StageError};

/// More clips than anybody gets to see.
const ROOMY: Plan = Plan { seed: 5, viewers: 24, creators: 120, products: 60, days: 4 };

fn nobody(_: &str, _: f32) {}

async fn lived(world: &World, build: impl FnOnce(&SharedIndex) -> Maker) -> Tallies {
    let mut tallies = life::live(world, build, &mut |_| ()).await;
    (tallies.page_seconds, tallies.all_seconds) = (0.0, 0.0);
    tallies
}

fn value(tallies: &Tallies) -> f64 {
    tallies.viewers.iter().flat_map(|one| &one.reward).copied().map(f64::from).sum()
}

#[tokio::test]
async fn who_knows_the_truth_is_ahead_of_everybody_and_regrets_nothing() {
    let report = compare(ROOMY, &Policy::ALL, &mut nobody).await.unwrap();
    let of = |policy: Policy| {
        let found = report.rewards.iter().find(|(other, _)| *other == policy);
        found.map(|(_, mean)| mean.value).unwrap()
    };
    for policy in Policy::ALL {
        assert!(of(Policy::Oracle) >= of(policy), "{policy:?}\n{}", report.summary);
        let regret = &report.figures["policies"][policy.as_str()]["regret"]["mean"];
        let regret = regret.as_f64().unwrap();
        assert_eq!(regret.abs() > 1e-3, policy != Policy::Oracle, "{policy:?}: {regret}");
        assert!(regret > -1e-3, "{policy:?}: {regret}");
    }
    assert!(of(Policy::Random) < of(Policy::Counters), "{}", report.summary);
    assert_eq!(report.charts.len(), 3);
    assert!(report.charts.iter().all(|(_, svg)| !svg.contains("NaN")));
}

/// The old scorer upside down.
struct Worse;

impl Scorer for Worse {
    fn name(&self) -> &'static str {
        "worse"
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        ActionValue::default().score(query, candidates)?;
        for one in candidates {
            one.score = -one.score;
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_is_made_worse_on_purpose_measures_worse() {
    let world = World::new(ROOMY).unwrap();
    let fair = lived(&world, |index| Policy::Counters.maker(index)).await;
    let worse = |index: &SharedIndex| match Policy::Counters.maker(index) {
        Maker::Stages(mut stages) => {
            stages.scorers = vec![Arc::new(Worse)];
            Maker::Stages(stages)
        }
        Maker::Oracle => Maker::Oracle,
    };
    let worse = lived(&world, worse).await;
    assert!(value(&worse) < 0.7 * value(&fair), "{} of {}", value(&worse), value(&fair));
    let chance = lived(&world, |index| Policy::Random.maker(index)).await;
    assert!(value(&worse) < value(&chance), "{} of {}", value(&worse), value(&chance));
}

#[tokio::test]
async fn a_life_follows_from_its_seed() {
    let world = World::new(ROOMY).unwrap();
    let first = lived(&world, |index| Policy::Engine.maker(index)).await;
    let again = World::new(ROOMY).unwrap();
    let second = lived(&again, |index| Policy::Engine.maker(index)).await;
    assert!(first == second, "{} and {}", value(&first), value(&second));
    let other = World::new(Plan { seed: 6, ..ROOMY }).unwrap();
    let third = lived(&other, |index| Policy::Engine.maker(index)).await;
    assert!((value(&first) - value(&third)).abs() > 1e-3);
}

/// Who comes when for the first time is the world's, what comes of it the policy's. A clip on a day is the same
/// to a viewer whoever shows it (`life` has the test of that).
#[tokio::test]
async fn policies_differ_within_the_same_world() {
    let world = World::new(ROOMY).unwrap();
    let engine = lived(&world, |index| Policy::Engine.maker(index)).await;
    let chance = lived(&world, |index| Policy::Random.maker(index)).await;
    assert!(engine != chance);
    for (one, other) in engine.viewers.iter().zip(&chance.viewers) {
        assert_eq!(one.from_day, other.from_day);
    }
}

#[tokio::test]
async fn nothing_is_sold_that_is_not_there() {
    let plan = Plan { products: 4, viewers: 60, days: 6, ..ROOMY };
    let mut world = World::new(plan).unwrap();
    for good in &mut world.goods {
        (good.units, good.delivered_every_days, good.appeal) = (3, 0, 3.0);
    }
    let tallies = lived(&world, |index| Policy::Engine.maker(index)).await;
    let sold: Vec<u32> = tallies.left.iter().map(|left| 3 - left).collect();
    assert!(tallies.sold_out() >= 2, "people want more than there is: {sold:?}");
    let bought: u32 = tallies.viewers.iter().map(|one| one.purchases).sum();
    assert_eq!(sold.iter().sum::<u32>(), bought);
    let spent: i64 = tallies.viewers.iter().map(|one| one.spent_minor).sum();
    let prices = world.goods.iter().map(goods::Good::price_minor);
    assert_eq!(spent, prices.zip(sold).map(|(price, sold)| price * i64::from(sold)).sum::<i64>());
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let outside = World::new(Plan { days: 1, ..ROOMY }).err().unwrap();
    assert_eq!(outside.to_string(), "days: 1, but a world has 2 to 90");
    let large = Plan { viewers: 20_000, creators: 5_000, ..ROOMY };
    assert!(matches!(World::new(large), Err(WorldError::TooLarge { .. })));
    let twice = [Policy::Random, Policy::Engine, Policy::Random];
    for policies in [&twice[..], &[]] {
        let error = compare(ROOMY, policies, &mut nobody).await.err();
        assert_eq!(error, Some(WorldError::Policies));
    }
}
