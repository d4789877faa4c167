//! Pages of feed sessions. Each repeats the session's head: so one write needs no read, and any page
//! may be lost.

use serde::{Deserialize, Serialize};

use crate::domain::feed_session::{
    Basis, Loaded, Mark, SCORE_INPUTS, ServedItem, ServedPage, SessionHead,
};
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
    /// By item: all sources, and what the score was made of. Earlier releases left it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scored: Vec<(u16, [f32; SCORE_INPUTS])>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<BasisRow>,
}

#[derive(Serialize, Deserialize)]
struct BasisRow {
    model: Vec<f32>,
    limit: u32,
    personalised: bool,
    shoppable_share: u32,
    lane: u128,
    step: u64,
    /// Step, offset, offset of the rows, Unix ms.
    viewer: Option<(u64, u64, u64, i64)>,
    since: u32,
    /// Step, offset.
    resumed: Option<(u64, u64)>,
}

impl From<&Basis> for BasisRow {
    fn from(basis: &Basis) -> Self {
        let loaded = |one: Loaded| (one.at.step, one.at.offset, one.rows, one.time.unix_ms());
        Self {
            model: basis.model.clone(),
            limit: basis.limit,
            personalised: basis.personalised,
            shoppable_share: basis.shoppable_share,
            lane: basis.lane,
            step: basis.step,
            viewer: basis.viewer.map(loaded),
            since: basis.since,
            resumed: basis.resumed.map(|mark| (mark.step, mark.offset)),
        }
    }
}

impl From<BasisRow> for Basis {
    fn from(row: BasisRow) -> Self {
        let mark = |(step, offset)| Mark { step, offset };
        let loaded = |(step, offset, rows, ms)| Loaded {
            at: mark((step, offset)),
            rows,
            time: Timestamp::from_unix_ms(ms),
        };
        Self {
            model: row.model,
            limit: row.limit,
            personalised: row.personalised,
            shoppable_share: row.shoppable_share,
            lane: row.lane,
            step: row.step,
            viewer: row.viewer.map(loaded),
            since: row.since,
            resumed: row.resumed.map(mark),
        }
    }
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
        scored: scored(page),
        basis: page.basis.as_ref().map(BasisRow::from),
    })
}

/// What else is known of the items; nothing of those of earlier releases.
fn scored(page: &ServedPage) -> Vec<(u16, [f32; SCORE_INPUTS])> {
    if page.basis.is_none() {
        return Vec::new();
    }
    page.items.iter().map(|item| (item.sources, item.inputs)).collect()
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
    let mut scored = row.scored.into_iter();
    let item = |(clip, source, propensity, score): (u128, u8, f32, f32)| {
        let unknown = (1_u16.checked_shl(u32::from(source)).unwrap_or(0), [0.0; SCORE_INPUTS]);
        let (sources, inputs) = scored.next().unwrap_or(unknown);
        let clip = ClipId::from_bits(clip);
        ServedItem { clip, source, propensity, score, sources, inputs }
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
        basis: row.basis.map(Basis::from),
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
            sources: 1 << 3,
            inputs: [0.0; SCORE_INPUTS],
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
            basis: None,
        };
        for (pinned, page) in [
            (0xa1da_d0ea_6638_bda8, page((0..3).map(item).collect(), true)),
            (0xef8d_8e8d_1c86_5c8e, page(Vec::new(), false)),
        ] {
            let bytes = encode(&head, &page);
            check(&(head, page), &bytes, pinned, |bytes| decode(session, 4, bytes));
        }
        let explained = |clip| ServedItem {
            sources: 5,
            inputs: std::array::from_fn(|place| place as f32 / 8.0),
            ..item(clip)
        };
        let basis = Basis {
            model: vec![1.5, -40.0],
            limit: 8,
            personalised: true,
            shoppable_share: 300_000,
            lane: u128::MAX,
            step: 9,
            viewer: Some(Loaded { at: Mark { step: 10, offset: 11 }, rows: 16, time: at(12) }),
            since: 13,
            resumed: Some(Mark { step: 14, offset: 15 }),
        };
        let items = (0..3).map(explained).collect();
        let page = ServedPage { basis: Some(basis), ..page(items, true) };
        let bytes = encode(&head, &page);
        check(&(head, page), &bytes, 6_543_916_930_429_128_494, |bytes| decode(session, 4, bytes));
    }
}
