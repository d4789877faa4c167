//! Events as the log keeps them. There are many, so the names of their fields have one letter.

use serde::{Deserialize, Serialize};

use crate::domain::account::Market;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{AccountId, ClipId, EventId, ProductId, SlateId};
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, market, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(rename = "i")]
    id: u128,
    #[serde(rename = "k")]
    kind: String,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    watch: Option<(u32, u32)>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    clip: Option<u128>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    creator: Option<u128>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    product: Option<u128>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    slate: Option<u128>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    #[serde(rename = "o")]
    occurred_at_ms: i64,
    #[serde(rename = "t")]
    at_ms: i64,
    #[serde(rename = "m")]
    market: String,
}

/// The bytes of `event` by a viewer of `market`, which came in `at` by our clock.
pub fn encode(event: &Event, market: Market, at: Timestamp) -> Vec<u8> {
    let mut watch = None;
    if let EventKind::Watch { watch_ms, loops } = event.kind {
        watch = Some((watch_ms, loops));
    }
    to_bytes(&Row {
        id: event.id.0,
        kind: event.kind.as_str().to_owned(),
        watch,
        clip: event.clip.map(ClipId::bits),
        creator: event.creator.map(AccountId::bits),
        product: event.product.map(ProductId::bits),
        slate: event.slate.map(SlateId::bits),
        position: event.position,
        occurred_at_ms: event.occurred_at.unix_ms(),
        at_ms: at.unix_ms(),
        market: market.code().to_owned(),
    })
}

/// The event that these bytes are, the viewer's market and when it came in.
pub fn decode(bytes: &[u8]) -> Result<(Event, Market, Timestamp), Damaged> {
    let row: Row = from_bytes(bytes)?;
    let kind = EventKind::from_word(&row.kind);
    let mut kind = kind.ok_or_else(|| Damaged::new(format!("kind `{}`", row.kind)))?;
    if let (EventKind::Watch { .. }, Some((watch_ms, loops))) = (kind, row.watch) {
        kind = EventKind::Watch { watch_ms, loops };
    }
    let event = Event {
        id: EventId(row.id),
        kind,
        clip: row.clip.map(ClipId::from_bits),
        creator: row.creator.map(AccountId::from_bits),
        product: row.product.map(ProductId::from_bits),
        slate: row.slate.map(SlateId::from_bits),
        position: row.position,
        occurred_at: Timestamp::from_unix_ms(row.occurred_at_ms),
    };
    Ok((event, market(&row.market)?, Timestamp::from_unix_ms(row.at_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::testing::{check, digest};

    #[test]
    fn every_field_comes_back_and_what_is_absent_takes_no_bytes() {
        let at = Timestamp::from_unix_ms;
        let full = Event {
            id: EventId(u128::MAX),
            kind: EventKind::Watch { watch_ms: 1_234, loops: 2 },
            clip: Some(ClipId::from_bits(1)),
            creator: Some(AccountId::from_bits(2)),
            product: Some(ProductId::from_bits(3)),
            slate: Some(SlateId::from_bits(4)),
            position: Some(5),
            occurred_at: at(6),
        };
        let germany = Market::new("DE").unwrap();
        check(
            &(full, germany, at(7)),
            &encode(&full, germany, at(7)),
            0x4b55_7cf6_f0c2_ffcb,
            decode,
        );
        let bare = Event {
            id: EventId(1),
            kind: EventKind::Return,
            clip: None,
            creator: None,
            product: None,
            slate: None,
            position: None,
            occurred_at: at(-6),
        };
        let bytes = encode(&bare, Market::US, at(7));
        check(&(bare, Market::US, at(7)), &bytes, 0x7b5d_bfe0_fb4c_c9ed, decode);
        assert_eq!(bytes[0], 0x85, "five fields are never absent");
    }

    #[test]
    fn every_kind_comes_back_by_its_word() {
        let watch = EventKind::Watch { watch_ms: 0, loops: 0 };
        let kinds = [watch, EventKind::Like, EventKind::UnhideCreator, EventKind::Purchase];
        let mut all = Vec::new();
        for kind in kinds {
            let event = Event {
                id: EventId(1),
                kind,
                clip: Some(ClipId::from_bits(1)),
                creator: None,
                product: None,
                slate: None,
                position: None,
                occurred_at: Timestamp::EPOCH,
            };
            let bytes = encode(&event, Market::US, Timestamp::EPOCH);
            assert_eq!(decode(&bytes).unwrap().0, event);
            all.extend(bytes);
        }
        assert_eq!(digest(&all), 0x4d4e_ce84_5246_1dc2);
    }
}
