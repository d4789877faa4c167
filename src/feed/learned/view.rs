//! From events to examples: what an event does to the view that it belongs to.

use crate::domain::engagement::{is_finish, is_skip, watched_fraction};
use crate::domain::event::EventKind;
use crate::feed::learned::Subject;
use crate::ranking::learner::feed::{HEADS, Head, Outcome};
use crate::ranking::neighbours::exposure::Outcome as Meeting;

/// A share of the clip from which on a watch speaks for it.
const HELD: f32 = 0.5;

/// What an event is to a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// The clip comes into view.
    Begins,
    /// It was watched and left.
    Ends,
    /// The viewer did what this head predicts.
    Does(Head),
}

/// What an event of this kind is; `None` for what says nothing about a view, or takes something back.
pub fn deed(kind: EventKind) -> Option<Deed> {
    Some(match kind {
        EventKind::Impression => Deed::Begins,
        EventKind::Watch { .. } => Deed::Ends,
        EventKind::Like | EventKind::Save => Deed::Does(Head::Like),
        EventKind::Share => Deed::Does(Head::Share),
        EventKind::Follow => Deed::Does(Head::Follow),
        EventKind::TagTap | EventKind::PreviewOpen => Deed::Does(Head::TagTap),
        EventKind::AddToCart | EventKind::CheckoutStart => Deed::Does(Head::AddToCart),
        EventKind::Purchase => Deed::Does(Head::Buy),
        EventKind::NotInterested | EventKind::HideCreator | EventKind::Report => {
            Deed::Does(Head::NotInterested)
        }
        EventKind::Unlike
        | EventKind::Unsave
        | EventKind::Unfollow
        | EventKind::UnhideCreator
        | EventKind::TagImpression
        | EventKind::VariantSelect
        | EventKind::Return => return None,
    })
}

/// The bit of a head among the deeds of a view.
pub fn bit(head: Head) -> u16 {
    1 << head as u16
}

/// What a view came to, at its end.
pub fn outcome_of((watch_ms, loops): (u32, u32), deeds: u16, subject: &Subject) -> Outcome {
    let duration_ms = subject.keys.duration_ms;
    let did = |head: Head| Some(deeds & bit(head) != 0);
    let mut labels = [None; HEADS];
    labels[Head::Skip as usize] = Some(is_skip(watch_ms, duration_ms));
    labels[Head::Finish as usize] = Some(is_finish(watch_ms, duration_ms, loops));
    for head in [Head::Like, Head::Share, Head::Follow, Head::NotInterested] {
        labels[head as usize] = did(head);
    }
    if subject.shoppable {
        for head in [Head::TagTap, Head::AddToCart, Head::Buy] {
            labels[head as usize] = did(head);
        }
    }
    Outcome { watch_ms: Some(watch_ms), labels }
}

/// How meeting the clip went.
pub fn exposure_of((watch_ms, loops): (u32, u32), deeds: u16, subject: &Subject) -> Meeting {
    let duration_ms = subject.keys.duration_ms;
    if deeds & bit(Head::NotInterested) != 0 || is_skip(watch_ms, duration_ms) {
        return Meeting::Passed;
    }
    if deeds != 0 {
        return Meeting::Loved;
    }
    let held = watched_fraction(watch_ms, duration_ms) >= HELD;
    if held || is_finish(watch_ms, duration_ms, loops) { Meeting::Held } else { Meeting::Passed }
}
