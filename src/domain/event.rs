//! What viewers do, as the feed learns of it.

use crate::domain::engagement::Relation;
use crate::domain::id::{AccountId, ClipId, EventId, ProductId, SlateId};
use crate::domain::limits::{
    EVENT_AGE_MS_MAX, EVENT_SKEW_MS_MAX, FEED_POSITION_MAX, LOOPS_MAX, WATCH_MS_MAX,
};
use crate::domain::time::Timestamp;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// The clip came into view.
    Impression,
    /// The clip left the view after having played.
    Watch {
        /// Time on screen in milliseconds, all loops together.
        watch_ms: u32,
        /// Full repetitions.
        loops: u32,
    },
    /// The viewer likes the clip.
    Like,
    /// … no longer.
    Unlike,
    /// The viewer keeps the clip.
    Save,
    /// … no longer. Sent by `DELETE`.
    Unsave,
    /// The viewer passed the clip on.
    Share,
    /// The viewer follows the creator.
    Follow,
    /// … no longer. Sent by `DELETE`.
    Unfollow,
    /// Less like this clip.
    NotInterested,
    /// Nothing more of this creator.
    HideCreator,
    /// The creator may be shown again. Sent by `DELETE`.
    UnhideCreator,
    /// The clip should be looked at by an operator.
    Report,
    /// A product card came into view.
    TagImpression,
    /// A product card was tapped.
    TagTap,
    /// The product sheet was opened.
    PreviewOpen,
    /// A variant was chosen.
    VariantSelect,
    /// Put into the cart.
    AddToCart,
    /// A checkout began.
    CheckoutStart,
    /// A line was bought. The server's own.
    Purchase,
    /// A line was sent back. The server's own.
    Return,
}

/// The word, the kind with zeros for its numbers, and whether a client may send it.
const WORDS: &[(&str, EventKind, bool)] = &[
    ("impression", EventKind::Impression, true),
    ("watch", EventKind::Watch { watch_ms: 0, loops: 0 }, true),
    ("like", EventKind::Like, true),
    ("unlike", EventKind::Unlike, true),
    ("save", EventKind::Save, true),
    ("unsave", EventKind::Unsave, false),
    ("share", EventKind::Share, true),
    ("follow", EventKind::Follow, true),
    ("unfollow", EventKind::Unfollow, false),
    ("not_interested", EventKind::NotInterested, true),
    ("hide_creator", EventKind::HideCreator, true),
    ("unhide_creator", EventKind::UnhideCreator, false),
    ("report", EventKind::Report, true),
    ("tag_impression", EventKind::TagImpression, true),
    ("tag_tap", EventKind::TagTap, true),
    ("preview_open", EventKind::PreviewOpen, true),
    ("variant_select", EventKind::VariantSelect, true),
    ("add_to_cart", EventKind::AddToCart, true),
    ("checkout_start", EventKind::CheckoutStart, true),
    ("purchase", EventKind::Purchase, false),
    ("return", EventKind::Return, false),
];

impl EventKind {
    /// The kind of a word; `None` for a word that is none of ours. A `watch` comes without its numbers.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, ..)| *known == word).map(|(_, kind, _)| *kind)
    }

    /// The word of the API and of stored rows.
    pub fn as_str(self) -> &'static str {
        let is_watch = matches!(self, Self::Watch { .. });
        let bare = if is_watch { Self::Watch { watch_ms: 0, loops: 0 } } else { self };
        WORDS.iter().find(|(_, kind, _)| *kind == bare).map_or("?", |(word, ..)| word)
    }

    /// Whether a client may send it; the rest is the server's own.
    pub fn is_from_clients(self) -> bool {
        WORDS.iter().any(|(word, _, client)| *client && *word == self.as_str())
    }

    /// The lasting relation that the event sets (`true`) or ends (`false`).
    pub const fn relation(self) -> Option<(Relation, bool)> {
        match self {
            Self::Like => Some((Relation::Like, true)),
            Self::Unlike => Some((Relation::Like, false)),
            Self::Save => Some((Relation::Save, true)),
            Self::Unsave => Some((Relation::Save, false)),
            Self::Follow => Some((Relation::Follow, true)),
            Self::Unfollow => Some((Relation::Follow, false)),
            Self::HideCreator => Some((Relation::Block, true)),
            Self::UnhideCreator => Some((Relation::Block, false)),
            Self::Impression
            | Self::Watch { .. }
            | Self::Share
            | Self::NotInterested
            | Self::Report
            | Self::TagImpression
            | Self::TagTap
            | Self::PreviewOpen
            | Self::VariantSelect
            | Self::AddToCart
            | Self::CheckoutStart
            | Self::Purchase
            | Self::Return => None,
        }
    }

    /// Whether the clip is not shown again within the suppression window.
    pub const fn suppresses(self) -> bool {
        matches!(self, Self::Watch { .. } | Self::NotInterested | Self::Report)
    }
}

/// One thing that one viewer did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The sender's id, by which a repetition is known.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// To which clip; `None` only where a creator or product alone is meant.
    pub clip: Option<ClipId>,
    /// Whose clip it is, or who is followed or hidden.
    pub creator: Option<AccountId>,
    /// Which product, for the events of the shop.
    pub product: Option<ProductId>,
    /// On which page it was shown.
    pub slate: Option<SlateId>,
    /// At which place of the page.
    pub position: Option<u32>,
    /// When, by the sender's clock.
    pub occurred_at: Timestamp,
}

/// Why an event is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventRefusal {
    /// Only the server says so.
    #[error("only the server reports this")]
    ServerOnly,
    /// The sender's clock is ahead, or the event waited too long.
    #[error("`occurred_at` is at most {} minutes ahead and {} days ago", EVENT_SKEW_MS_MAX / 60_000, EVENT_AGE_MS_MAX / 86_400_000)]
    OutOfTime,
    /// A number is beyond anything a person can do.
    #[error(
        "`watch_ms` is at most {WATCH_MS_MAX}, `loops` {LOOPS_MAX}, `position` {FEED_POSITION_MAX}"
    )]
    OutOfRange,
    /// Nothing is named that it could have happened to.
    #[error("`clip_id` is needed")]
    NoClip,
    /// No such clip.
    #[error("there is no such clip")]
    UnknownClip,
}

impl EventRefusal {
    /// The stable word of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ServerOnly => "server_only",
            Self::OutOfTime => "occurred_at_out_of_range",
            Self::OutOfRange => "out_of_range",
            Self::NoClip => "clip_id_required",
            Self::UnknownClip => "unknown_clip",
        }
    }
}

impl Event {
    /// Whether a client may send this at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), EventRefusal> {
        if !self.kind.is_from_clients() {
            return Err(EventRefusal::ServerOnly);
        }
        let age_ms = now.since_ms(self.occurred_at);
        if !(-EVENT_SKEW_MS_MAX..=EVENT_AGE_MS_MAX).contains(&age_ms) {
            return Err(EventRefusal::OutOfTime);
        }
        if let EventKind::Watch { watch_ms, loops } = self.kind
            && (watch_ms > WATCH_MS_MAX || loops > LOOPS_MAX)
        {
            return Err(EventRefusal::OutOfRange);
        }
        if self.position.is_some_and(|position| position > FEED_POSITION_MAX) {
            return Err(EventRefusal::OutOfRange);
        }
        let names_creator = matches!(self.kind, EventKind::Follow | EventKind::HideCreator);
        if self.clip.is_none() && !(names_creator && self.creator.is_some()) {
            return Err(EventRefusal::NoClip);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event {
            id: EventId(1),
            kind,
            clip: Some(ClipId::from_bits(1)),
            creator: None,
            product: None,
            slate: None,
            position: None,
            occurred_at: Timestamp::from_unix_ms(0),
        }
    }

    #[test]
    fn every_word_round_trips_and_the_servers_own_are_refused() {
        for (word, kind, client) in WORDS {
            assert_eq!(EventKind::from_word(word), Some(*kind));
            assert_eq!(kind.as_str(), *word);
            assert_eq!(event(*kind).check(Timestamp::EPOCH).is_ok(), *client, "{word}");
        }
        assert_eq!(EventKind::Watch { watch_ms: 5, loops: 1 }.as_str(), "watch");
        assert_eq!(EventKind::from_word("purchased"), None);
    }

    #[test]
    fn bounds_hold_on_both_sides() {
        let like = event(EventKind::Like);
        let at = Timestamp::from_unix_ms;
        assert_eq!(like.check(at(-EVENT_SKEW_MS_MAX)), Ok(()));
        assert_eq!(like.check(at(-EVENT_SKEW_MS_MAX - 1)), Err(EventRefusal::OutOfTime));
        assert_eq!(like.check(at(EVENT_AGE_MS_MAX)), Ok(()));
        assert_eq!(like.check(at(EVENT_AGE_MS_MAX + 1)), Err(EventRefusal::OutOfTime));
        let watch = |watch_ms, loops| event(EventKind::Watch { watch_ms, loops }).check(at(0));
        assert_eq!(watch(WATCH_MS_MAX, LOOPS_MAX), Ok(()));
        assert_eq!(watch(WATCH_MS_MAX + 1, 0), Err(EventRefusal::OutOfRange));
        assert_eq!(watch(0, LOOPS_MAX + 1), Err(EventRefusal::OutOfRange));
    }

    #[test]
    fn a_follow_may_name_the_creator_alone() {
        let mut follow = event(EventKind::Follow);
        follow.clip = None;
        assert_eq!(follow.check(Timestamp::EPOCH), Err(EventRefusal::NoClip));
        follow.creator = Some(AccountId::from_bits(1));
        assert_eq!(follow.check(Timestamp::EPOCH), Ok(()));
    }
}
