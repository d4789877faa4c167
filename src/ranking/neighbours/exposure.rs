//! What a viewer met and how it went, and the part of it that is remembered.

/// How meeting an item went. Being shown at all is a sign of taste, since somebody chose it for the
/// viewer; so even a skip counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Shown and left.
    Passed = 0,
    /// Watched long, or whatever counts as a success.
    Held = 1,
    /// A rarer and stronger sign: a like, a share, a follow, a purchase.
    Loved = 2,
}

/// How many outcomes there are.
pub const OUTCOMES: usize = 3;

/// One item that a viewer met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The item.
    pub item: u32,
    /// When, in milliseconds; `i64::MIN` for what is known without its time.
    pub at_ms: i64,
    /// How it went.
    pub outcome: Outcome,
}

/// Exposures that a history remembers; older ones say little, and the work per event follows it.
pub const HISTORY_LEN_MAX: usize = 100;

/// A viewer's latest exposures, oldest first, each item once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    exposures: Vec<Exposure>,
}

impl History {
    /// Takes an exposure in. Answers whether its item is new here; if not, it moves to the end and
    /// keeps the better outcome.
    pub fn push(&mut self, mut exposure: Exposure) -> bool {
        let known = self.exposures.iter().position(|met| met.item == exposure.item);
        if let Some(at) = known {
            exposure.outcome = exposure.outcome.max(self.exposures[at].outcome);
            self.exposures.remove(at);
        } else if self.exposures.len() >= HISTORY_LEN_MAX {
            self.exposures.remove(0);
        }
        self.exposures.push(exposure);
        known.is_none()
    }

    /// Drops an item that is no more.
    pub fn forget(&mut self, item: u32) {
        self.exposures.retain(|met| met.item != item);
    }

    /// Drops all items that are no more, by number.
    pub fn forget_all(&mut self, gone: &[bool]) {
        self.exposures.retain(|met| !gone[met.item as usize]);
    }

    /// The exposures, oldest first.
    pub fn exposures(&self) -> &[Exposure] {
        &self.exposures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(item: u32, outcome: Outcome) -> Exposure {
        Exposure { item, at_ms: i64::from(item), outcome }
    }

    #[test]
    fn a_history_is_bounded_and_holds_each_item_once() {
        let mut history = History::default();
        assert!(history.push(met(7, Outcome::Loved)));
        assert!(history.push(met(8, Outcome::Passed)));
        assert!(!history.push(met(7, Outcome::Passed)));
        assert_eq!(history.exposures(), [met(8, Outcome::Passed), met(7, Outcome::Loved)]);
        for item in 100..100 + HISTORY_LEN_MAX as u32 {
            history.push(met(item, Outcome::Held));
        }
        assert_eq!(history.exposures().len(), HISTORY_LEN_MAX);
        assert_eq!(history.exposures()[0].item, 100);
        history.forget(100);
        assert_eq!(history.exposures()[0].item, 101);
    }
}
