//! The feed's heads as a whole: what they learn, that parts add up, that they come back from bytes.

use super::feed::{
    ClipKeys, FeedBounds, FeedHeads, HEADS, Head, LANES, Outcome, Trace, ViewerKeys,
};
use super::numbers::mix;
use super::parts::ClipPart;
use super::snapshot::SnapshotError;

const BOUNDS: FeedBounds =
    FeedBounds { cells_max: 1 << 14, viewers_max: 1 << 10, clips_max: 1 << 10 };
const VIEWERS: u64 = 40;

fn clip(number: u64) -> ClipKeys {
    ClipKeys {
        clip: 1_000 + number,
        entities: [
            50 + number % 7,
            80 + number % 3,
            0,
            if number.is_multiple_of(2) { 90 } else { 0 },
            0,
        ],
        duration_ms: 5_000 + (number as u32 % 5) * 9_000,
    }
}

fn viewer(number: u64) -> ViewerKeys {
    ViewerKeys { viewer: 1 + number, market: (number % 2) as u16, surface: 0 }
}

struct World {
    heads: FeedHeads,
    traces: Vec<Trace>,
}

/// Viewers of even numbers watch category 0 to the end and like it; the others skip it. The rest is chance.
fn world(rounds: u64) -> World {
    let mut heads = FeedHeads::new(BOUNDS);
    let mut traces = vec![Trace::default(); VIEWERS as usize];
    for round in 0..rounds {
        let (who, what) = (mix(round) % VIEWERS, mix(round ^ 1 << 50) % 60);
        let clip = clip(what);
        let chance = mix(round ^ 1 << 51);
        let taken =
            if what.is_multiple_of(3) { who.is_multiple_of(2) } else { chance.is_multiple_of(2) };
        let watch_ms = Some(if taken { clip.duration_ms } else { 1_000 });
        let mut outcome = Outcome { watch_ms, ..Outcome::default() };
        outcome.labels[Head::Like as usize] = Some(taken && chance.is_multiple_of(3));
        outcome.labels[Head::TagTap as usize] = Some(chance.is_multiple_of(10));
        outcome.labels[Head::Buy as usize] = Some(chance.is_multiple_of(20));
        let at_ms = 1_000_000 + round as i64 * 20_000;
        let trace = &mut traces[who as usize];
        heads.learn(&viewer(who), &clip, trace, &outcome, at_ms);
        if round.is_multiple_of(50) {
            heads.learn_late(&viewer(who), &clip, trace, Head::Share, at_ms);
        }
    }
    World { heads, traces }
}

const NOW_MS: i64 = 1_000_000 + 30_000 * 20_000;

#[test]
fn opposite_histories_get_opposite_predictions() {
    let world = world(20_000);
    let p =
        |who: u64| world.heads.predict(&viewer(who), &clip(3), &world.traces[who as usize], NOW_MS);
    let (fond, averse) = (p(2), p(3));
    assert!(fond[Head::Finish as usize] > 0.7, "{fond:?}");
    assert!(averse[Head::Finish as usize] < 0.3, "{averse:?}");
    assert!(averse[Head::Skip as usize] > 0.6 && fond[Head::Skip as usize] < 0.3);
    assert!(fond[Head::Like as usize] > 2.0 * averse[Head::Like as usize]);
    let longer = world.heads.watch_s(&fond, clip(3).duration_ms);
    assert!(longer > world.heads.watch_s(&averse, clip(3).duration_ms));
}

#[test]
fn parts_say_what_the_whole_says() {
    let world = world(6_000);
    let known: Vec<(usize, u64)> = (0..7)
        .map(|at| (0, 50 + at))
        .chain((0..3).map(|at| (1, 80 + at)))
        .chain([(3, 90)])
        .collect();
    for who in 0..VIEWERS {
        let (keys, trace) = (viewer(who), &world.traces[who as usize]);
        let part = world.heads.viewer_part(&keys, trace, &known, NOW_MS);
        for what in 0..80 {
            let clip = clip(what);
            let of_clip = world.heads.clip_part(&clip, NOW_MS);
            let by_parts = part.score(&of_clip);
            let whole = world.heads.predict(&keys, &clip, trace, NOW_MS);
            for head in 0..HEADS {
                let off = (by_parts[head] - whole[head]).abs();
                // A clip's part is in fixed point.
                assert!(off < 1e-3, "{who} {what} {head}: {} {}", by_parts[head], whole[head]);
                assert!((0.0..=1.0).contains(&by_parts[head]));
            }
        }
    }
}

#[test]
fn late_taps_ask_what_follows_them() {
    let mut world = world(2_000);
    let p = |world: &World| world.heads.predict(&viewer(1), &clip(2), &world.traces[1], NOW_MS);
    let before = p(&world);
    for round in 0..400 {
        let trace = world.traces[1];
        world.heads.learn_late(&viewer(1), &clip(2), &trace, Head::TagTap, NOW_MS + round);
    }
    let after = p(&world);
    assert!(after[Head::TagTap as usize] > before[Head::TagTap as usize]);
    for head in [Head::AddToCart, Head::Buy] {
        let (before, after) = (before[head as usize], after[head as usize]);
        assert!(after < 0.5 * before.max(0.02), "{head:?}: {before} {after}");
    }
}

#[test]
fn a_page_of_parts_is_scored_to_the_bit_as_each_alone() {
    let world = world(6_000);
    let known = [(0, 51), (1, 80), (3, 90)];
    let part = world.heads.viewer_part(&viewer(2), &world.traces[2], &known, NOW_MS);
    let mut clips: Vec<ClipPart> =
        (0..70).map(|what| world.heads.clip_part(&clip(what), NOW_MS)).collect();
    clips[7] = ClipPart::UNKNOWN;
    let mut all = [[f32::INFINITY; LANES]; 70];
    part.score_all(&clips, &mut all);
    for (at, (clip, p)) in clips.iter().zip(all).enumerate() {
        let alone = if at == 7 { [f32::INFINITY; LANES] } else { part.score(clip) };
        assert_eq!(p.map(f32::to_bits), alone.map(f32::to_bits), "{at}");
    }
}

#[test]
fn equal_logs_give_equal_bytes_and_bytes_give_the_heads_back() {
    let (one, other) = (world(3_000), world(3_000));
    let bytes = one.heads.to_bytes();
    assert!(bytes == other.heads.to_bytes(), "two folds of one log differ");
    let mut restored = FeedHeads::from_bytes(BOUNDS, &bytes).unwrap();
    assert!(restored.to_bytes() == bytes);
    let (mut heads, mut trace, mut copied) = (one.heads, one.traces[0], one.traces[0]);
    let mut outcome = Outcome { watch_ms: Some(4_000), ..Outcome::default() };
    outcome.labels[Head::Like as usize] = Some(true);
    for at in 0..200 {
        heads.learn(&viewer(0), &clip(at), &mut trace, &outcome, NOW_MS);
        restored.learn(&viewer(0), &clip(at), &mut copied, &outcome, NOW_MS);
    }
    assert!(heads.to_bytes() == restored.to_bytes(), "a copy goes on otherwise");
}

#[test]
fn damaged_and_foreign_snapshots_are_refused() {
    let bytes = world(300).heads.to_bytes();
    let read = |bytes: &[u8]| FeedHeads::from_bytes(BOUNDS, bytes).err();
    assert_eq!(read(&bytes[..bytes.len() - 1]), Some(SnapshotError::Damaged));
    assert_eq!(read(&[]), Some(SnapshotError::Damaged));
    for at in [9, 200, 500, bytes.len() / 2, bytes.len() - 9] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(read(&damaged).is_some(), "byte {at}");
    }
    let wider = FeedBounds { cells_max: 1 << 15, ..BOUNDS };
    assert_eq!(FeedHeads::from_bytes(wider, &bytes).err(), Some(SnapshotError::Shape));
}

#[test]
fn absurd_events_leave_sound_heads() {
    let mut world = world(2_000);
    for round in 0..2_000_u64 {
        let clip = ClipKeys {
            clip: u64::MAX - round,
            entities: [u64::MAX; 5],
            duration_ms: if round.is_multiple_of(2) { u32::MAX } else { 0 },
        };
        let outcome =
            Outcome { watch_ms: Some(u32::MAX), labels: [Some(round.is_multiple_of(2)); HEADS] };
        let at_ms = if round.is_multiple_of(3) { i64::MAX } else { -1 };
        world.heads.learn(&viewer(1), &clip, &mut world.traces[1], &outcome, at_ms);
        let p = world.heads.predict(&viewer(1), &clip, &world.traces[1], at_ms);
        assert!(p[..HEADS].iter().all(|p| p.is_finite() && (0.0..=1.0).contains(p)), "{p:?}");
    }
    let bytes = world.heads.to_bytes();
    assert!(FeedHeads::from_bytes(BOUNDS, &bytes).is_ok(), "all numbers are bounded");
}

#[test]
fn honest_heads_are_sound_and_memory_stays_bounded() {
    let world = world(20_000);
    let health = world.heads.health();
    assert!(health.is_sound() && health.refused == 0, "{health:?}");
    let finish = health.calibration[Head::Finish as usize].unwrap();
    assert!((finish - 1.0).abs() < 0.05, "{finish}");
    assert!(world.heads.bytes() < 12_000_000, "{}", world.heads.bytes());
}
