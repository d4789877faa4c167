//! What is learned, event by event.

use super::*;
use crate::domain::event::Event;
use crate::domain::id::{ClipId, EventId};
use crate::domain::time::Timestamp;

const DURATION_MS: u32 = 10_000;

fn event(offset: u64, viewer: u128, kind: EventKind) -> LoggedEvent {
    let at = Timestamp::from_unix_ms(1_800_000_000_000 + offset as i64 * 500);
    LoggedEvent {
        offset,
        viewer: AccountId::from_bits(viewer),
        market: Market::US,
        at,
        event: Event {
            id: EventId(u128::from(offset)),
            kind,
            clip: Some(ClipId::from_bits(1)),
            creator: None,
            product: None,
            slate: None,
            position: None,
            occurred_at: at,
        },
    }
}

fn subject(clip: u64) -> Subject {
    let entities = [clip % 7 + 100, 0, 0, 0, clip % 2 + 200];
    Subject { keys: ClipKeys { clip, entities, duration_ms: DURATION_MS }, shoppable: true }
}

/// A view in pieces: hidden in the middle, and watched to the end later.
#[test]
fn a_view_in_two_pieces_is_one_that_got_further() {
    let clip = subject(1);
    let tell = |pieces: &[u32]| {
        let mut learned = learned(&log(2_000));
        let before = learned.views();
        let kinds = pieces.iter().map(|&watch_ms| EventKind::Watch { watch_ms, loops: 0 });
        for (at, kind) in std::iter::once(EventKind::Impression).chain(kinds).enumerate() {
            learned.apply(&event(10_000 + at as u64, 77, kind), Some(&clip));
        }
        learned.views() - before
    };
    assert_eq!(tell(&[DURATION_MS]), 1, "one view");
    assert_eq!(tell(&[3_000, DURATION_MS - 3_000]), 2, "and that it was watched to the end");
    assert_eq!(tell(&[3_000, 500]), 1, "nothing new");
    assert_eq!(tell(&[DURATION_MS, DURATION_MS]), 1, "nothing new");
}

/// A log in which even viewers watch even clips to the end and tap, and skip odd ones; and the other way
/// round.
fn log(views: u64) -> Vec<(LoggedEvent, Subject)> {
    let mut log = Vec::new();
    for view in 0..views {
        let (viewer, clip) = (view % 40 + 1, mix(view) % 60 + 1);
        let likes = viewer % 2 == clip % 2;
        let watch_ms = if likes { DURATION_MS } else { 700 };
        let mut kinds = vec![EventKind::Impression];
        if likes && mix(view ^ 1 << 40).is_multiple_of(3) {
            kinds.push(EventKind::TagTap);
        }
        kinds.push(EventKind::Watch { watch_ms, loops: 0 });
        for kind in kinds {
            log.push((event(log.len() as u64 + 1, viewer.into(), kind), subject(clip)));
        }
    }
    log
}

fn learned(log: &[(LoggedEvent, Subject)]) -> Learned {
    let mut learned = Learned::default();
    for (event, subject) in log {
        learned.apply(event, Some(subject));
    }
    learned
}

fn p(learned: &Learned, viewer: u128, clip: u64, head: Head) -> f32 {
    let (keys, trace) = learned.viewer(AccountId::from_bits(viewer), Market::US, true);
    let known = [(4, 200), (4, 201)];
    let part = learned.heads().viewer_part(&keys, &trace, &known, learned.at_ms());
    part.score(&learned.heads().clip_part(&subject(clip).keys, learned.at_ms()))[head as usize]
}

#[test]
fn each_viewer_is_known_by_what_they_watched() {
    let learned = learned(&log(8_000));
    assert_eq!(learned.views(), 8_000);
    assert!(learned.is_sound() && learned.trust()[Head::Finish as usize] > 0.99);
    for (viewer, good, bad) in [(2, 8, 9), (3, 9, 8)] {
        let (good, bad) = ([good, good + 10], [bad, bad + 10]);
        for (good, bad) in good.into_iter().zip(bad) {
            let finish = |clip| p(&learned, viewer, clip, Head::Finish);
            assert!(finish(good) > 0.75 && finish(bad) < 0.25, "{viewer}: {}", finish(good));
            let tap = |clip| p(&learned, viewer, clip, Head::TagTap);
            assert!(tap(good) > 2.0 * tap(bad), "{viewer}");
        }
        let found = learned.companions_of(AccountId::from_bits(viewer), learned.at_ms(), 10);
        let same = found.iter().filter(|clip| u128::from(**clip) % 2 == viewer % 2).count();
        assert!(found.len() == 10 && same == 10, "{viewer}: {found:?}");
    }
    let (keys, _) = learned.viewer(AccountId::from_bits(2), Market::US, false);
    assert_eq!(keys.viewer, 0, "history must not count");
}

#[test]
fn a_stored_state_goes_on_alike() {
    let log = log(1_500);
    let (before, after) = log.split_at(log.len() / 2);
    let mut one = learned(before);
    let mut other = Learned::from_bytes(&one.to_bytes()).unwrap();
    for learned in [&mut one, &mut other] {
        for (event, subject) in after {
            learned.apply(event, Some(subject));
        }
    }
    assert_eq!(one.to_bytes(), other.to_bytes());
    assert_eq!(one.applied(), log.len() as u64);
    let again = one.to_bytes();
    for (event, subject) in before {
        assert!(!one.apply(event, Some(subject)), "an event counts once");
    }
    assert_eq!(one.to_bytes(), again);
}

#[test]
fn damage_is_refused() {
    let bytes = learned(&log(300)).to_bytes();
    for at in [0, 8, 9, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        assert!(Learned::from_bytes(&damaged).is_err(), "{at}");
    }
    for length in [0, 7, 8, bytes.len() / 3, bytes.len() - 1] {
        assert!(Learned::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_flood_of_strangers_who_skip_everything_is_followed_and_breaks_nothing() {
    let mut learned = learned(&log(6_000));
    let mut offset = learned.applied();
    assert!(learned.is_sound());
    // Whatever was loved is skipped from one moment to the next, by viewers who come by once.
    let mut worst = 1.0_f32;
    for stranger in 0..6_000_u64 {
        for kind in [EventKind::Impression, EventKind::Watch { watch_ms: 90, loops: 0 }] {
            offset += 1;
            let viewer = u128::from(stranger) + 1_000_000;
            learned.apply(&event(offset, viewer, kind), Some(&subject(stranger % 60 + 1)));
        }
        let finish = learned.health().calibration[Head::Finish as usize];
        worst = worst.max(finish.unwrap_or(1.0));
    }
    assert!(worst < 2.0 && learned.is_sound(), "it follows: {worst}");
    for head in Head::ALL {
        let p = p(&learned, 2, 8, head);
        assert!((0.0..=1.0).contains(&p), "{head:?}: {p}");
    }
}

#[test]
fn heads_that_make_no_sense_are_not_believed() {
    let mut learned = learned(&log(500));
    assert!(learned.trust().iter().any(|trust| *trust > 0.0));
    learned.lose_its_way();
    assert!(learned.trust().iter().all(|trust| trust.to_bits() == 0));
}
