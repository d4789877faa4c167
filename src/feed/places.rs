//! Where an ordinal stands in a short list: a page asks for each of its hundreds of candidates.

/// A table of ordinals and their places, a fixed number of them: nothing grows or moves, an entry is
/// found in its first or second slot.
#[derive(Clone, Debug)]
pub struct Places {
    slots: Vec<(u32, u32)>,
}

const FREE: u32 = u32::MAX;

impl Places {
    /// A table for at most `max` ordinals.
    pub fn new(max: usize) -> Self {
        Self { slots: vec![(FREE, 0); (2 * max).next_power_of_two().max(2)] }
    }

    /// Either the slot of `ordinal` or the free one where it belongs.
    fn slot(&mut self, ordinal: u32) -> &mut (u32, u32) {
        let len = self.slots.len();
        let shift = 32 - len.trailing_zeros();
        let mut at = (ordinal.wrapping_mul(0x9e37_79b1) >> shift) as usize;
        while self.slots[at].0 != FREE && self.slots[at].0 != ordinal {
            at = (at + 1) % len;
        }
        &mut self.slots[at]
    }

    /// The place of an ordinal, if it is in the table.
    pub fn get(&mut self, ordinal: u32) -> Option<usize> {
        let slot = self.slot(ordinal);
        (slot.0 == ordinal).then_some(slot.1 as usize)
    }

    /// The place of an ordinal; `place` becomes it if it has none. Never more ordinals than the table
    /// was made for.
    pub fn get_or_insert(&mut self, ordinal: u32, place: usize) -> usize {
        let slot = self.slot(ordinal);
        if slot.0 == FREE {
            *slot = (ordinal, place as u32);
        }
        slot.1 as usize
    }

    /// Whether the ordinal is new; from now on it is not.
    pub fn is_new(&mut self, ordinal: u32) -> bool {
        let slot = self.slot(ordinal);
        std::mem::replace(&mut slot.0, ordinal) == FREE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_answers_like_a_map(ordinals in proptest::collection::vec(0_u32..400, 0..300)) {
            let mut places = Places::new(300);
            let mut once = Places::new(300);
            let mut map = HashMap::new();
            for (place, ordinal) in ordinals.into_iter().enumerate() {
                prop_assert_eq!(places.get(ordinal), map.get(&ordinal).copied());
                prop_assert_eq!(once.is_new(ordinal), !map.contains_key(&ordinal));
                let expected = *map.entry(ordinal).or_insert(place);
                prop_assert_eq!(places.get_or_insert(ordinal, place), expected);
            }
        }
    }
}
