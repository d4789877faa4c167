//! What a viewer did last: the short memory beside the counted one.
//!
//! A fold over the viewer's own events, small enough to live in every viewer's state. It yields plain
//! numbers for the heads: those of the page ([`ViewerTrace::of_page`]) and those that also depend on how
//! long a clip runs ([`ViewerTrace::of_duration`]), by bucket, so that a page needs each bucket once.

use super::numbers::{exp, ln_1p, log_odds};
use super::snapshot::{Reader, SnapshotError, Writer};
use crate::ranking::maths::ln;

/// Buckets of durations, three to a factor of e; bucket 0 is an unknown duration.
pub const DURATION_BUCKETS: usize = 24;
/// Bins of watch times, two to a factor of e from one second on.
const WATCH_BINS: usize = 16;
/// How many outcomes are remembered one by one.
const LAST: usize = 3;
/// A pause longer than this ends a session.
const PAUSE_MS: i64 = 30 * 60 * 1_000;
/// How much of the watch times' histogram stays with each new one.
const KEEP: f32 = 0.95;
/// Borders, in seconds, of which the share of watches beyond is a number of its own.
const BORDERS_S: [f32; 3] = [3.0, 9.0, 18.0];

/// See the module's head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewerTrace<const L: usize> {
    last_ms: i64,
    in_session: u32,
    known: u32,
    last: [[f32; L]; LAST],
    watches: [f32; WATCH_BINS],
    watch_sum: f32,
    watch_log: f32,
}

impl<const L: usize> Default for ViewerTrace<L> {
    fn default() -> Self {
        Self {
            last_ms: 0,
            in_session: 0,
            known: 0,
            last: [[f32::NAN; L]; LAST],
            watches: [0.0; WATCH_BINS],
            watch_sum: 0.0,
            watch_log: 0.0,
        }
    }
}

/// The bucket of a clip's duration; 0 for one that is unknown.
#[inline]
pub fn duration_bucket(duration_ms: f32) -> usize {
    if duration_ms.is_nan() || duration_ms <= 0.0 {
        return 0;
    }
    let thirds = ln((duration_ms / 1_000.0).clamp(1.0, 1e6)) * 3.0;
    (1 + thirds as usize).min(DURATION_BUCKETS - 1)
}

/// A duration, in seconds, that stands for its bucket.
#[inline]
fn duration_of(bucket: usize) -> f32 {
    exp((bucket as f32 - 0.5) / 3.0)
}

#[inline]
fn watch_bin(watch_s: f32) -> usize {
    ((ln(watch_s.clamp(1.0, 1e6)) * 2.0) as usize).min(WATCH_BINS - 1)
}

impl<const L: usize> ViewerTrace<L> {
    /// Numbers of a page.
    pub const OF_PAGE: usize = 19 + LAST * L + BORDERS_S.len();
    /// Numbers of a page and a duration.
    pub const OF_DURATION: usize = 4;

    /// Takes in an outcome: labels 0..1 or NaN, the watch time or NaN, the time or 0 where unknown.
    pub fn observe(&mut self, labels: &[f32; L], watch_ms: f32, at_ms: i64) {
        if at_ms > 0 {
            let paused = at_ms.saturating_sub(self.last_ms) > PAUSE_MS;
            self.in_session = if paused { 0 } else { self.in_session.saturating_add(1) };
            self.last_ms = at_ms.max(self.last_ms);
            self.last.rotate_right(1);
            self.last[0] = *labels;
            self.known = self.known.saturating_add(1);
        }
        if watch_ms >= 0.0 && watch_ms.is_finite() {
            for bin in &mut self.watches {
                *bin *= KEEP;
            }
            let watch_s = watch_ms / 1_000.0;
            self.watch_sum = self.watch_sum * KEEP + 1.0;
            self.watches[watch_bin(watch_s)] += 1.0;
            let pace = (1.0 / self.watch_sum).max(0.2);
            self.watch_log += (ln(watch_s.clamp(0.1, 1e6)) - self.watch_log) * pace;
        }
    }

    /// Appends it to a snapshot; labels that are not known as -1.
    pub fn write(&self, into: &mut Writer) {
        into.word(self.last_ms as u64);
        into.word(u64::from(self.in_session) | u64::from(self.known) << 32);
        for last in &self.last {
            into.floats(&last.map(|label| if label.is_nan() { -1.0 } else { label }));
        }
        into.floats(&self.watches);
        into.floats(&[self.watch_sum, self.watch_log]);
    }

    /// Reads it back.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (last_ms, counts) = (from.word()? as i64, from.word()?);
        let mut last = [[0.0; L]; LAST];
        for labels in &mut last {
            *labels = from.floats::<L>()?.map(|label| if label < 0.0 { f32::NAN } else { label });
        }
        let watches = from.floats()?;
        let [watch_sum, watch_log] = from.floats()?;
        let (in_session, known) = (counts as u32, (counts >> 32) as u32);
        Ok(Self { last_ms, in_session, known, last, watches, watch_sum, watch_log })
    }

    /// When the last event was, in milliseconds; 0 before any.
    pub fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// The log-odds that a watch of this viewer lasts longer than so many seconds.
    #[inline]
    fn outlasts(&self, seconds: f32) -> f32 {
        let beyond: f32 = self.watches[watch_bin(seconds)..].iter().sum();
        log_odds(beyond + 0.4, (self.watch_sum - beyond).max(0.0) + 0.6)
    }

    /// Appends the numbers of a page at `now_ms` (0: unknown); `base` are the usual rates.
    pub fn of_page(&self, now_ms: i64, base: &[f32; L], into: &mut Vec<f32>) {
        let start = into.len();
        into.resize(start + Self::OF_PAGE, 0.0);
        let numbers = &mut into[start..];
        if now_ms <= 0 || self.known == 0 {
            numbers[0] = 1.0;
        } else {
            let pause_s = now_ms.saturating_sub(self.last_ms).max(0) as f32 / 1_000.0;
            let pause = ln_1p(pause_s);
            numbers[1] = 0.2 * pause;
            numbers[2 + (pause as usize).min(13)] = 1.0;
            let paused = pause_s * 1_000.0 > PAUSE_MS as f32;
            let in_session = if paused { 0.0 } else { self.in_session as f32 };
            numbers[16] = 0.3 * ln_1p(in_session);
            for (number, label) in numbers[19..].iter_mut().zip(self.last.as_flattened()) {
                *number = if label.is_nan() { 0.0 } else { *label };
            }
            for (at, usual) in base.iter().cycle().enumerate().take(LAST * L) {
                if !self.last[at / L][at % L].is_nan() {
                    numbers[19 + at] -= usual;
                }
            }
        }
        if self.watch_sum > 0.0 {
            numbers[17] = 0.3 * (self.watch_log - 2.0);
            numbers[18] = 0.3 * ln_1p(self.watch_sum);
            for (number, border) in numbers[19 + LAST * L..].iter_mut().zip(BORDERS_S) {
                *number = 0.4 * self.outlasts(border);
            }
        }
    }

    /// Appends the numbers that depend on a clip's duration too.
    pub fn of_duration(&self, bucket: usize, into: &mut Vec<f32>) {
        let mut numbers = [0.0; 4];
        if bucket > 0 {
            let seconds = duration_of(bucket);
            numbers[3] = 0.3 * (ln(seconds.max(1.0)) - 3.0);
            if self.watch_sum > 0.0 {
                numbers[0] = 0.5 * self.outlasts(seconds);
                numbers[1] = 0.5 * self.outlasts(seconds * 0.5);
                numbers[2] = 0.5 * self.outlasts(seconds.min(18.0));
            }
        }
        into.extend_from_slice(&numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_the_duration() {
        assert_eq!(duration_bucket(f32::NAN), 0);
        assert_eq!(duration_bucket(-1.0), 0);
        let mut before = 0;
        for duration_ms in [1.0, 2_000.0, 5_000.0, 10_000.0, 30_000.0, 120_000.0, 1e12] {
            let bucket = duration_bucket(duration_ms);
            assert!(
                bucket > before || duration_ms <= 1.0 && bucket == 1,
                "{duration_ms}: {bucket}"
            );
            before = bucket;
        }
        assert!(before < DURATION_BUCKETS);
        for bucket in 1..DURATION_BUCKETS {
            assert_eq!(duration_bucket(duration_of(bucket) * 1_000.0), bucket);
        }
    }

    #[test]
    fn a_patient_viewer_is_told_from_a_hasty_one() {
        let (mut patient, mut hasty) = (ViewerTrace::<1>::default(), ViewerTrace::<1>::default());
        for round in 1..=20 {
            patient.observe(&[1.0], 60_000.0, round * 70_000);
            hasty.observe(&[0.0], 1_500.0, round * 70_000);
        }
        let bucket = duration_bucket(20_000.0);
        let numbers = |trace: &ViewerTrace<1>| {
            let mut numbers = Vec::new();
            trace.of_page(1_500_000, &[0.5], &mut numbers);
            trace.of_duration(bucket, &mut numbers);
            assert_eq!(numbers.len(), ViewerTrace::<1>::OF_PAGE + ViewerTrace::<1>::OF_DURATION);
            numbers
        };
        let (patient, hasty) = (numbers(&patient), numbers(&hasty));
        let of_duration = ViewerTrace::<1>::OF_PAGE;
        assert!(patient[of_duration] > 0.5 && hasty[of_duration] < -0.5);
        assert!(patient[19] > 0.0 && hasty[19] < 0.0, "what was last");
    }

    #[test]
    fn numbers_are_finite_whatever_was_observed() {
        let mut trace = ViewerTrace::<2>::default();
        for (watch, at) in
            [(f32::NAN, 0), (f32::INFINITY, i64::MAX), (-1.0, -5), (1e30, 7), (0.0, 1)]
        {
            trace.observe(&[f32::NAN, 1.0], watch, at);
            let mut numbers = Vec::new();
            trace.of_page(i64::MAX, &[0.1, 0.2], &mut numbers);
            trace.of_duration(5, &mut numbers);
            assert!(numbers.iter().all(|number| number.is_finite()), "{watch} {at}: {numbers:?}");
        }
    }
}
