//! Cursors of lists: signed, and good only for the list that they came from.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ports::signer::{Purpose, Signer};

/// The cursor was not made here, or for another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list's")]
pub struct CursorError;

/// A page of a list and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` from a store that was asked for one more than that; `bits` is the id of
    /// an item.
    pub fn cut(
        mut items: Vec<T>,
        limit: usize,
        signer: &dyn Signer,
        list: &str,
        bits: impl Fn(&T) -> u128,
    ) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let place = items.last().filter(|_| more).map(bits);
        Self { items, next_cursor: place.map(|place| encode(signer, list, place)) }
    }
}

fn payload(list: &str, place: u128) -> Vec<u8> {
    let mut payload = list.as_bytes().to_vec();
    payload.push(0);
    payload.extend_from_slice(&place.to_be_bytes());
    payload
}

/// The cursor behind the item with the id `place` of `list`. Name the owner in `list`, such as
/// `orders usr_…`: then a cursor says nothing in another owner's list.
pub fn encode(signer: &dyn Signer, list: &str, place: u128) -> String {
    let mut bytes = place.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signer.sign(Purpose::Cursor, &payload(list, place))[..16]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The id that a cursor of `list` stands behind.
pub fn verify(signer: &dyn Signer, list: &str, cursor: &str) -> Result<u128, CursorError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError)?;
    let (place, signature) = bytes.split_first_chunk::<16>().ok_or(CursorError)?;
    let place = u128::from_be_bytes(*place);
    let right = signer.verify(Purpose::Cursor, &payload(list, place), signature);
    right.then_some(place).ok_or(CursorError)
}
