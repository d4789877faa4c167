//! Puts pictures of any timing on a constant frame grid.

use crate::domain::rendition::FrameRate;

/// How far the last picture is held when only its packet says how long it lasts.
const HOLD_SECONDS_MAX: f64 = 10.0;
/// A picture that lies half-way between two frames takes the earlier one: a source of twice the
/// rate then keeps its even pictures, at their exact times.
const TIE_FRAMES: f64 = 0.01;

/// What to do with one decoded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Frames to fill first with the previous picture (with this one if it is the first).
    pub fill: u64,
    /// Whether this picture gets a frame; if not, it may still fill later ones.
    pub shown: bool,
}

/// Counts frames of constant rate and says which picture each one shows.
#[derive(Debug)]
pub struct Pacer {
    rate: FrameRate,
    next: u64,
    frames_max: u64,
}

/// A picture lies beyond the longest clip.
#[derive(Debug, PartialEq, Eq)]
pub struct BeyondEnd;

impl Pacer {
    /// Starts at frame zero; pictures after `seconds_max` are refused.
    pub fn new(rate: FrameRate, seconds_max: f64) -> Self {
        let frames_max = (seconds_max * rate.per_second()) as u64 + 2;
        Self { rate, next: 0, frames_max }
    }

    /// Places a picture. Without a timestamp it follows the one before.
    pub fn place(&mut self, seconds: Option<f64>) -> Result<Placement, BeyondEnd> {
        let frame = seconds.map_or(self.next as f64, |seconds| {
            (seconds * self.rate.per_second() - TIE_FRAMES).round()
        });
        if !frame.is_finite() || frame > self.frames_max as f64 {
            return Err(BeyondEnd);
        }
        if frame < self.next as f64 {
            return Ok(Placement { fill: 0, shown: false });
        }
        let frame = frame as u64;
        let fill = frame - self.next;
        self.next = frame + 1;
        Ok(Placement { fill, shown: true })
    }

    /// Frames for which the last picture stays, when its packet ends at `end_seconds`. A recording
    /// of a still screen is all in its last picture.
    pub fn hold(&mut self, end_seconds: f64) -> u64 {
        let end = end_seconds.min(self.seconds() + HOLD_SECONDS_MAX) * self.rate.per_second();
        let end = (end - TIE_FRAMES).round().min(self.frames_max as f64).max(0.0) as u64;
        let fill = end.saturating_sub(self.next);
        self.next += fill;
        fill
    }

    /// Length of the grid so far.
    pub fn seconds(&self) -> f64 {
        self.next as f64 / self.rate.per_second()
    }
}

#[cfg(test)]
mod tests {
    use super::{BeyondEnd, Pacer, Placement};
    use crate::domain::rendition::FrameRate;
    use proptest::prelude::*;

    const THIRTY: FrameRate = FrameRate { frames: 30, seconds: 1 };

    fn place(pacer: &mut Pacer, seconds: f64) -> (u64, bool) {
        let Placement { fill, shown } = pacer.place(Some(seconds)).unwrap();
        (fill, shown)
    }

    #[test]
    fn a_constant_source_is_taken_one_to_one() {
        let mut pacer = Pacer::new(THIRTY, 600.0);
        for frame in 0..300 {
            // Milliseconds, as Matroska rounds them.
            let seconds = (f64::from(frame) * 1000.0 / 30.0).round() / 1000.0;
            assert_eq!(place(&mut pacer, seconds), (0, true));
        }
        assert_eq!(pacer.next, 300);
    }

    #[test]
    fn twice_the_rate_keeps_the_even_pictures() {
        let mut pacer = Pacer::new(THIRTY, 600.0);
        for frame in 0..120 {
            let (fill, shown) = place(&mut pacer, f64::from(frame) / 60.0);
            assert_eq!((fill, shown), (0, frame % 2 == 0), "picture {frame}");
        }
    }

    #[test]
    fn gaps_are_filled_and_the_last_picture_is_held() {
        let mut pacer = Pacer::new(THIRTY, 600.0);
        assert_eq!(place(&mut pacer, 0.1), (3, true), "a late start is filled");
        assert_eq!(place(&mut pacer, 1.0), (26, true));
        assert_eq!(place(&mut pacer, 0.5), (0, false), "time does not run backwards");
        assert_eq!(pacer.hold(2.5), 44);
        assert_eq!(pacer.hold(1_000.0), 300, "but not for ever");
    }

    #[test]
    fn absurd_times_are_refused() {
        let mut pacer = Pacer::new(THIRTY, 10.0);
        assert_eq!(pacer.place(Some(550_800.0)), Err(BeyondEnd));
        assert_eq!(pacer.place(Some(f64::NAN)), Err(BeyondEnd));
        assert_eq!(pacer.place(None), Ok(Placement { fill: 0, shown: true }));
    }

    proptest! {
        /// Frames are neither lost nor doubled: the count follows from what was placed.
        #[test]
        fn the_grid_has_no_holes(times in prop::collection::vec(-1.0f64..60.0, 1..200)) {
            let mut pacer = Pacer::new(THIRTY, 60.0);
            let mut frames = 0;
            for seconds in times {
                let placement = pacer.place(Some(seconds)).unwrap();
                frames += placement.fill + u64::from(placement.shown);
                prop_assert_eq!(pacer.next, frames);
                prop_assert!(pacer.seconds() + 0.02 >= seconds);
            }
        }
    }
}
