//! What is noted of a life.

use super::World;
use super::reaction::Reaction;
use crate::domain::time::{DAY_MS, Timestamp};

/// Impressions with which a viewer counts as new.
pub(super) const FIRST_IMPRESSIONS: u32 = 50;
/// How long a clip counts as just published.
pub(super) const DEBUT_MS: i64 = DAY_MS;

/// What one viewer got.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// The day of the first session.
    pub(super) from_day: u32,
    /// True value per day of the world.
    pub(super) reward: Vec<f32>,
    /// Whether the viewer came, per day of the world.
    pub(super) came: Vec<bool>,
    pub(super) sessions: u32,
    pub(super) impressions: u32,
    pub(super) shoppable: u32,
    pub(super) skips: u32,
    pub(super) dislikes: u32,
    pub(super) taps: u32,
    pub(super) purchases: u32,
    pub(super) spent_minor: i64,
    pub(super) watch_ms: u64,
    /// True value of the first [`FIRST_IMPRESSIONS`].
    pub(super) first_reward: f64,
    /// Pages of ten; of these the distinct creators and subjects.
    pub(super) tens: u32,
    pub(super) creators: u32,
    pub(super) subjects: u32,
    /// Clips of pages that were judged; expected value of the best that could be had, and of these.
    pub(super) judged: u32,
    pub(super) best: f64,
    pub(super) had: f64,
}

/// What one clip got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposure {
    /// In all.
    pub(super) impressions: u32,
    /// Within [`DEBUT_MS`] of its publication.
    pub(super) debut: u32,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tallies {
    pub(super) viewers: Vec<Tally>,
    pub(super) films: Vec<Exposure>,
    /// Clips that were judged, and what they fell short by, per day.
    pub(super) judged_by_day: Vec<(u32, f64)>,
    /// Pages that were made.
    pub(super) pages: u64,
    /// Units of each product that are left at the end.
    pub(super) left: Vec<u32>,
    /// Processor time of the pages and of all else, in seconds.
    pub(super) page_seconds: f64,
    pub(super) all_seconds: f64,
}

impl Tallies {
    pub(super) fn new(world: &World) -> Self {
        let days = world.days as usize;
        let tally = |viewer: &super::people::Viewer| Tally {
            from_day: world.day(viewer.joins_at),
            reward: vec![0.0; days],
            came: vec![false; days],
            ..Tally::default()
        };
        Self {
            viewers: world.viewers.iter().map(tally).collect(),
            films: vec![Exposure::default(); world.films.len()],
            judged_by_day: vec![(0, 0.0); days],
            ..Self::default()
        }
    }

    /// Products without a unit at the end.
    pub(super) fn sold_out(&self) -> usize {
        self.left.iter().filter(|&&units| units == 0).count()
    }

    /// Notes one clip before one viewer.
    pub(super) fn note(
        &mut self,
        world: &World,
        (viewer, film, at): (u32, u32, Timestamp),
        reaction: &Reaction,
        spent_minor: i64,
    ) {
        let day = world.day(at) as usize;
        let value = reaction.value();
        let tally = &mut self.viewers[viewer as usize];
        if tally.impressions < FIRST_IMPRESSIONS {
            tally.first_reward += value;
        }
        tally.reward[day] += value as f32;
        tally.impressions += 1;
        tally.shoppable += u32::from(!world.films[film as usize].goods.is_empty());
        tally.skips += u32::from(reaction.is_skip);
        tally.dislikes += u32::from(reaction.dislikes);
        tally.taps += u32::from(reaction.taps);
        tally.purchases += u32::from(reaction.buys);
        tally.spent_minor += spent_minor;
        tally.watch_ms += u64::from(reaction.watch_ms);
        let exposure = &mut self.films[film as usize];
        exposure.impressions += 1;
        let age_ms = at.since_ms(world.films[film as usize].published_at);
        exposure.debut += u32::from(age_ms < DEBUT_MS);
    }

    /// Notes how varied a page is.
    pub(super) fn note_page(&mut self, world: &World, viewer: u32, page: &[u32]) {
        self.pages += 1;
        let tally = &mut self.viewers[viewer as usize];
        if page.len() != 10 {
            return;
        }
        let count = |key: &dyn Fn(&super::goods::Film) -> u32| {
            let mut keys: Vec<u32> =
                page.iter().map(|&film| key(&world.films[film as usize])).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.len() as u32
        };
        tally.tens += 1;
        tally.creators += count(&|film| film.creator);
        tally.subjects += count(&|film| u32::from(film.topics[0].0));
    }

    /// Notes what a page of so many clips was worth, and what could have been had in its place.
    pub(super) fn judge(
        &mut self,
        (viewer, day): (u32, u32),
        (best, had): (f64, f64),
        clips: usize,
    ) {
        let tally = &mut self.viewers[viewer as usize];
        tally.judged += clips as u32;
        tally.best += best;
        tally.had += had;
        let judged = &mut self.judged_by_day[day as usize];
        judged.0 += clips as u32;
        judged.1 += best - had;
    }
}
