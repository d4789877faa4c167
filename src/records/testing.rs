//! What the tests of records share.

use std::fmt::Debug;

use crate::records::Damaged;

/// What holds for each record that is a map: it comes back as it was, also with a field that a later
/// release may add; a torn one is damaged; and its bytes are those of every release before. `pinned` is
/// their digest: if it changes, existing data directories do not open, and an order that is written
/// twice is no longer the same as the first.
#[track_caller]
pub(super) fn check<T: PartialEq + Debug>(
    value: &T,
    bytes: &[u8],
    pinned: u64,
    decode: impl Fn(&[u8]) -> Result<T, Damaged>,
) {
    assert_eq!(decode(bytes).as_ref(), Ok(value));
    assert_eq!(
        decode(&with_later_field(bytes)).as_ref(),
        Ok(value),
        "a later field is passed over"
    );
    for len in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(decode(&bytes[..len]).is_err(), "{len} bytes of {}", bytes.len());
    }
    assert_eq!(digest(bytes), pinned, "the bytes are not those of earlier releases: {bytes:02x?}");
}

fn with_later_field(bytes: &[u8]) -> Vec<u8> {
    assert!((0x80..0x8f).contains(&bytes[0]), "a small map has its length in its first byte");
    let mut longer = vec![bytes[0] + 1];
    longer.extend_from_slice(b"\xa5later\xc3");
    longer.extend_from_slice(&bytes[1..]);
    longer
}

/// FNV-1a.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
