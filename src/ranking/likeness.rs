//! How alike two clips are, for slates that vary.

use crate::ranking::diversity::Face;

/// How alike two clips are.
pub trait Likeness {
    /// 0 for clips that have nothing in common to 1 for clips that are as good as one.
    fn between(&self, one: &Face<'_>, other: &Face<'_>) -> f32;
}

/// What two clips openly share: creator, products, topics.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedTraits;

impl Likeness for SharedTraits {
    fn between(&self, one: &Face<'_>, other: &Face<'_>) -> f32 {
        let creator = if one.creator == other.creator { 0.5 } else { 0.0 };
        let product = if one.shares_product(other) { 0.25 } else { 0.0 };
        let common = one.topics.iter().filter(|topic| other.topics.contains(topic)).count();
        let most = one.topics.len().max(other.topics.len()).max(1);
        creator + product + 0.25 * common as f32 / most as f32
    }
}

/// What two clips openly share, and how their learned vectors agree.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraitsAndVectors;

/// The share of the vectors in the likeness of two clips.
const OF_VECTORS: f32 = 0.4;
/// What is added to the product of two vectors' lengths: those of clips that are hardly known are short and
/// point anywhere.
const UNSURE: f32 = 1.0;

impl Likeness for TraitsAndVectors {
    fn between(&self, one: &Face<'_>, other: &Face<'_>) -> f32 {
        let open = SharedTraits.between(one, other);
        let (mut product, mut squares) = (0.0, [0.0; 2]);
        for (a, b) in one.vector.iter().zip(&other.vector) {
            product += a * b;
            squares[0] += a * a;
            squares[1] += b * b;
        }
        let agree = product / ((squares[0] * squares[1]).sqrt() + UNSURE);
        open + OF_VECTORS * (agree.max(0.0) - open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::learner::factors::DIMENSIONS;

    type Vector = [f32; DIMENSIONS];

    fn face(vector: &Vector, creator: u32) -> Face<'static> {
        Face { creator, vector: *vector, ..Face::default() }
    }

    fn likeness(one: &Vector, other: &Vector) -> f32 {
        TraitsAndVectors.between(&face(one, 1), &face(other, 2))
    }

    #[test]
    fn vectors_that_agree_are_alike_and_hardly_known_ones_say_little() {
        let long = [2.0, 1.0, -1.0, 0.0, 0.0, 0.5, 0.0, 0.0];
        let (short, opposite) = (long.map(|one| one / 100.0), long.map(|one: f32| -one));
        assert!(likeness(&long, &long) > 0.3 && likeness(&long, &long) <= OF_VECTORS);
        assert!(likeness(&short, &short) < 0.01);
        for other in [opposite, [0.0; DIMENSIONS]] {
            assert!(likeness(&long, &other).abs() < f32::EPSILON);
        }
        let twins = TraitsAndVectors.between(&face(&long, 1), &face(&long, 1));
        assert!(twins > likeness(&long, &long), "open traits count as well");
    }
}
