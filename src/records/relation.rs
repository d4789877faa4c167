//! Relations between a viewer and a clip or an account, by their number.

use crate::domain::engagement::Relation;
use crate::records::Damaged;

/// The number of `relation`.
pub const fn encode(relation: Relation) -> u8 {
    match relation {
        Relation::Like => 0,
        Relation::Save => 1,
        Relation::Follow => 2,
        Relation::Block => 3,
    }
}

/// The relation of a number.
pub fn decode(number: u8) -> Result<Relation, Damaged> {
    let found = Relation::ALL.into_iter().find(|&relation| encode(relation) == number);
    found.ok_or_else(|| Damaged::new(format!("relation {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay() {
        for (number, relation) in (0..).zip(Relation::ALL) {
            assert_eq!((encode(relation), decode(number)), (number, Ok(relation)));
        }
        let follow_and_block = [Relation::Follow, Relation::Block].map(encode);
        assert_eq!(follow_and_block, [2, 3]);
        assert!(decode(4).is_err());
    }
}
