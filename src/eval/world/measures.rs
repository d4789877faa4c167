//! What is measured of viewers and of clips.

use super::World;
use super::tally::{DEBUT_MS, FIRST_IMPRESSIONS, Tallies, Tally};

/// A figure of one viewer in a world of so many days; `None` where it makes no sense.
pub(super) struct Measure {
    /// In JSON.
    pub(super) name: &'static str,
    /// In tables.
    pub(super) label: &'static str,
    pub(super) of: fn(&Tally, u32) -> Option<f64>,
}

/// All; the first is what verdicts go by.
pub(super) const MEASURES: [Measure; 14] = [
    Measure { name: "reward", label: "value a viewer and day", of: reward },
    Measure { name: "late_reward", label: "… in the second half of the days", of: late_reward },
    Measure {
        name: "watched_s",
        label: "seconds watched a viewer and day",
        of: |one, days| a_day(one.watch_ms as f64 / 1_000.0, one, days),
    },
    Measure {
        name: "purchases",
        label: "purchases a viewer and day",
        of: |one, days| a_day(f64::from(one.purchases), one, days),
    },
    Measure {
        name: "spent_minor",
        label: "spent a viewer and day, minor units",
        of: |one, days| a_day(one.spent_minor as f64, one, days),
    },
    Measure {
        name: "sessions",
        label: "sessions a viewer and day",
        of: |one, days| a_day(f64::from(one.sessions), one, days),
    },
    Measure { name: "retention", label: "visits followed by one on the next day", of: retention },
    Measure {
        name: "value_per_clip",
        label: "value a clip shown",
        of: |one, _| a_clip(one.reward.iter().copied().map(f64::from).sum(), one),
    },
    Measure {
        name: "regret",
        label: "regret: expected value lost a clip",
        of: |one, _| (one.judged > 0).then(|| (one.best - one.had) / f64::from(one.judged)),
    },
    Measure { name: "skips", label: "share skipped", of: |one, _| a_clip(one.skips.into(), one) },
    Measure {
        name: "first_impressions",
        label: "value a clip of a newcomer's first 50",
        of: first_impressions,
    },
    Measure {
        name: "creators_per_ten",
        label: "creators among ten clips",
        of: |one, _| (one.tens > 0).then(|| f64::from(one.creators) / f64::from(one.tens)),
    },
    Measure {
        name: "topics_per_ten",
        label: "subjects among ten clips",
        of: |one, _| (one.tens > 0).then(|| f64::from(one.subjects) / f64::from(one.tens)),
    },
    Measure {
        name: "shoppable",
        label: "share with something to buy",
        of: |one, _| a_clip(one.shoppable.into(), one),
    },
];

fn a_day(sum: f64, one: &Tally, days: u32) -> Option<f64> {
    Some(sum / f64::from(days.checked_sub(one.from_day).filter(|&there| there > 0)?))
}

fn a_clip(sum: f64, one: &Tally) -> Option<f64> {
    (one.impressions > 0).then(|| sum / f64::from(one.impressions))
}

fn reward(one: &Tally, days: u32) -> Option<f64> {
    a_day(one.reward.iter().copied().map(f64::from).sum(), one, days)
}

fn late_reward(one: &Tally, days: u32) -> Option<f64> {
    let from = days / 2;
    let late = one.reward.iter().skip(from.max(one.from_day) as usize);
    let there = days - from.max(one.from_day);
    (there > 0).then(|| late.copied().map(f64::from).sum::<f64>() / f64::from(there))
}

/// Of the days on which the viewer came, the last one left out.
fn retention(one: &Tally, _: u32) -> Option<f64> {
    let pairs = one.came.windows(2).filter(|days| days[0]);
    let (all, kept) =
        pairs.fold((0_u32, 0_u32), |(all, kept), days| (all + 1, kept + u32::from(days[1])));
    (all > 0).then(|| f64::from(kept) / f64::from(all))
}

/// Of those who joined after the first day: the first viewers meet a feed that knows nobody.
fn first_impressions(one: &Tally, _: u32) -> Option<f64> {
    let count = one.impressions.min(FIRST_IMPRESSIONS);
    (one.from_day > 0 && count > 0).then(|| one.first_reward / f64::from(count))
}

/// The first day's impressions of each new clip whose first day was over before the end.
pub(super) fn debuts(world: &World, tallies: &Tallies) -> Vec<u32> {
    grown(world).map(|film| tallies.films[film].debut).collect()
}

/// New clips that were there for a day at least, by their numbers.
fn grown(world: &World) -> impl Iterator<Item = usize> {
    let is_grown = |film: &super::goods::Film| {
        film.is_new && world.end().since_ms(film.published_at) >= DEBUT_MS
    };
    (0..world.films.len()).filter(move |&number| is_grown(&world.films[number]))
}

/// Impressions of new clips: of the fifth that is best in truth, and of the worst.
pub(super) fn quality_fifths(world: &World, tallies: &Tallies) -> (Vec<f64>, Vec<f64>) {
    let mut films: Vec<usize> = grown(world).collect();
    films.sort_by(|&a, &b| world.films[b].quality.total_cmp(&world.films[a].quality));
    let fifth = films.len().div_ceil(5);
    let of = |films: &[usize]| {
        films.iter().map(|&film| f64::from(tallies.films[film].impressions)).collect()
    };
    (of(&films[..fifth]), of(&films[films.len() - fifth..]))
}
