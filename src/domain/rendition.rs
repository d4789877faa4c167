//! Which pictures a clip is offered in: upright geometry, frame rate, segment grid and the ladder
//! of sizes and bit rates. Nothing here is ever larger than its source.

/// Largest short side of a rendition, in pixels: a phone's width at full density.
pub const SHORT_SIDE_MAX: u32 = 1_080;
/// Largest long side of a rendition: two to one, wider than any phone is tall.
pub const LONG_SIDE_MAX: u32 = 2 * SHORT_SIDE_MAX;
/// Rungs that every source gets if it is large enough: one for the start, one for a good network,
/// one for a bad one.
pub const RUNGS_MIN: usize = 3;
/// Length that segments aim at, in seconds: a player starts after one of them.
pub const SEGMENT_SECONDS: f64 = 2.0;

/// Short sides that are always offered.
const STANDARD_SIDES: [u32; 4] = [1_080, 720, 540, 360];
/// Short sides that fill up the ladder of a small source.
const FILLING_SIDES: [u32; 3] = [240, 180, 144];
/// Two rungs closer than this differ too little to be worth encoding both.
const RUNG_SPACING: f64 = 1.2;

/// How a decoded picture must be turned to stand upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Clockwise quarter turns, 0..=3, applied after the flip.
    pub quarter_turns: u8,
    /// Whether the picture is first flipped upside down; with turns this makes every mirror image.
    pub flipped: bool,
}

impl Orientation {
    /// Reads a display matrix: nine row-major integers, of which the upper left 2 x 2 block rotates
    /// and mirrors (ISO/IEC 14496-12, `tkhd`). A degenerate matrix means "as it is".
    pub fn from_display_matrix(matrix: &[i32; 9]) -> Self {
        let [a, b, c, d] = [matrix[0], matrix[1], matrix[3], matrix[4]].map(f64::from);
        let (scale_x, scale_y) = (a.hypot(c), b.hypot(d));
        let determinant = a * d - b * c;
        if scale_x == 0.0 || scale_y == 0.0 || determinant == 0.0 {
            return Self::default();
        }
        let degrees = (b / scale_y).atan2(a / scale_x).to_degrees();
        let quarter_turns = (degrees / 90.0).round().rem_euclid(4.0) as u8;
        Self { quarter_turns, flipped: determinant < 0.0 }
    }

    /// Whether width and height change places.
    pub const fn swaps_sides(self) -> bool {
        self.quarter_turns % 2 == 1
    }
}

/// The size of a source as a viewer sees it, in square pixels: stretched by the sample aspect
/// ratio, then turned upright. Not rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upright {
    /// Horizontal side.
    pub width: f64,
    /// Vertical side.
    pub height: f64,
}

impl Upright {
    /// The upright size of a coded picture. `aspect` is the sample aspect ratio (width : height of
    /// one pixel); a missing or absurd one (beyond 8 : 1) counts as square.
    pub fn new(coded: (u32, u32), aspect: (i32, i32), orientation: Orientation) -> Self {
        let ratio = f64::from(aspect.0) / f64::from(aspect.1);
        let sane = aspect.0 > 0 && aspect.1 > 0 && (0.125..=8.0).contains(&ratio);
        let width = f64::from(coded.0) * if sane { ratio } else { 1.0 };
        let height = f64::from(coded.1);
        if orientation.swaps_sides() {
            Self { width: height, height: width }
        } else {
            Self { width, height }
        }
    }

    fn short(self) -> f64 {
        self.width.min(self.height)
    }

    fn long(self) -> f64 {
        self.width.max(self.height)
    }
}

/// Frames per second as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// Frames …
    pub frames: u32,
    /// … in this many seconds.
    pub seconds: u32,
}

/// Rates that displays and editors know (SMPTE and web practice), ascending.
const STANDARD_RATES: [FrameRate; 14] = [
    FrameRate { frames: 10, seconds: 1 },
    FrameRate { frames: 12, seconds: 1 },
    FrameRate { frames: 25, seconds: 2 },
    FrameRate { frames: 15, seconds: 1 },
    FrameRate { frames: 20, seconds: 1 },
    FrameRate { frames: 24_000, seconds: 1_001 },
    FrameRate { frames: 24, seconds: 1 },
    FrameRate { frames: 25, seconds: 1 },
    FrameRate { frames: 30_000, seconds: 1_001 },
    FrameRate { frames: 30, seconds: 1 },
    FrameRate { frames: 48, seconds: 1 },
    FrameRate { frames: 50, seconds: 1 },
    FrameRate { frames: 60_000, seconds: 1_001 },
    FrameRate { frames: 60, seconds: 1 },
];

impl FrameRate {
    /// Frames per second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }

    /// The rate of the renditions: always a standard one, at most about `cap` per second.
    ///
    /// `average` is frames by duration, `nominal` the rate that the container claims; either may be
    /// nonsense. A standard nominal rate wins unless the average is more than 12 % above it: edit
    /// lists, dropped frames and pauses move the average, not the grid on which pictures were
    /// taken. Otherwise the next standard rate at or above the average, so that no frame is lost.
    /// Rates above the cap are halved, which keeps motion even.
    pub fn choose(average: f64, nominal: f64, cap: f64) -> Self {
        let plausible = |rate: f64| rate.is_finite() && rate > 4.0;
        let named = Self::nearest(nominal, 0.000_5)
            .filter(|_| !plausible(average) || average < nominal * 1.12);
        let wanted = if plausible(average) { average } else { 30.0 };
        let measured = || Self::nearest(wanted, 0.01).unwrap_or_else(|| Self::at_or_above(wanted));
        let mut rate = named.unwrap_or_else(measured);
        while rate.per_second() > cap * 1.01 {
            rate = Self { frames: rate.frames, seconds: rate.seconds * 2 }.reduced();
        }
        rate
    }

    /// The standard rate nearest to `wanted`, if it is within that fraction of it.
    fn nearest(wanted: f64, tolerance: f64) -> Option<Self> {
        let distance = |rate: &Self| (rate.per_second() / wanted - 1.0).abs();
        STANDARD_RATES
            .into_iter()
            .filter(|rate| distance(rate) < tolerance)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    fn at_or_above(wanted: f64) -> Self {
        let fastest = STANDARD_RATES[STANDARD_RATES.len() - 1];
        STANDARD_RATES.into_iter().find(|rate| rate.per_second() >= wanted).unwrap_or(fastest)
    }

    fn reduced(self) -> Self {
        if self.frames.is_multiple_of(2) && self.seconds.is_multiple_of(2) {
            Self { frames: self.frames / 2, seconds: self.seconds / 2 }
        } else {
            self
        }
    }
}

/// Where segments begin: at the same frame in every rendition, so that players may switch at each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentGrid {
    /// The constant rate of the renditions.
    pub rate: FrameRate,
    /// Frames of one segment; the last may have fewer.
    pub frames: u64,
}

impl SegmentGrid {
    /// The whole number of frames nearest to [`SEGMENT_SECONDS`]: exact for integer rates.
    pub fn new(rate: FrameRate) -> Self {
        Self { rate, frames: (SEGMENT_SECONDS * rate.per_second()).round().max(1.0) as u64 }
    }

    /// Whether a segment, and with it a key frame, begins at that frame.
    pub const fn begins_at(self, frame: u64) -> bool {
        frame.is_multiple_of(self.frames)
    }

    /// Length of a full segment in seconds.
    pub fn segment_seconds(self) -> f64 {
        self.frames as f64 / self.rate.per_second()
    }
}

/// One size in which a clip is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Cap of the video's bit rate, in bits per second.
    pub bitrate_max: u32,
}

impl Rung {
    /// The smaller side, by which a rung is known ("720").
    pub const fn short_side(self) -> u32 {
        if self.width < self.height { self.width } else { self.height }
    }

    fn fit(upright: Upright, short_side: f64) -> Self {
        let scale = short_side / upright.short();
        let side = |source: f64| even(source * scale).min(even_below(source)).max(2);
        let (width, height) = (side(upright.width), side(upright.height));
        Self { width, height, bitrate_max: bitrate_max(width, height) }
    }
}

/// 1.35 Mb/s for 360 x 640, growing with the three-quarter power of the pixels: details grow slower
/// than area. 1080 x 1920 comes to 6.6 Mb/s.
fn bitrate_max(width: u32, height: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    (1_350_000.0 * (pixels / 230_400.0).powf(0.75)) as u32
}

fn even(side: f64) -> u32 {
    (side / 2.0).round() as u32 * 2
}

fn even_below(side: f64) -> u32 {
    // The sum of aspect and scale may end a hair below a whole number.
    (side / 2.0 + 1e-6).floor() as u32 * 2
}

/// The rungs of a source, largest first, never empty, never larger than the source.
///
/// Standard short sides up to the source's; the source's own size on top if the next lower rung
/// would lose a fifth of it; smaller sides below until there are [`RUNGS_MIN`], if the source
/// allows.
pub fn ladder(source: Upright) -> Vec<Rung> {
    // Very long pictures are limited by their long side: the box is 1080 x 2160 either way up.
    let box_scale = (f64::from(LONG_SIDE_MAX) / source.long()).min(1.0);
    let own =
        f64::from(even_below((source.short() * box_scale).min(f64::from(SHORT_SIDE_MAX)))).max(2.0);
    let mut sides: Vec<f64> =
        STANDARD_SIDES.into_iter().map(f64::from).filter(|&side| side <= own).collect();
    if sides.first().is_none_or(|&top| own >= top * RUNG_SPACING) {
        sides.insert(0, own);
    }
    for side in FILLING_SIDES.map(f64::from) {
        let lowest = sides[sides.len() - 1];
        if sides.len() < RUNGS_MIN && lowest >= side * RUNG_SPACING {
            sides.push(side);
        }
    }
    if sides.len() < RUNGS_MIN && own > sides[0] {
        sides.insert(0, own);
    }
    sides.into_iter().map(|side| Rung::fit(source, side)).collect()
}

#[cfg(test)]
#[path = "rendition_tests.rs"]
mod tests;
