//! One score from what a viewer met and how an item stands: the logarithm of what the item–item
//! weights say, and a linear part for the item's popularity.
//!
//! The logarithm makes the two multiply: popularity is how likely an item is met at all, the weights
//! are how much likelier this viewer meets it, and neither can drown the other.

use super::exposure::{Exposure, OUTCOMES};
use super::popularity::COLUMNS;
use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};
use crate::ranking::maths::ln;

/// Where the stretches of a history end, counted back from its latest exposure.
const RANK_ENDS: [usize; 5] = [2, 5, 12, 25, 50];
/// Stretches of a history.
pub const RANKS: usize = RANK_ENDS.len() + 1;
/// Where the ages of an exposure end.
const AGE_ENDS_MS: [i64; 3] = [30 * MINUTE_MS, 6 * HOUR_MS, 2 * DAY_MS];
/// Ages of an exposure; the last one also is that of exposures without time.
pub const AGES: usize = AGE_ENDS_MS.len() + 1;

/// Which factors of a [`Blend`] apply to an exposure of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of [`Blend::outcomes`].
    pub outcome: usize,
    /// Index of [`Blend::ranks`].
    pub rank: usize,
    /// Index of [`Blend::ages`].
    pub age: usize,
}

impl Place {
    /// The place of an exposure that `later` others follow.
    pub fn of(exposure: Exposure, later: usize, now_ms: i64) -> Self {
        // What is known without its time is old, even where the present has no time either.
        let timed = exposure.at_ms != i64::MIN;
        let age_ms = if timed { now_ms.saturating_sub(exposure.at_ms) } else { i64::MAX };
        Self {
            outcome: exposure.outcome as usize,
            rank: RANK_ENDS.iter().take_while(|&&end| later >= end).count(),
            age: AGE_ENDS_MS.iter().take_while(|&&end_ms| age_ms >= end_ms).count(),
        }
    }
}

/// The parameters, learned by [`super::listwise`].
#[derive(Clone, Debug, PartialEq)]
pub struct Blend {
    /// The factor of an exposure by how it went.
    pub outcomes: [f32; OUTCOMES],
    /// By how many others follow it.
    pub ranks: [f32; RANKS],
    /// By how long ago it was.
    pub ages: [f32; AGES],
    /// What is added to the weights' sum before the logarithm.
    pub floor: f32,
    /// The factor of the logarithm.
    pub slope: f32,
    /// As `floor` and `slope`, for the votes of neighbours.
    pub votes_floor: f32,
    /// See `votes_floor`.
    pub votes_slope: f32,
    /// The factors of an item's columns of popularity.
    pub columns: [f32; COLUMNS],
}

impl Default for Blend {
    fn default() -> Self {
        let mut columns = [0.0; COLUMNS];
        columns[5] = 0.5; // Successes at a half-life of days: the best single column there is.
        Self {
            outcomes: [0.5, 1.0, 1.0],
            ranks: [1.2, 1.2, 1.0, 0.8, 0.6, 0.5],
            ages: [1.0; AGES],
            floor: 0.03,
            slope: 1.0,
            votes_floor: 0.01,
            votes_slope: 0.3,
            columns,
        }
    }
}

impl Blend {
    /// The factor of one exposure.
    pub fn factor(&self, place: Place) -> f32 {
        self.outcomes[place.outcome] * self.ranks[place.rank] * self.ages[place.age]
    }

    /// How an item stands, whoever watches.
    pub fn standing(&self, columns: &[f32; COLUMNS]) -> f32 {
        self.columns.iter().zip(columns).map(|(weight, column)| weight * column).sum()
    }

    /// The score of an item from the weights' sum, the neighbours' votes and its standing.
    pub fn score(&self, sum: f32, votes: f32, standing: f32) -> f32 {
        self.slope * ln(sum.max(0.0) + self.floor)
            + self.votes_slope * ln(votes + self.votes_floor)
            + standing
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.floats(&self.outcomes);
        writer.floats(&self.ranks);
        writer.floats(&self.ages);
        writer.floats(&[self.floor, self.slope, self.votes_floor, self.votes_slope]);
        writer.floats(&self.columns);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (outcomes, ranks, ages) = (reader.floats()?, reader.floats()?, reader.floats()?);
        let [floor, slope, votes_floor, votes_slope] = reader.floats()?;
        let columns = reader.floats()?;
        Ok(Self { outcomes, ranks, ages, floor, slope, votes_floor, votes_slope, columns })
    }

    /// Whether every parameter is a number that can be ranked by.
    pub fn is_sound(&self) -> bool {
        let factors = self.outcomes.iter().chain(&self.ranks).chain(&self.ages);
        let positive = factors.chain([&self.floor, &self.votes_floor]).all(|factor| *factor > 0.0);
        let all = self.outcomes.iter().chain(&self.ranks).chain(&self.ages);
        let finite = all.chain(&self.columns).chain([&self.floor, &self.slope, &self.votes_slope]);
        positive && finite.into_iter().all(|number| number.is_finite() && number.abs() < 1e6)
    }
}
