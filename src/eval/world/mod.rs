//! A small world to live in: viewers with tastes, creators, clips, products and stock, all from a seed.
//!
//! Every policy gets a copy of the world of its own and makes each page in it: that of the engine is
//! the feed's own list of stages over the feed's own index, and what viewers do is taken in as the
//! services take it in. [`people`] and [`goods`] are who and what there is, [`reaction`] what viewers
//! make of clips and what that is worth, [`policy`] who is compared, [`oracle`] what could have been
//! had, [`life`] the course of time, [`tally`] what is noted, [`measures`] and
//! [`report`] what it comes to.

mod chance;
mod goods;
mod life;
mod measures;
mod oracle;
mod people;
mod policy;
mod reaction;
mod report;
mod tally;
#[cfg(test)]
mod tests;

use crate::domain::limits::{
    WORLD_CREATORS_MAX, WORLD_DAYS_MAX, WORLD_PAIRS_MAX, WORLD_PRODUCTS_MAX, WORLD_VIEWERS_MAX,
};
use crate::domain::time::{DAY_MS, Timestamp};
use goods::{Film, Good, Studio};
use people::{Creator, Viewer};

pub use policy::Policy;
pub use reaction::{UTILITY, Utility};
pub use report::{REACH_IMPRESSIONS, Report};

/// When every world begins.
const START: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

/// What a world is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything else.
    pub seed: u64,
    /// People who watch.
    pub viewers: usize,
    /// People who publish.
    pub creators: usize,
    /// Things to buy.
    pub products: usize,
    /// Days to live.
    pub days: u32,
}

/// Why there is no such world.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// A number is out of bounds.
    #[error("{what}: {found}, but a world has {least} to {most}")]
    OutOfBounds {
        /// Of what.
        what: &'static str,
        /// How many were asked for.
        found: usize,
        /// How many there must be.
        least: usize,
        /// How many there may be.
        most: usize,
    },
    /// All together would not fit.
    #[error(
        "{viewers} viewers before {clips} clips are more than {WORLD_PAIRS_MAX} pairs: \
         take fewer viewers, creators or days"
    )]
    TooLarge {
        /// Viewers.
        viewers: usize,
        /// Clips.
        clips: usize,
    },
    /// Nobody to compare.
    #[error("no policy is named, or one twice")]
    Policies,
}

impl Plan {
    fn check(&self) -> Result<(), WorldError> {
        let bounds = [
            ("viewers", self.viewers, 10, WORLD_VIEWERS_MAX),
            ("creators", self.creators, 5, WORLD_CREATORS_MAX),
            ("products", self.products, 1, WORLD_PRODUCTS_MAX),
            ("days", self.days as usize, 2, WORLD_DAYS_MAX),
        ];
        let outside =
            |&(_, found, least, most): &(_, usize, usize, usize)| !(least..=most).contains(&found);
        match bounds.into_iter().find(outside) {
            Some((what, found, least, most)) => {
                Err(WorldError::OutOfBounds { what, found, least, most })
            }
            None => Ok(()),
        }
    }
}

/// What there is before anybody watches; the same for all policies.
pub struct World {
    seed: u64,
    days: u32,
    viewers: Vec<Viewer>,
    creators: Vec<Creator>,
    goods: Vec<Good>,
    /// In order of time.
    films: Vec<Film>,
}

impl World {
    /// The world of a plan.
    pub fn new(plan: Plan) -> Result<Self, WorldError> {
        plan.check()?;
        let Plan { seed, days, .. } = plan;
        let creators: Vec<Creator> =
            (0..plan.creators).map(|number| Creator::new(seed, number, START)).collect();
        let goods: Vec<Good> = (0..plan.products)
            .map(|number| Good::new(seed, (number, plan.products), START))
            .collect();
        let studio = Studio::new(seed, (START, days), &goods);
        let mut films = Vec::new();
        for (number, creator) in creators.iter().enumerate() {
            studio.films(number as u32, creator, &mut films);
        }
        films.sort_by_key(|film| (film.published_at, film.key));
        if plan.viewers.saturating_mul(films.len()) > WORLD_PAIRS_MAX {
            return Err(WorldError::TooLarge { viewers: plan.viewers, clips: films.len() });
        }
        let viewer = |number| Viewer::new(seed, number, days, START);
        let viewers = (0..plan.viewers).map(viewer).collect();
        Ok(Self { seed, days, viewers, creators, goods, films })
    }

    /// The moment after the last day.
    fn end(&self) -> Timestamp {
        START.plus_ms(i64::from(self.days) * DAY_MS)
    }

    /// The day of an instant, from 0.
    fn day(&self, at: Timestamp) -> u32 {
        ((at.since_ms(START) / DAY_MS).max(0) as u32).min(self.days - 1)
    }
}

/// Lets every policy live in its own copy of the world. `progress` is told whose turn it is and how
/// much of all is done, 0 to 1.
pub async fn compare(
    plan: Plan,
    policies: &[Policy],
    progress: &mut dyn FnMut(&str, f32),
) -> Result<Report, WorldError> {
    let twice = |place: usize| policies[..place].contains(&policies[place]);
    if policies.is_empty() || (0..policies.len()).any(twice) {
        return Err(WorldError::Policies);
    }
    let world = World::new(plan)?;
    let mut lives = Vec::with_capacity(policies.len());
    for (place, &policy) in policies.iter().enumerate() {
        let all = policies.len() as f32;
        let mut day_ended = |share: f32| progress(policy.as_str(), (place as f32 + share) / all);
        lives.push(life::live(&world, |index| policy.maker(index), &mut day_ended).await);
    }
    Ok(Report::new(plan, &world, policies, &lives))
}
