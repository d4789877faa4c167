//! How long clips of one length are watched: quartiles by bucket of duration, followed as they come.
//!
//! A watch time becomes three labels, one per quartile: longer than that? Heads for these labels give the
//! distribution of a viewer's watch time on a clip, comparable among clips of all lengths.

use super::numbers::exp;
use super::snapshot::{Reader, SnapshotError, Writer};
use super::trace::{DURATION_BUCKETS, duration_bucket};
use crate::ranking::maths::ln;

/// Which quantiles are followed.
pub const QUANTILES: [f32; 3] = [0.25, 0.5, 0.75];
/// Slowest pace of a border, in log time per watch.
const PACE_MIN: f32 = 0.01;
/// Watch times are held within these, in seconds.
const WATCH_S: std::ops::RangeInclusive<f32> = 0.1..=3_600.0;

/// See the module's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Borders {
    /// Logarithms of seconds.
    logs: [[f32; 3]; DURATION_BUCKETS],
    met: [f32; DURATION_BUCKETS],
}

impl Default for Borders {
    /// A quarter, a half and three quarters of a clip.
    fn default() -> Self {
        let of = |bucket: usize| {
            let length = (bucket.max(1) as f32 - 0.5) / 3.0;
            QUANTILES.map(|quantile| length + ln(quantile))
        };
        Self { logs: std::array::from_fn(of), met: [0.0; DURATION_BUCKETS] }
    }
}

impl Borders {
    /// Whether a watch lasted longer than each border of its clip's bucket.
    pub fn labels(&self, watch_ms: f32, duration_ms: f32) -> [f32; 3] {
        let log = log_s(watch_ms);
        self.logs[duration_bucket(duration_ms)].map(|border| f32::from(u8::from(log > border)))
    }

    /// Moves the borders of the clip's bucket towards their quantiles.
    pub fn learn(&mut self, watch_ms: f32, duration_ms: f32) {
        let bucket = duration_bucket(duration_ms);
        let log = log_s(watch_ms);
        self.met[bucket] = (self.met[bucket] + 1.0).min(1e6);
        let pace = (1.0 / (1.0 + self.met[bucket])).max(PACE_MIN);
        let borders = &mut self.logs[bucket];
        for (border, quantile) in borders.iter_mut().zip(QUANTILES) {
            let beyond = f32::from(u8::from(log > *border));
            *border += pace * (beyond - (1.0 - quantile)) * 2.0;
        }
        borders[1] = borders[1].max(borders[0]);
        borders[2] = borders[2].max(borders[1]);
    }

    /// The borders of a clip's bucket, in seconds.
    pub fn seconds(&self, duration_ms: f32) -> [f32; 3] {
        self.logs[duration_bucket(duration_ms)].map(exp)
    }

    /// The borders of every bucket, in seconds.
    pub fn all_seconds(&self) -> [[f32; 3]; DURATION_BUCKETS] {
        self.logs.map(|logs| logs.map(exp))
    }

    /// The expected watch time in seconds, of the three heads' probabilities.
    pub fn expected_s(&self, beyond: [f32; 3], duration_ms: f32) -> f32 {
        expected_s(beyond, self.seconds(duration_ms))
    }

    /// Appends the borders.
    pub fn write(&self, into: &mut Writer) {
        into.floats(self.logs.as_flattened());
        into.floats(&self.met);
    }

    /// Reads them back.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let mut borders = Self::default();
        from.fill(borders.logs.as_flattened_mut())?;
        from.fill(&mut borders.met)?;
        let rising = borders.logs.iter().all(|logs| logs.is_sorted() && logs[2] < 20.0);
        if rising { Ok(borders) } else { Err(SnapshotError::Unbounded) }
    }
}

/// The expected watch time in seconds, of the three heads' probabilities and the borders of the clip's bucket:
/// each range counts with its middle, the last with its border and half as much again.
#[inline]
pub fn expected_s(beyond: [f32; 3], [first, second, third]: [f32; 3]) -> f32 {
    // Independent heads may cross; a longer watch is never more likely than a shorter one.
    let a = beyond[0];
    let b = beyond[1].min(a);
    let c = beyond[2].min(b);
    (1.0 - a) * first * 0.5
        + (a - b) * (first + second) * 0.5
        + (b - c) * (second + third) * 0.5
        + c * third * 1.5
}

fn log_s(watch_ms: f32) -> f32 {
    let watch_s = if watch_ms.is_finite() { watch_ms / 1_000.0 } else { 0.0 };
    ln(watch_s.clamp(*WATCH_S.start(), *WATCH_S.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::learner::numbers::mix;

    #[test]
    fn borders_find_the_quartiles() {
        let mut borders = Borders::default();
        for round in 0..50_000_u64 {
            let watch_ms = 1_000.0 + (mix(round) % 10_000) as f32;
            borders.learn(watch_ms, 30_000.0);
        }
        for (border, quantile) in borders.seconds(30_000.0).into_iter().zip(QUANTILES) {
            let exact = 1.0 + 10.0 * quantile;
            assert!((border / exact - 1.0).abs() < 0.15, "{border} for {exact}");
        }
        let beyond = |watch_ms| borders.labels(watch_ms, 30_000.0).iter().sum::<f32>() as u32;
        assert_eq!((beyond(60_000.0), beyond(f32::NAN)), (3, 0));
        let long = borders.expected_s([0.9, 0.8, 0.7], 30_000.0);
        assert!(long > borders.expected_s([0.5, 0.3, 0.1], 30_000.0));
    }
}
