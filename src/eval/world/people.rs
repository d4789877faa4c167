//! Who lives in the world: viewers with tastes that drift, and creators with a subject.

use super::chance::Draw;
use crate::domain::account::{Account, Market};
use crate::domain::id::AccountId;
use crate::domain::time::{DAY_MS, HOUR_MS, Timestamp};

/// What clips may be about.
pub(super) const TOPIC_NAMES: [&str; TOPICS] = [
    "comedy", "beauty", "cooking", "fashion", "fitness", "music", "pets", "travel", "gaming",
    "diy", "tech", "art", "garden", "cars", "books", "science",
];
/// How many topics there are.
pub(super) const TOPICS: usize = 16;

/// What draws are for: parts of their digests.
const VIEWER: u64 = 1;
const CREATOR: u64 = 2;

/// Liking per topic, about −1 to 1.3.
pub(super) type Taste = [f32; TOPICS];

/// A taste from a day on.
pub(super) struct Phase {
    pub(super) from_day: u32,
    pub(super) taste: Taste,
}

/// A viewer as nobody in the world sees it.
pub(super) struct Viewer {
    pub(super) id: AccountId,
    pub(super) market: Market,
    /// When the first session begins.
    pub(super) joins_at: Timestamp,
    /// In order of time; the first from day 0.
    pub(super) phases: Vec<Phase>,
    /// Sessions last longer with more of it; about 1.
    pub(super) patience: f64,
    /// Hours between sessions in an even mood.
    pub(super) pace_h: f64,
    /// How much a high price deters.
    pub(super) thrift: f64,
    /// Readiness to like, share, follow, tap and buy, added to the logits.
    pub(super) like: f64,
    pub(super) share: f64,
    pub(super) follow: f64,
    pub(super) tap: f64,
    pub(super) buy: f64,
}

/// A creator.
pub(super) struct Creator {
    pub(super) account: Account,
    /// What most clips are about, and what some are.
    pub(super) subjects: [u8; 2],
    /// How good the clips are on average.
    pub(super) quality: f64,
    /// Clips a day.
    pub(super) rate: f64,
}

/// Some topics are liked by more people, and served by more creators.
fn topic(draw: &mut Draw) -> usize {
    let weights: [f64; TOPICS] = std::array::from_fn(|place| 1.0 / (place as f64 + 3.0));
    draw.weighted(&weights)
}

/// Where people live, most in the first market.
fn market(draw: &mut Draw) -> Market {
    let others = [Market::new("DE"), Market::new("JP")];
    match draw.weighted(&[0.6, 0.25, 0.15]) {
        0 => Market::US,
        place => others[place - 1].unwrap_or(Market::US),
    }
}

/// Strong interests of a viewer.
const INTERESTS: usize = 3;
/// How likely it is that an interest gives way to another on any day.
const DRIFT_PER_DAY: f64 = 0.04;

fn taste(background: &Taste, interests: &[(usize, f32)]) -> Taste {
    let mut taste = *background;
    for &(topic, strength) in interests {
        taste[topic] = taste[topic].max(strength);
    }
    taste
}

fn phases(draw: &mut Draw, days: u32) -> Vec<Phase> {
    let mut background: Taste = std::array::from_fn(|_| (draw.normal() * 0.15 - 0.15) as f32);
    background[draw.below(TOPICS)] = -0.7; // What this viewer cannot stand.
    let interest = |draw: &mut Draw| (topic(draw), (0.7 + 0.5 * draw.uniform()) as f32);
    let mut interests: Vec<(usize, f32)> = (0..INTERESTS).map(|_| interest(draw)).collect();
    let mut phases = vec![Phase { from_day: 0, taste: taste(&background, &interests) }];
    for from_day in 1..days {
        if draw.happens(DRIFT_PER_DAY) {
            let place = draw.below(INTERESTS);
            interests[place] = interest(draw);
            phases.push(Phase { from_day, taste: taste(&background, &interests) });
        }
    }
    phases
}

/// How many of the viewers are there from the first day.
const FOUNDERS: f64 = 0.65;

impl Viewer {
    pub(super) fn new(seed: u64, number: usize, days: u32, start: Timestamp) -> Self {
        let mut draw = Draw::of(&[seed, VIEWER, number as u64]);
        let is_founder = draw.happens(FOUNDERS);
        let wait = draw.uniform();
        // The others join from the second day on, early enough to be watched for a while.
        let span_ms = f64::from(days) * 0.7 * DAY_MS as f64 - DAY_MS as f64;
        let waits_ms = if is_founder {
            (wait * DAY_MS as f64 * 0.9) as i64
        } else {
            DAY_MS.min((i64::from(days) * DAY_MS) / 2) + (wait * span_ms.max(0.0)) as i64
        };
        Self {
            id: AccountId::derived(draw.id_bits()),
            market: market(&mut draw),
            joins_at: start.plus_ms(waits_ms),
            phases: phases(&mut draw, days),
            patience: draw.lognormal(1.0, 0.4),
            pace_h: draw.lognormal(20.0, 0.5),
            thrift: draw.lognormal(0.5, 0.5),
            like: draw.normal() * 0.8,
            share: draw.normal() * 0.8,
            follow: draw.normal() * 0.8,
            tap: draw.normal() * 0.8,
            buy: draw.normal() * 0.8,
        }
    }

    /// The number of the phase of a day.
    pub(super) fn phase(&self, day: u32) -> usize {
        self.phases.partition_point(|phase| phase.from_day <= day).saturating_sub(1)
    }
}

impl Creator {
    pub(super) fn new(seed: u64, number: usize, start: Timestamp) -> Self {
        let mut draw = Draw::of(&[seed, CREATOR, number as u64]);
        let id = AccountId::derived(draw.id_bits());
        let created_at = start.plus_ms(-24 * HOUR_MS * 90);
        Self {
            account: Account::unnamed(id, market(&mut draw), created_at),
            subjects: [topic(&mut draw) as u8, topic(&mut draw) as u8],
            quality: draw.normal() * 0.5,
            rate: draw.lognormal(0.2, 0.7),
        }
    }
}
