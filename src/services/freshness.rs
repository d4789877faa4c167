//! How long it takes from an event to its effect, as it really was.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Samples that are kept: at a thousand batches a second, the last few seconds.
const SAMPLES: usize = 4_096;
/// Older samples say nothing of now.
const WINDOW: Duration = Duration::from_mins(10);

/// Where an event has its effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// In the state of its viewer, which shapes the next page.
    ViewerState,
    /// In the index, which all viewers' pages are made from.
    Index,
    /// In what is learned of it, which ranks them.
    Model,
}

impl Effect {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::ViewerState, Self::Index, Self::Model];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ViewerState => "viewer_state",
            Self::Index => "index",
            Self::Model => "model",
        }
    }
}

/// What the samples of an effect say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lags {
    /// Events or batches in the window.
    pub samples: usize,
    /// The median.
    pub p50: Duration,
    /// Nine of ten are below.
    pub p90: Duration,
    /// Ninety-nine of a hundred are below.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

#[derive(Debug, Default)]
struct Ring {
    samples: Vec<(Instant, Duration)>,
    next: usize,
}

impl Ring {
    fn add(&mut self, sample: (Instant, Duration)) {
        if self.samples.len() < SAMPLES {
            self.samples.push(sample);
        } else {
            self.samples[self.next] = sample;
        }
        self.next = (self.next + 1) % SAMPLES;
    }

    fn lags(&self, now: Instant) -> Lags {
        let is_new = |(at, _): &&(Instant, Duration)| now.duration_since(*at) <= WINDOW;
        let mut lags: Vec<Duration> =
            self.samples.iter().filter(is_new).map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        let at = |share: usize| {
            let place = (lags.len() * share).div_ceil(1_000).saturating_sub(1);
            lags.get(place).copied().unwrap_or_default()
        };
        Lags { samples: lags.len(), p50: at(500), p90: at(900), p99: at(990), max: at(1_000) }
    }
}

/// Collects samples.
#[derive(Debug, Default)]
pub struct Freshness([Mutex<Ring>; 3]);

impl Freshness {
    /// An effect came about so long after its event was accepted.
    pub fn note(&self, effect: Effect, lag: Duration) {
        self.0[effect as usize].lock().add((Instant::now(), lag));
    }

    /// What the last minutes say of an effect.
    pub fn lags(&self, effect: Effect) -> Lags {
        self.0[effect as usize].lock().lags(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_minutes() {
        let (start, mut ring) = (Instant::now(), Ring::default());
        ring.add((start, Duration::from_hours(1)));
        let now = start + WINDOW + Duration::from_secs(1);
        assert_eq!(ring.lags(now), Lags::default());
        for ms in (1..=200).rev() {
            ring.add((now, Duration::from_millis(ms)));
        }
        let lags = ring.lags(now);
        let ms = [lags.p50, lags.p90, lags.p99, lags.max].map(|lag| lag.as_millis());
        assert_eq!((lags.samples, ms), (200, [100, 180, 198, 200]));
        for _ in 0..2 * SAMPLES {
            ring.add((now, Duration::from_millis(7)));
        }
        let lags = ring.lags(now);
        assert_eq!((lags.samples, lags.max), (SAMPLES, Duration::from_millis(7)), "bounded");
    }

    #[test]
    fn effects_are_kept_apart() {
        let freshness = Freshness::default();
        freshness.note(Effect::Index, Duration::from_millis(1));
        assert_eq!(freshness.lags(Effect::Index).samples, 1);
        assert_eq!(freshness.lags(Effect::ViewerState).samples, 0);
    }
}
