//! What must hold of geometry, rates and ladders.

use super::{FrameRate, LONG_SIDE_MAX, Orientation, RUNGS_MIN, Rung, SegmentGrid, Upright, ladder};
use proptest::prelude::*;

fn upright(width: u32, height: u32) -> Upright {
    Upright::new((width, height), (1, 1), Orientation::default())
}

fn sizes(source: Upright) -> Vec<(u32, u32)> {
    ladder(source).into_iter().map(|rung| (rung.width, rung.height)).collect()
}

fn short_sides(width: u32, height: u32) -> Vec<u32> {
    ladder(upright(width, height)).into_iter().map(Rung::short_side).collect()
}

#[test]
fn common_sources_get_the_expected_sizes() {
    let cases: &[((u32, u32), &[u32])] = &[
        ((1080, 1920), &[1080, 720, 540, 360]),
        ((1920, 1080), &[1080, 720, 540, 360]),
        ((2160, 3840), &[1080, 720, 540, 360]),
        ((720, 1280), &[720, 540, 360]),
        ((1000, 1778), &[1000, 720, 540, 360]),
        ((607, 1081), &[540, 360, 240]),
        ((540, 960), &[540, 360, 240]),
        ((480, 854), &[480, 360, 240]),
        ((400, 700), &[360, 240, 180]),
        ((360, 640), &[360, 240, 180]),
        ((320, 568), &[320, 240, 180]),
        ((240, 426), &[240, 180, 144]),
        ((200, 356), &[200, 144]),
        ((160, 90), &[90]),
        ((64, 64), &[64]),
        // A tower: its height is what limits it.
        ((1080, 3000), &[720, 540, 360]),
    ];
    for &((width, height), expected) in cases {
        assert_eq!(short_sides(width, height), expected, "{width}x{height}");
    }
    assert_eq!(sizes(upright(720, 1280)), [(720, 1280), (540, 960), (360, 640)]);
}

#[test]
fn pixels_that_are_not_square_are_stretched_before_the_turn() {
    let wide = Upright::new((720, 576), (64, 45), Orientation::default());
    assert_eq!(sizes(wide)[0], (960, 540));
    let turned = Orientation { quarter_turns: 1, flipped: false };
    let tall = Upright::new((720, 576), (64, 45), turned);
    assert_eq!(sizes(tall)[0], (540, 960));
    for nonsense in [(0, 1), (1, 0), (-1, 1), (100, 1), (1, 100)] {
        assert_eq!(Upright::new((640, 360), nonsense, Orientation::default()), upright(640, 360));
    }
}

#[test]
fn display_matrices_turn_and_mirror() {
    const ONE: i32 = 1 << 16;
    let read = |a, b, c, d| {
        let turn = Orientation::from_display_matrix(&[a, b, 0, c, d, 0, 0, 0, 1 << 30]);
        (turn.quarter_turns, turn.flipped)
    };
    assert_eq!(read(ONE, 0, 0, ONE), (0, false));
    assert_eq!(read(0, ONE, -ONE, 0), (1, false));
    assert_eq!(read(-ONE, 0, 0, -ONE), (2, false));
    assert_eq!(read(0, -ONE, ONE, 0), (3, false));
    assert_eq!(read(ONE, 0, 0, -ONE), (0, true));
    assert_eq!(read(-ONE, 0, 0, ONE), (2, true));
    assert_eq!(read(0, 0, 0, 0), (0, false), "degenerate");
    assert_eq!(read(ONE, 0, 0, 0), (0, false), "degenerate");
}

#[test]
fn rates_are_standard_and_capped() {
    let choose = |average, nominal, cap| {
        let rate = FrameRate::choose(average, nominal, cap);
        (rate.frames, rate.seconds)
    };
    assert_eq!(choose(30.0, 30.0, 30.0), (30, 1));
    assert_eq!(choose(29.41, 30.0, 30.0), (30, 1), "an edit list moved the average");
    assert_eq!(choose(4.3, 30.0, 30.0), (30, 1), "a recording with pauses");
    assert_eq!(choose(30.0, 25.0, 30.0), (30, 1), "more pictures than the nominal rate holds");
    assert_eq!(choose(29.97, 29.970_03, 30.0), (30_000, 1_001));
    assert_eq!(choose(25.0, 25.0, 30.0), (25, 1));
    assert_eq!(choose(60.0, 60.0, 30.0), (30, 1));
    assert_eq!(choose(59.94, 59.940_06, 30.0), (30_000, 1_001));
    assert_eq!(choose(50.0, 50.0, 30.0), (25, 1));
    assert_eq!(choose(240.0, 240.0, 30.0), (30, 1));
    assert_eq!(choose(50.0, 50.0, 60.0), (50, 1));
    assert_eq!(choose(26.1, 600.0, 30.0), (30_000, 1_001), "variable: next rate above");
    assert_eq!(choose(30.02, 90_000.0, 30.0), (30, 1), "a hair above is not the next rate");
    assert_eq!(choose(f64::NAN, f64::NAN, 30.0), (30, 1));
    assert_eq!(choose(f64::INFINITY, 0.0, 30.0), (30, 1));
    assert_eq!(choose(f64::NAN, 25.0, 30.0), (25, 1));
}

#[test]
fn segments_last_two_seconds_at_whole_rates() {
    for frames in [10, 12, 15, 20, 24, 25, 30, 50, 60] {
        let grid = SegmentGrid::new(FrameRate { frames, seconds: 1 });
        assert_eq!(grid.frames, u64::from(frames) * 2);
        assert!((grid.segment_seconds() - 2.0).abs() < 1e-12);
        assert!(grid.begins_at(0) && grid.begins_at(grid.frames) && !grid.begins_at(1));
    }
    let ntsc = SegmentGrid::new(FrameRate { frames: 30_000, seconds: 1_001 });
    assert_eq!(ntsc.frames, 60);
}

proptest! {
    /// No side of any rung is above the source's, and all are even.
    #[test]
    fn a_ladder_never_upscales(width in 64u32..8192, height in 64u32..8192) {
        for rung in ladder(upright(width, height)) {
            prop_assert!(rung.width <= width && rung.height <= height);
            prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0);
            prop_assert!(rung.width.max(rung.height) <= LONG_SIDE_MAX);
            prop_assert!(rung.width >= 2 && rung.height >= 2);
        }
    }

    /// Rungs shrink strictly, and so do their bit rates.
    #[test]
    fn a_ladder_is_monotone(width in 64u32..8192, height in 64u32..8192) {
        for pair in ladder(upright(width, height)).windows(2) {
            prop_assert!(pair[0].short_side() > pair[1].short_side());
            prop_assert!(pair[0].width > pair[1].width && pair[0].height > pair[1].height);
            prop_assert!(pair[0].bitrate_max > pair[1].bitrate_max);
        }
    }

    /// Rounding to even sides moves the shape by less than two pixels.
    #[test]
    fn a_ladder_keeps_the_shape(width in 64u32..8192, height in 64u32..8192) {
        for rung in ladder(upright(width, height)) {
            let scale = f64::from(rung.width) / f64::from(width);
            let slack = 2.0 + 2.0 * f64::from(height) / f64::from(width);
            prop_assert!((f64::from(rung.height) - f64::from(height) * scale).abs() <= slack);
        }
    }

    /// A phone's video, even an old phone's, has three rungs; the top one keeps most of the source.
    #[test]
    fn ordinary_videos_have_three_rungs(short in 300u32..=1080, aspect in 1.0f64..2.0) {
        let long = (f64::from(short) * aspect) as u32;
        let rungs = ladder(upright(short, long));
        prop_assert!(rungs.len() >= RUNGS_MIN);
        prop_assert!(f64::from(rungs[0].short_side()) * 1.2 >= f64::from(short) - 2.0);
    }

    /// Turning the source turns the ladder.
    #[test]
    fn a_ladder_turns_with_its_source(width in 64u32..4096, height in 64u32..4096) {
        let turned: Vec<_> =
            sizes(upright(height, width)).into_iter().map(|(w, h)| (h, w)).collect();
        prop_assert_eq!(sizes(upright(width, height)), turned);
    }

    /// Whatever a container claims, the rate is usable.
    #[test]
    fn a_rate_is_always_sane(average in any::<f64>(), nominal in any::<f64>()) {
        let rate = FrameRate::choose(average, nominal, 30.0).per_second();
        prop_assert!((4.0..=30.3).contains(&rate));
    }
}
