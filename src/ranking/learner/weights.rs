//! Linear heads over shared features, trained one example at a time with AdaGrad.
//!
//! A feature's weights for all heads lie side by side, so that one feature moves all heads with one
//! vector operation. Each context (a surface, a tab) may add its own small departure to the common
//! weights. Nothing here can explode: steps are bounded by AdaGrad, weights by a limit.

use super::snapshot::{Reader, SnapshotError, Writer};

/// A weight beyond this is not believed.
const WEIGHT_MAX: f32 = 20.0;

/// See the module's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<const L: usize> {
    features: usize,
    contexts: usize,
    rows: Vec<[f32; L]>,
    squares: Vec<[f32; L]>,
}

impl<const L: usize> Weights<L> {
    /// All zero, with squared gradients of one.
    pub fn new(features: usize, contexts: usize) -> Self {
        let rows = features * (1 + contexts);
        Self { features, contexts, rows: vec![[0.0; L]; rows], squares: vec![[1.0; L]; rows] }
    }

    /// Sets where a weight starts.
    pub fn start(&mut self, feature: usize, lane: usize, weight: f32) {
        self.rows[feature][lane] = weight;
    }

    /// Where the departures of a context begin, if it has any: 0 is no context.
    #[inline]
    fn block(&self, context: usize) -> Option<usize> {
        (1..=self.contexts).contains(&context).then(|| context * self.features)
    }

    /// Adds to `sums` what `values`, the features from `first` on, say in a context.
    #[inline]
    pub fn add(&self, sums: &mut [f32; L], first: usize, values: &[f32], context: usize) {
        let common = &self.rows[first..first + values.len()];
        if let Some(block) = self.block(context) {
            let own = &self.rows[block + first..block + first + values.len()];
            for ((&value, row), own) in values.iter().zip(common).zip(own) {
                for lane in 0..L {
                    sums[lane] += value * (row[lane] + own[lane]);
                }
            }
        } else {
            for (&value, row) in values.iter().zip(common) {
                for lane in 0..L {
                    sums[lane] += value * row[lane];
                }
            }
        }
    }

    /// The weights of one feature in a context.
    pub fn row(&self, feature: usize, context: usize) -> [f32; L] {
        let mut row = self.rows[feature];
        if let Some(block) = self.block(context) {
            for (weight, own) in row.iter_mut().zip(&self.rows[block + feature]) {
                *weight += own;
            }
        }
        row
    }

    /// One step against `errors` (p − y, zero where the label is unknown).
    #[inline]
    pub fn learn(&mut self, values: &[f32], errors: &[f32; L], context: usize, rates: [f32; 2]) {
        let features = self.features;
        step(&mut self.rows[..features], &mut self.squares[..features], values, errors, rates[0]);
        if let Some(block) = self.block(context) {
            let own = block..block + features;
            step(&mut self.rows[own.clone()], &mut self.squares[own], values, errors, rates[1]);
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.rows.len() * 2 * size_of::<[f32; L]>()
    }

    /// Appends all weights.
    pub fn write(&self, into: &mut Writer) {
        into.word(self.rows.len() as u64);
        for (row, square) in self.rows.iter().zip(&self.squares) {
            into.floats(row);
            into.floats(square);
        }
    }

    /// Reads weights of the same shape.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        if from.word()? as usize != self.rows.len() {
            return Err(SnapshotError::Shape);
        }
        for (row, square) in self.rows.iter_mut().zip(&mut self.squares) {
            from.fill(row)?;
            from.fill(square)?;
            let sound = row.iter().all(|weight| weight.abs() <= WEIGHT_MAX)
                && square.iter().all(|square| *square > 0.0);
            if !sound {
                return Err(SnapshotError::Unbounded);
            }
        }
        Ok(())
    }
}

#[inline]
fn step<const L: usize>(
    rows: &mut [[f32; L]],
    squares: &mut [[f32; L]],
    values: &[f32],
    errors: &[f32; L],
    rate: f32,
) {
    for ((&value, row), square) in values.iter().zip(rows).zip(squares) {
        if value == 0.0 {
            continue;
        }
        for lane in 0..L {
            let gradient = value * errors[lane];
            square[lane] += gradient * gradient;
            let moved = row[lane] - rate * gradient / square[lane].sqrt();
            row[lane] = moved.clamp(-WEIGHT_MAX, WEIGHT_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::learner::numbers::sigmoid;

    #[test]
    fn heads_learn_what_their_features_say() {
        let mut weights = Weights::<2>::new(2, 1);
        for round in 0..20_000_u32 {
            let x = if round.wrapping_mul(2_654_435_761) & 0x8000 == 0 { 1.0 } else { -1.0 };
            let values = [1.0, x];
            let mut sums = [0.0; 2];
            weights.add(&mut sums, 0, &values, 0);
            let y = [f32::from(u8::from(x > 0.0)), 0.0];
            let errors = [sigmoid(sums[0]) - y[0], sigmoid(sums[1]) - y[1]];
            weights.learn(&values, &errors, 0, [0.1, 0.0]);
        }
        assert!(weights.row(1, 0)[0] > 1.0, "{weights:?}");
        assert!(weights.row(0, 0)[1] < -1.0 && weights.row(1, 0)[1].abs() < 0.5, "{weights:?}");
    }

    #[test]
    fn a_context_departs_alone() {
        let mut weights = Weights::<1>::new(1, 2);
        weights.learn(&[1.0], &[-0.5], 2, [0.0, 0.1]);
        assert!(weights.row(0, 2)[0] > 0.0);
        let untouched = [1, 0].map(|context| weights.row(0, context)[0].to_bits());
        assert_eq!(untouched, [0, 0]);
    }

    #[test]
    fn absurd_inputs_leave_finite_weights() {
        let mut weights = Weights::<1>::new(1, 0);
        for value in [1e30, -1e30, f32::MAX, 1e-30] {
            weights.learn(&[value], &[1.0], 0, [0.1, 0.1]);
            let weight = weights.row(0, 0)[0];
            assert!(weight.is_finite(), "{value}: {weight}");
        }
    }
}
