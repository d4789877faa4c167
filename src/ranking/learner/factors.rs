//! Small learned vectors: what goes together beyond rates, as one dot product of viewer and clip.
//!
//! A viewer's vector is the sum of the vectors of its keys (itself, its profile's columns), a clip's
//! likewise. The dot product, scaled per head, is added to the log-odds of the additive model; its
//! gradient trains both sides.

#![expect(
    clippy::needless_range_loop,
    reason = "lanes and axes of several arrays go together by number; so they are also vectorised"
)]

use super::numbers::mix;
use super::snapshot::{Reader, SnapshotError, Writer};
use super::table::{Entry, Table};

/// Dimensions.
pub const DIMENSIONS: usize = 8;
const D: usize = DIMENSIONS;
/// Components beyond this are not believed.
const COMPONENT_MAX: f32 = 8.0;
/// How far from zero new vectors start: at zero both sides would wait for each other.
const START: f32 = 0.1;
/// Shared keys move slower than a viewer or clip of its own: each of many gets the same gradient.
const SHARED_RATE: f32 = 0.3;

/// One vector with its squared gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Vector {
    /// The vector.
    pub components: [f32; D],
    squares: [f32; D],
}

impl Entry for Vector {
    fn strength(&self) -> f32 {
        self.squares.iter().sum()
    }

    fn fresh(key: u64) -> Self {
        let mut components = [0.0; D];
        for (axis, component) in components.iter_mut().enumerate() {
            let bits = mix(key ^ (axis as u64 + 1) << 56) >> 40;
            *component = (bits as f32 / 8_388_608.0 - 1.0) * START;
        }
        Self { components, squares: [0.01; D] }
    }

    fn write(&self, into: &mut Writer) {
        into.floats(&self.components);
        into.floats(&self.squares);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let vector = Self { components: from.floats()?, squares: from.floats()? };
        let sound = vector.components.iter().all(|c| c.abs() <= COMPONENT_MAX)
            && vector.squares.iter().all(|square| *square > 0.0);
        if sound { Ok(vector) } else { Err(SnapshotError::Unbounded) }
    }
}

impl Vector {
    #[inline]
    fn step(&mut self, gradient: &[f32; D], rate: f32) {
        for axis in 0..D {
            self.squares[axis] += gradient[axis] * gradient[axis];
            let moved = self.components[axis] - rate * gradient[axis] / self.squares[axis].sqrt();
            self.components[axis] = moved.clamp(-COMPONENT_MAX, COMPONENT_MAX);
        }
    }
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Factors<const L: usize> {
    viewers: Table<Vector>,
    clips: Table<Vector>,
    /// What a dimension means to each head.
    scales: [[f32; L]; D],
    squares: [[f32; L]; D],
    rate: f32,
}

impl<const L: usize> Factors<L> {
    /// No vectors; `rate` is AdaGrad's.
    pub fn new(viewers_max: usize, clips_max: usize, rate: f32) -> Self {
        Self {
            viewers: Table::new(viewers_max),
            clips: Table::new(clips_max),
            scales: [[1.0; L]; D],
            squares: [[1.0; L]; D],
            rate,
        }
    }

    /// Asks the memory for what the next example needs.
    pub fn touch(&self, viewer: &[u64], clip: &[u64]) {
        self.viewers.touch(viewer);
        self.clips.touch(clip);
    }

    /// The sum of the vectors of a viewer's keys.
    pub fn viewer(&self, keys: &[u64]) -> [f32; D] {
        sum(&self.viewers, keys)
    }

    /// The sum of the vectors of a clip's keys.
    pub fn clip(&self, keys: &[u64]) -> [f32; D] {
        sum(&self.clips, keys)
    }

    /// What the two say to each head.
    #[inline]
    pub fn logits(&self, viewer: &[f32; D], clip: &[f32; D]) -> [f32; L] {
        let mut logits = [0.0; L];
        for axis in 0..D {
            let product = viewer[axis] * clip[axis];
            for lane in 0..L {
                logits[lane] += product * self.scales[axis][lane];
            }
        }
        logits
    }

    /// The scales of one dimension.
    pub fn scales(&self) -> &[[f32; L]; D] {
        &self.scales
    }

    /// One step against `errors`. The first key of a side is its own, the rest are shared.
    pub fn learn(
        &mut self,
        (viewer_keys, viewer): (&[u64], &[f32; D]),
        (clip_keys, clip): (&[u64], &[f32; D]),
        errors: &[f32; L],
    ) {
        let (mut to_viewer, mut to_clip) = ([0.0; D], [0.0; D]);
        for axis in 0..D {
            let product = viewer[axis] * clip[axis];
            let mut pull = 0.0;
            for lane in 0..L {
                pull += errors[lane] * self.scales[axis][lane];
                let gradient = errors[lane] * product;
                self.squares[axis][lane] += gradient * gradient;
                let step = self.rate * gradient / self.squares[axis][lane].sqrt();
                let moved = self.scales[axis][lane] - step;
                self.scales[axis][lane] = moved.clamp(-COMPONENT_MAX, COMPONENT_MAX);
            }
            to_viewer[axis] = pull * clip[axis];
            to_clip[axis] = pull * viewer[axis];
        }
        move_all(&mut self.viewers, viewer_keys, &to_viewer, self.rate);
        move_all(&mut self.clips, clip_keys, &to_clip, self.rate);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.viewers.bytes() + self.clips.bytes() + size_of::<Self>()
    }

    /// Appends all of it.
    pub fn write(&self, into: &mut Writer) {
        self.viewers.write(into);
        self.clips.write(into);
        for axis in 0..D {
            into.floats(&self.scales[axis]);
            into.floats(&self.squares[axis]);
        }
    }

    /// Reads it back.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.viewers.read(from)?;
        self.clips.read(from)?;
        for axis in 0..D {
            from.fill(&mut self.scales[axis])?;
            from.fill(&mut self.squares[axis])?;
        }
        let sound = self.scales.iter().flatten().all(|scale| scale.abs() <= COMPONENT_MAX)
            && self.squares.iter().flatten().all(|square| *square > 0.0);
        if sound { Ok(()) } else { Err(SnapshotError::Unbounded) }
    }
}

fn sum(table: &Table<Vector>, keys: &[u64]) -> [f32; D] {
    let mut sum = [0.0; D];
    for &key in keys.iter().filter(|key| **key != 0) {
        let fresh;
        let vector = if let Some(vector) = table.get(key) {
            vector
        } else {
            fresh = Vector::fresh(key);
            &fresh
        };
        for axis in 0..D {
            sum[axis] += vector.components[axis];
        }
    }
    sum
}

fn move_all(table: &mut Table<Vector>, keys: &[u64], gradient: &[f32; D], rate: f32) {
    for (place, &key) in keys.iter().enumerate().filter(|(_, key)| **key != 0) {
        let rate = if place == 0 { rate } else { rate * SHARED_RATE };
        table.claim(key).step(gradient, rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::learner::numbers::sigmoid;

    #[test]
    fn viewers_of_two_tastes_come_apart() {
        let mut factors = Factors::<1>::new(1 << 10, 1 << 10, 0.1);
        for round in 0..40_000_u64 {
            let (viewer, clip) = (1 + mix(round) % 20, 1 + mix(round ^ 1 << 40) % 20);
            let (keys, clips) = ([viewer], [clip]);
            let (v, c) = (factors.viewer(&keys), factors.clip(&clips));
            let liked = f32::from(u8::from(viewer % 2 == clip % 2));
            let error = sigmoid(factors.logits(&v, &c)[0]) - liked;
            factors.learn((&keys, &v), (&clips, &c), &[error]);
        }
        let p = |viewer, clip| {
            sigmoid(factors.logits(&factors.viewer(&[viewer]), &factors.clip(&[clip]))[0])
        };
        assert!(p(2, 4) > 0.8 && p(3, 5) > 0.8, "{} {}", p(2, 4), p(3, 5));
        assert!(p(2, 5) < 0.2 && p(3, 4) < 0.2, "{} {}", p(2, 5), p(3, 4));
    }
}
