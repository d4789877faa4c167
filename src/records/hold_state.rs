//! The states of a hold, by their number.

use crate::domain::stock::HoldState;
use crate::records::Damaged;

/// The number of `state`.
pub const fn encode(state: HoldState) -> u8 {
    match state {
        HoldState::Pending => 1,
        HoldState::Posted => 2,
        HoldState::Released => 3,
        HoldState::Expired => 4,
    }
}

/// The state of a number.
pub fn decode(number: u8) -> Result<HoldState, Damaged> {
    match number {
        1 => Ok(HoldState::Pending),
        2 => Ok(HoldState::Posted),
        3 => Ok(HoldState::Released),
        4 => Ok(HoldState::Expired),
        other => Err(Damaged::new(format!("state {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay() {
        for (number, state) in [
            (1, HoldState::Pending),
            (2, HoldState::Posted),
            (3, HoldState::Released),
            (4, HoldState::Expired),
        ] {
            assert_eq!((encode(state), decode(number)), (number, Ok(state)));
        }
        assert!(decode(0).is_err() && decode(5).is_err());
    }
}
