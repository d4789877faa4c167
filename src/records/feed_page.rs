//! Pages of feed sessions. Each repeats the session's head: so one write needs no read, and any page
//! may be lost.

use serde::{Deserialize, Serialize};

use crate::domain::feed_session::{ServedItem, ServedPage, SessionHead};
use crate::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, market, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    viewer: u128,
    following: bool,
    market: String,
    seed: u64,
    started_at_ms: i64,
    slate: u128,
    served_at_ms: i64,
    log_offset: u64,
    config: u64,
    /// Clip, source, propensity, score.
    items: Vec<(u128, u8, f32, f32)>,
    exhausted: bool,
    degraded: bool,
}

/// The bytes of a page of `session`.
pub fn encode(session: &SessionHead, page: &ServedPage) -> Vec<u8> {
    let item = |one: &ServedItem| (one.clip.bits(), one.source, one.propensity, one.score);
    to_bytes(&Row {
        viewer: session.viewer.bits(),
        following: session.following,
        market: session.market.code().to_owned(),
        seed: session.seed,
        started_at_ms: session.started_at.unix_ms(),
        slate: page.slate.bits(),
        served_at_ms: page.served_at.unix_ms(),
        log_offset: page.log_offset,
        config: page.config,
        items: page.items.iter().map(item).collect(),
        exhausted: page.exhausted,
        degraded: page.degraded,
    })
}

/// The page that these bytes are, with its session's head.
pub fn decode(
    session: FeedSessionId,
    number: u32,
    bytes: &[u8],
) -> Result<(SessionHead, ServedPage), Damaged> {
    let row: Row = from_bytes(bytes)?;
    let head = SessionHead {
        id: session,
        viewer: AccountId::from_bits(row.viewer),
        following: row.following,
        market: market(&row.market)?,
        seed: row.seed,
        started_at: Timestamp::from_unix_ms(row.started_at_ms),
    };
    let item = |(clip, source, propensity, score)| ServedItem {
        clip: ClipId::from_bits(clip),
        source,
        propensity,
        score,
    };
    let page = ServedPage {
        number,
        slate: SlateId::from_bits(row.slate),
        served_at: Timestamp::from_unix_ms(row.served_at_ms),
        log_offset: row.log_offset,
        config: row.config,
        items: row.items.into_iter().map(item).collect(),
        exhausted: row.exhausted,
        degraded: row.degraded,
    };
    Ok((head, page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Market;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back() {
        let session = FeedSessionId::from_bits(1);
        let at = Timestamp::from_unix_ms;
        let head = SessionHead {
            id: session,
            viewer: AccountId::from_bits(2),
            following: true,
            market: Market::new("DE").unwrap(),
            seed: u64::MAX,
            started_at: at(3),
        };
        let item = |clip: u128| ServedItem {
            clip: ClipId::from_bits(clip),
            source: 3,
            propensity: 0.25,
            score: -1.5,
        };
        let page = |items, degraded: bool| ServedPage {
            number: 4,
            slate: SlateId::from_bits(5),
            served_at: at(6),
            log_offset: 7,
            config: u64::MAX,
            items,
            exhausted: !degraded,
            degraded,
        };
        for (pinned, page) in [
            (0xa1da_d0ea_6638_bda8, page((0..3).map(item).collect(), true)),
            (0xef8d_8e8d_1c86_5c8e, page(Vec::new(), false)),
        ] {
            let bytes = encode(&head, &page);
            check(&(head, page), &bytes, pinned, |bytes| decode(session, 4, bytes));
        }
    }
}
