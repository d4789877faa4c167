//! A clip from upload to removal.

use crate::domain::account::Market;
use crate::domain::id::{AccountId, ClipId, UploadId};
use crate::domain::tag::ProductTag;
use crate::domain::time::Timestamp;

/// What was made of the upload; it exists once the master playlist is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClipMedia {
    /// The objects' common prefix: `clips/<clip>/<attempt>`; all files below it never change.
    pub prefix: String,
    /// Length of the picture.
    pub duration_ms: u32,
    /// Width of the top rendition in pixels.
    pub width: u32,
    /// Height of the top rendition in pixels.
    pub height: u32,
    /// Whether there is a storyboard beside the poster.
    pub has_storyboard: bool,
}

impl ClipMedia {
    /// The prefix of what an attempt makes of a clip's upload.
    pub fn prefix_of(clip: ClipId, attempt: u64) -> String {
        format!("clips/{clip}/{attempt}")
    }

    /// The object that lists the renditions.
    pub fn master_key(&self) -> String {
        format!("{}/master.m3u8", self.prefix)
    }

    /// The still picture shown before the first frame.
    pub fn poster_key(&self) -> String {
        format!("{}/poster.jpg", self.prefix)
    }

    /// The tiles for scrubbing.
    pub fn storyboard_key(&self) -> String {
        format!("{}/storyboard.jpg", self.prefix)
    }
}

/// Why a clip could not be made, for its creator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClipFailure {
    /// A stable word such as `encrypted`.
    pub code: String,
    /// A sentence that says what to do.
    pub detail: String,
}

/// Where a clip stands; each state carries what is true only there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClipState {
    /// The transcode is queued or running.
    Processing {
        /// How much is encoded, in thousandths.
        progress_permille: u16,
    },
    /// It plays, and the feed may show it.
    Ready {
        /// What plays.
        media: ClipMedia,
        /// When it became so.
        published_at: Timestamp,
    },
    /// The upload is no usable video; the creator may upload another.
    Failed {
        /// Why.
        failure: ClipFailure,
        /// Since when.
        at: Timestamp,
    },
    /// Taken down by its creator.
    Removed {
        /// Since when.
        at: Timestamp,
    },
}

impl ClipState {
    /// The word of the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Processing { .. } => "processing",
            Self::Ready { .. } => "ready",
            Self::Failed { .. } => "failed",
            Self::Removed { .. } => "removed",
        }
    }
}

/// What happens to a clip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClipEvent {
    /// The encoder got further.
    Progressed {
        /// In thousandths.
        permille: u16,
    },
    /// All objects are written.
    Transcoded {
        /// What plays.
        media: ClipMedia,
        /// When.
        at: Timestamp,
    },
    /// The source cannot be used, or we gave up.
    Failed {
        /// Why.
        failure: ClipFailure,
        /// When.
        at: Timestamp,
    },
    /// The creator takes it down.
    Removed {
        /// When.
        at: Timestamp,
    },
}

/// An event that makes no sense in the clip's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a clip that is {state} cannot be {event}")]
pub struct IllegalClipTransition {
    /// The word of the state.
    pub state: &'static str,
    /// What was tried.
    pub event: &'static str,
}

impl ClipState {
    /// The state after `event`. Progress never goes back; `ready` and `failed` are left only by removal.
    pub fn apply(self, event: ClipEvent) -> Result<Self, IllegalClipTransition> {
        use ClipEvent as E;
        use ClipState as S;
        let refused = |event| Err(IllegalClipTransition { state: self.as_str(), event });
        match (&self, event) {
            (S::Processing { progress_permille }, E::Progressed { permille }) => {
                let progress_permille = permille.min(1_000).max(*progress_permille);
                Ok(S::Processing { progress_permille })
            }
            (S::Processing { .. }, E::Transcoded { media, at }) => {
                Ok(S::Ready { media, published_at: at })
            }
            (S::Processing { .. }, E::Failed { failure, at }) => Ok(S::Failed { failure, at }),
            (S::Processing { .. } | S::Ready { .. } | S::Failed { .. }, E::Removed { at }) => {
                Ok(S::Removed { at })
            }
            (S::Ready { .. } | S::Failed { .. } | S::Removed { .. }, E::Progressed { .. }) => {
                refused("encoded further")
            }
            (S::Ready { .. } | S::Failed { .. } | S::Removed { .. }, E::Transcoded { .. }) => {
                refused("published")
            }
            (S::Ready { .. } | S::Failed { .. } | S::Removed { .. }, E::Failed { .. }) => {
                refused("failed")
            }
            (S::Removed { .. }, E::Removed { .. }) => refused("removed again"),
        }
    }
}

/// One uploaded video, its caption, its tags and its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clip {
    /// Who it is.
    pub id: ClipId,
    /// Who uploaded it.
    pub creator: AccountId,
    /// The upload it was made from.
    pub upload: UploadId,
    /// The creator's words, hashtags included.
    pub caption: String,
    /// Products in time and place.
    pub tags: Vec<ProductTag>,
    /// Where it may be shown; empty means everywhere.
    pub markets: Vec<Market>,
    /// Where it stands.
    pub state: ClipState,
    /// When the creator named it.
    pub created_at: Timestamp,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

impl Clip {
    /// What plays and since when, if it plays.
    pub fn published(&self) -> Option<(&ClipMedia, Timestamp)> {
        match &self.state {
            ClipState::Ready { media, published_at } => Some((media, *published_at)),
            ClipState::Processing { .. } | ClipState::Failed { .. } | ClipState::Removed { .. } => {
                None
            }
        }
    }

    /// Whether it was taken down: to everybody, as if it had never been.
    pub const fn is_removed(&self) -> bool {
        matches!(self.state, ClipState::Removed { .. })
    }

    /// The hashtags of the caption, lower-case, without `#`, each once, in order of appearance.
    pub fn hashtags(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for after in self.caption.split('#').skip(1) {
            let word: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .flat_map(char::to_lowercase)
                .collect();
            if !word.is_empty() && !found.contains(&word) {
                found.push(word);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(caption: &str) -> Clip {
        Clip {
            id: ClipId::from_bits(1),
            creator: AccountId::from_bits(2),
            upload: UploadId::from_bits(3),
            caption: caption.into(),
            tags: Vec::new(),
            markets: Vec::new(),
            state: ClipState::Processing { progress_permille: 0 },
            created_at: Timestamp::EPOCH,
            version: 0,
        }
    }

    #[test]
    fn hashtags_are_lower_case_and_unique() {
        let clip = clip("New #Oak lamp, #oak #lampe_2 # #Überlicht!");
        assert_eq!(clip.hashtags(), ["oak", "lampe_2", "überlicht"]);
    }

    #[test]
    fn progress_never_goes_back_and_ready_is_final_but_for_removal() {
        let state = ClipState::Processing { progress_permille: 400 };
        let state = state.apply(ClipEvent::Progressed { permille: 300 }).unwrap();
        assert_eq!(state, ClipState::Processing { progress_permille: 400 });
        let media = ClipMedia {
            prefix: "clips/x/1".into(),
            duration_ms: 1,
            width: 2,
            height: 2,
            has_storyboard: false,
        };
        let at = Timestamp::from_unix_ms(5);
        let ready = state.apply(ClipEvent::Transcoded { media, at }).unwrap();
        assert!(ready.clone().apply(ClipEvent::Progressed { permille: 900 }).is_err());
        let removed = ready.apply(ClipEvent::Removed { at }).unwrap();
        assert!(removed.apply(ClipEvent::Removed { at }).is_err());
    }
}
