//! The pieces that make up an upload in a bucket: their names, and which of their bytes count.

use std::ops::Range;

use crate::domain::id::UploadId;
use crate::ports::objects::{KeyError, ObjectKey, ObjectPrefix};

/// Everything here. Beside the whole uploads, not beneath them: servers that keep objects as files
/// cannot have both `uploads/x` and `uploads/x/y`.
const FOLDER: &str = "spool/";
/// Digits of a number in a name, so that names sort as numbers do.
const DIGITS: usize = 20;

/// What one append brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where its bytes begin in the upload.
    pub offset: u64,
    /// The claim of its append.
    pub claim: u64,
    /// Its bytes.
    pub len: u64,
}

impl Piece {
    /// Where its bytes end in the upload.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    /// The name of its object.
    pub fn key(&self, upload: UploadId) -> Result<ObjectKey, KeyError> {
        let (offset, claim) = (self.offset, self.claim);
        ObjectKey::parse(format!("{FOLDER}{upload}/{offset:0DIGITS$}-{claim:0DIGITS$}"))
    }
}

/// The prefix of all pieces.
pub(super) fn everything() -> Result<ObjectPrefix, KeyError> {
    ObjectPrefix::parse(FOLDER)
}

/// The prefix of one upload's pieces.
pub(super) fn prefix(upload: UploadId) -> Result<ObjectPrefix, KeyError> {
    ObjectPrefix::parse(format!("{FOLDER}{upload}/"))
}

/// The upload and the piece of an object; `None` for an object of someone else's.
pub(super) fn parse(key: &ObjectKey, len: u64) -> Option<(UploadId, Piece)> {
    let (upload, name) = key.as_str().strip_prefix(FOLDER)?.split_once('/')?;
    let (offset, claim) = name.split_once('-')?;
    let number = |digits: &str| {
        let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some((upload.parse().ok()?, Piece { offset: number(offset)?, claim: number(claim)?, len }))
}

/// The pieces that count, from byte 0 without a gap.
///
/// A piece of a higher claim replaces everything from its start on: the record stood at that offset
/// when the claim was made, so what a lower claim wrote there was never recorded.
pub(super) fn chain(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|piece| (piece.claim, piece.offset));
    let mut chain: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        while chain.last().is_some_and(|last| last.offset >= piece.offset) {
            chain.pop();
        }
        if end(&chain) >= piece.offset {
            chain.push(piece);
        }
    }
    chain
}

/// Where a chain ends.
pub(super) fn end(chain: &[Piece]) -> u64 {
    chain.last().map_or(0, Piece::end)
}

/// Which bytes of each piece of a chain make up the bytes `0..len` of the upload; positions count within
/// the piece.
pub(super) fn cuts(chain: &[Piece], len: u64) -> Vec<(Piece, Range<u64>)> {
    let next = |index: usize| chain.get(index + 1).map_or(len, |next| next.offset.min(len));
    let cut = |(index, piece): (usize, &Piece)| {
        let end = piece.end().min(next(index));
        (*piece, 0..end.saturating_sub(piece.offset))
    };
    chain.iter().enumerate().map(cut).filter(|(_, range)| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece((offset, claim, len): (u64, u64, u64)) -> Piece {
        Piece { offset, claim, len }
    }

    #[test]
    fn names_come_back_and_others_are_left_alone() {
        let (upload, one) = (UploadId::from_bits(7), piece((5, u64::MAX, 3)));
        let key = one.key(upload).unwrap();
        assert_eq!(parse(&key, 3), Some((upload, one)));
        assert!(prefix(upload).unwrap().covers(&key) && everything().unwrap().covers(&key));
        let zeros = "0".repeat(DIGITS);
        for other in [
            format!("spool/{upload}/1-1"),
            format!("spool/x/{zeros}-{zeros}"),
            format!("spool/{upload}/{zeros}"),
            format!("uploads/{upload}/{zeros}-{zeros}"),
        ] {
            assert_eq!(parse(&ObjectKey::parse(other).unwrap(), 1), None);
        }
    }

    #[test]
    fn a_lower_claim_that_comes_late_changes_nothing() {
        let good = [(0, 2, 4), (4, 3, 6)].map(piece);
        let mut pieces = good.to_vec();
        pieces.extend([(0, 1, 99), (4, 1, 1)].map(piece));
        assert_eq!(chain(pieces), good);
        assert_eq!(cuts(&good, 10), [(good[0], 0..4), (good[1], 0..6)]);
        assert_eq!(cuts(&good, 5), [(good[0], 0..4), (good[1], 0..1)]);
        // What lies beyond a cut goes with it.
        let cut = [(0, 2, 6), (6, 3, 6), (2, 4, 1)].map(piece);
        assert_eq!(chain(cut.to_vec()), [cut[0], cut[2]]);
        assert_eq!(cuts(&[cut[0], cut[2]], 3), [(cut[0], 0..2), (cut[2], 0..1)]);
        assert_eq!(chain([(3, 1, 1)].map(piece).to_vec()), [], "nothing before it");
    }

    /// What a node does when it has its turn.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        /// Writes this many bytes and records them.
        Records(u64),
        /// Writes this many bytes and dies, or is overtaken.
        Loses(u64),
    }

    proptest! {
        #[test]
        fn what_was_recorded_is_read_back_whatever_else_was_written(
            acts in proptest::collection::vec(
                prop_oneof![
                    (1_u64..9).prop_map(Act::Records),
                    (0_u64..9).prop_map(Act::Loses),
                ],
                1..20,
            ),
        ) {
            let (mut offset, mut pieces, mut recorded) = (0, Vec::new(), Vec::new());
            for (claim, act) in (1..).zip(&acts) {
                match *act {
                    Act::Records(len) => {
                        let piece = Piece { offset, claim, len };
                        pieces.push(piece);
                        recorded.push((piece, 0..len));
                        offset += len;
                    }
                    Act::Loses(len) => pieces.push(Piece { offset, claim, len }),
                }
            }
            pieces.reverse(); // They may arrive in any order.
            let chain = chain(pieces);
            prop_assert!(end(&chain) >= offset);
            prop_assert_eq!(cuts(&chain, offset), recorded);
        }
    }
}
