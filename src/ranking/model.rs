//! The scorer: what each action is worth, in one explicit sum.
//!
//! `score = [Σ w·p − Σ n·p] · adjustments`, where the adjustments apply to a positive net alone: a
//! multiplier on a negative sum would reward what viewers dislike. Weights multiply probabilities, so
//! a large weight stands before a small base rate. What a merchant earns or pays is not an input.

use crate::ranking::features::Features;

/// What each action is worth, in units of one full watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActionWeights {
    /// Watched to the end.
    pub finish: f32,
    /// Watched once over; more for loops.
    pub watched: f32,
    /// Liked or saved.
    pub like: f32,
    /// Passed on.
    pub share: f32,
    /// Creator followed.
    pub follow: f32,
    /// Product tapped.
    pub tap: f32,
    /// Put into a cart, given a tap.
    pub cart: f32,
    /// Bought, given a tap.
    pub buy: f32,
    /// Skipped: subtracted.
    pub skip: f32,
    /// Not interested, hidden, reported: subtracted.
    pub negative: f32,
    /// The viewer's taste, per unit of affinity.
    pub affinity: f32,
    /// The viewer follows the creator.
    pub followed: f32,
    /// Share by which a clip of this minute is lifted.
    pub freshness: f32,
    /// Factor for clips whose products are all sold out.
    pub sold_out: f32,
}

impl Default for ActionWeights {
    /// Of the size of published weightings: a share is worth several likes, a dislike dozens.
    fn default() -> Self {
        Self {
            finish: 0.5,
            watched: 1.0,
            like: 4.0,
            share: 12.0,
            follow: 12.0,
            tap: 3.0,
            cart: 8.0,
            buy: 20.0,
            skip: 0.8,
            negative: 40.0,
            affinity: 1.2,
            followed: 0.4,
            freshness: 0.3,
            sold_out: 0.6,
        }
    }
}

impl ActionWeights {
    /// The score of one row. It depends on this row alone, so it may be cached and replayed.
    #[inline]
    pub fn score(&self, row: &Features) -> f32 {
        let shop = row.tap * (self.tap + self.cart * row.cart + self.buy * row.buy);
        let gain = self.finish * row.finish
            + self.watched * row.watched
            + self.like * row.like
            + self.share * row.share
            + self.follow * row.follow
            + shop
            + self.followed * row.followed;
        let loss = self.skip * row.skip + self.negative * row.negative;
        let net = gain - loss + self.affinity * row.affinity;
        if net <= 0.0 {
            return net;
        }
        let lift = 1.0 + self.freshness * row.freshness;
        let sold_out = 1.0 - row.sold_out * (1.0 - self.sold_out);
        net * lift * sold_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Features {
        Features {
            skip: 0.35,
            finish: 0.35,
            watched: 0.55,
            like: 0.04,
            share: 0.005,
            follow: 0.003,
            negative: 0.005,
            tap: 0.03,
            cart: 0.08,
            buy: 0.02,
            ..Features::default()
        }
    }

    #[test]
    fn every_good_sign_lifts_and_every_bad_one_lowers() {
        let weights = ActionWeights::default();
        let base = weights.score(&usual());
        assert!(base > 0.0);
        let lifts: [fn(&mut Features); 8] = [
            |row| row.finish += 0.1,
            |row| row.watched += 0.1,
            |row| row.like += 0.1,
            |row| row.share += 0.1,
            |row| row.tap += 0.1,
            |row| row.affinity += 0.1,
            |row| row.followed = 1.0,
            |row| row.freshness = 1.0,
        ];
        for (index, lift) in lifts.iter().enumerate() {
            let mut row = usual();
            lift(&mut row);
            assert!(weights.score(&row) > base, "lift {index}");
        }
        let lowers: [fn(&mut Features); 4] = [
            |row| row.skip += 0.1,
            |row| row.negative += 0.1,
            |row| row.affinity -= 0.1,
            |row| row.sold_out = 1.0,
        ];
        for (index, lower) in lowers.iter().enumerate() {
            let mut row = usual();
            lower(&mut row);
            assert!(weights.score(&row) < base, "lower {index}");
        }
    }

    #[test]
    fn a_multiplier_never_helps_what_is_disliked() {
        let weights = ActionWeights::default();
        let disliked = Features { negative: 0.5, ..usual() };
        let fresh = Features { freshness: 1.0, ..disliked };
        let sold_out = Features { sold_out: 1.0, ..disliked };
        assert!(weights.score(&disliked) < 0.0);
        let bits = |row: &Features| weights.score(row).to_bits();
        assert_eq!(bits(&fresh), bits(&disliked));
        assert_eq!(bits(&sold_out), bits(&disliked));
    }
}
