//! Stock of one variant: units on hand, and holds in two phases.
//!
//! A hold is *pending* until it is *posted* (sold), *released* (given up) or *expired*. What a buyer
//! may still take is `on_hand − Σ pending`, and no transition lets that become negative.

use crate::domain::catalog::Availability;
use crate::domain::id::{CheckoutId, HoldId, VariantId};
use crate::domain::limits::{HOLDS_PER_VARIANT_MAX, ON_HAND_MAX};
use crate::domain::time::Timestamp;

/// The sums of one variant's partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StockLevel {
    /// Units in the warehouse that are not sold.
    pub on_hand: u32,
    /// Units in pending holds; never above `on_hand`.
    pub held: u32,
    /// How many holds are pending.
    pub holds: u32,
    /// Grows by one with each change; the guard of conditional writes. 0 means never written.
    pub version: u64,
}

/// Why units could not be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HoldRefusal {
    /// Fewer units are available than were asked for.
    #[error("only {available} left")]
    OutOfStock {
        /// What could still be had.
        available: u32,
    },
    /// The partition is full of pending holds.
    #[error("too many buyers hold this variant at once")]
    TooManyHolds,
}

/// Why a correction of stock was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AdjustRefusal {
    /// The count was made against an older state.
    #[error("the stock is at version {current} by now")]
    VersionChanged {
        /// The present version.
        current: u64,
    },
    /// Units that buyers hold would be missing.
    #[error("{held} units are held for buyers, so at least as many must stay on hand")]
    BelowHeld {
        /// Units in pending holds.
        held: u32,
    },
    /// More than one variant can hold.
    #[error("at most {ON_HAND_MAX} units of one variant")]
    TooMany,
}

/// How stock is corrected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StockEdit {
    /// So many more, or fewer.
    Delta(i64),
    /// Exactly so many, if nothing changed since `version` was read.
    Set {
        /// Units on hand.
        on_hand: u32,
        /// The version that was counted against.
        version: u64,
    },
}

/// Why stock is corrected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StockReason {
    /// New goods came in.
    Restock,
    /// Goods were lost.
    Damage,
    /// Someone counted.
    Count,
    /// A buyer sent goods back.
    Return,
}

impl StockReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Restock, Self::Damage, Self::Count, Self::Return];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restock => "restock",
            Self::Damage => "damage",
            Self::Count => "count",
            Self::Return => "return",
        }
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl StockLevel {
    /// What may still be taken.
    pub const fn available(&self) -> u32 {
        self.on_hand.saturating_sub(self.held)
    }

    /// The word a buyer sees.
    pub const fn availability(&self) -> Availability {
        Availability::of(self.available())
    }

    /// The level with `units` more in pending holds.
    pub fn hold(self, units: u32) -> Result<Self, HoldRefusal> {
        let available = self.available();
        if units > available {
            return Err(HoldRefusal::OutOfStock { available });
        }
        if self.holds as usize >= HOLDS_PER_VARIANT_MAX {
            return Err(HoldRefusal::TooManyHolds);
        }
        Ok(Self { held: self.held + units, holds: self.holds + 1, ..self.next() })
    }

    /// The level after a correction.
    pub fn edit(self, edit: StockEdit) -> Result<Self, AdjustRefusal> {
        let wanted = match edit {
            StockEdit::Delta(delta) => i64::from(self.on_hand).saturating_add(delta),
            StockEdit::Set { version, .. } if version != self.version => {
                return Err(AdjustRefusal::VersionChanged { current: self.version });
            }
            StockEdit::Set { on_hand, .. } => i64::from(on_hand),
        };
        if wanted < i64::from(self.held) {
            return Err(AdjustRefusal::BelowHeld { held: self.held });
        }
        match u32::try_from(wanted) {
            Ok(on_hand) if on_hand <= ON_HAND_MAX => Ok(Self { on_hand, ..self.next() }),
            Ok(_) | Err(_) => Err(AdjustRefusal::TooMany),
        }
    }

    const fn next(self) -> Self {
        Self { version: self.version + 1, ..self }
    }

    /// A pending hold is gone from the sums, however it ended.
    fn settle(self, units: u32) -> Self {
        assert!(self.held >= units && self.holds > 0, "a pending hold is part of the sums");
        Self { held: self.held - units, holds: self.holds - 1, ..self.next() }
    }

    fn take(self, units: u32) -> Self {
        assert!(self.on_hand >= units, "what is held is on hand");
        Self { on_hand: self.on_hand - units, ..self }
    }

    fn give_back(self, units: u32) -> Self {
        Self { on_hand: self.on_hand.saturating_add(units), ..self.next() }
    }
}

/// Where a hold stands. All states but the first are final, save that what was posted may be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldState {
    /// The units are kept for a buyer.
    Pending,
    /// The units are sold.
    Posted,
    /// The units were given back.
    Released,
    /// The units went back by themselves.
    Expired,
}

/// Units of one variant kept for one checkout. An id is used for one hold only: a second try to hold
/// has a new id, so that a late repeat of the first cannot take units again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Who it is.
    pub id: HoldId,
    /// What is held.
    pub variant: VariantId,
    /// For whom.
    pub checkout: CheckoutId,
    /// How many; at least one.
    pub units: u32,
    /// When a pending hold may be taken back.
    pub expires_at: Timestamp,
}

/// What is to become of a hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldEvent {
    /// The buyer pays: the units leave.
    Post,
    /// The purchase is given up or undone, at whatever stage.
    Release,
    /// Time passes; nothing happens before the hold's end.
    Expire {
        /// The present instant.
        now: Timestamp,
    },
}

/// The level and the hold's state after `event`. An event that already had its effect, or comes too
/// late, changes neither; the state tells which.
pub fn settle(
    level: StockLevel,
    hold: &Hold,
    state: HoldState,
    event: HoldEvent,
) -> (StockLevel, HoldState) {
    use HoldEvent as E;
    use HoldState as S;
    match state {
        S::Pending => match event {
            E::Post => (level.settle(hold.units).take(hold.units), S::Posted),
            E::Release => (level.settle(hold.units), S::Released),
            E::Expire { now } if hold.expires_at <= now => (level.settle(hold.units), S::Expired),
            E::Expire { .. } => (level, S::Pending),
        },
        S::Posted => match event {
            E::Release => (level.give_back(hold.units), S::Released),
            E::Post | E::Expire { .. } => (level, S::Posted),
        },
        S::Released | S::Expired => (level, state),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn hold(units: u32) -> Hold {
        Hold {
            id: HoldId::from_bits(1),
            variant: VariantId::from_bits(1),
            checkout: CheckoutId::from_bits(1),
            units,
            expires_at: Timestamp::from_unix_ms(100),
        }
    }

    #[test]
    fn the_last_unit_is_held_once() {
        let one = StockLevel { on_hand: 1, ..StockLevel::default() };
        let held = one.hold(1).unwrap();
        assert_eq!(held.available(), 0);
        assert_eq!(held.hold(1), Err(HoldRefusal::OutOfStock { available: 0 }));
    }

    #[test]
    fn a_hold_does_not_expire_early_nor_after_it_was_posted() {
        let level = StockLevel { on_hand: 3, ..StockLevel::default() }.hold(2).unwrap();
        let early = HoldEvent::Expire { now: Timestamp::from_unix_ms(99) };
        assert_eq!(settle(level, &hold(2), HoldState::Pending, early), (level, HoldState::Pending));
        let (sold, state) = settle(level, &hold(2), HoldState::Pending, HoldEvent::Post);
        assert_eq!((sold.on_hand, sold.held, state), (1, 0, HoldState::Posted));
        let late = HoldEvent::Expire { now: Timestamp::from_unix_ms(100) };
        assert_eq!(settle(sold, &hold(2), state, late), (sold, HoldState::Posted));
    }

    #[test]
    fn a_count_against_an_old_version_or_below_the_holds_is_refused() {
        let level = StockLevel { on_hand: 5, ..StockLevel::default() }.hold(3).unwrap();
        let stale = StockEdit::Set { on_hand: 9, version: 0 };
        assert_eq!(level.edit(stale), Err(AdjustRefusal::VersionChanged { current: 1 }));
        let low = StockEdit::Set { on_hand: 2, version: 1 };
        assert_eq!(level.edit(low), Err(AdjustRefusal::BelowHeld { held: 3 }));
        assert_eq!(level.edit(StockEdit::Delta(-3)), Err(AdjustRefusal::BelowHeld { held: 3 }));
        assert_eq!(level.edit(StockEdit::Delta(i64::MAX)), Err(AdjustRefusal::TooMany));
        assert_eq!(level.edit(StockEdit::Delta(-2)).unwrap().available(), 0);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Hold(u32),
        Settle(usize, HoldEvent),
        Edit(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let event = prop_oneof![
            Just(HoldEvent::Post),
            Just(HoldEvent::Release),
            (0_i64..200).prop_map(|at| HoldEvent::Expire { now: Timestamp::from_unix_ms(at) }),
        ];
        let step = prop_oneof![
            (1_u32..5).prop_map(Step::Hold),
            ((0_usize..20), event).prop_map(|(which, event)| Step::Settle(which, event)),
            (-5_i64..9).prop_map(Step::Edit),
        ];
        vec(step, 0..80)
    }

    proptest! {
        /// Whatever happens in whatever order, the sums are those of the holds, nothing is negative,
        /// and every unit that came in is on hand or sold.
        #[test]
        fn units_are_neither_made_nor_lost(steps in steps()) {
            let mut level = StockLevel::default();
            let mut holds: Vec<(Hold, HoldState)> = Vec::new();
            let mut received = 0_i64;
            for step in steps {
                match step {
                    Step::Hold(units) => if let Ok(next) = level.hold(units) {
                        level = next;
                        holds.push((hold(units), HoldState::Pending));
                    },
                    Step::Settle(which, event) => if let Some((held, state)) = holds.get_mut(which) {
                        (level, *state) = settle(level, held, *state, event);
                    },
                    Step::Edit(delta) => if let Ok(next) = level.edit(StockEdit::Delta(delta)) {
                        received += delta;
                        level = next;
                    },
                }
                let units_in = |wanted| -> u32 {
                    holds.iter().filter(|(_, s)| *s == wanted).map(|(held, _)| held.units).sum()
                };
                prop_assert!(level.held <= level.on_hand);
                prop_assert_eq!(level.held, units_in(HoldState::Pending));
                let sold = i64::from(units_in(HoldState::Posted));
                prop_assert_eq!(i64::from(level.on_hand) + sold, received);
            }
        }
    }
}
