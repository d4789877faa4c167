//! Feed sessions in redb: one row per page, written after the answer.

use async_trait::async_trait;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::{FEED_PAGES, FEED_PAGES_BY_TIME};
use crate::domain::account::Market;
use crate::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, ServedItem, ServedPage, SessionHead};

/// Each page repeats the session's head: so one write needs no read, and any page may be lost.
#[derive(Serialize, Deserialize)]
struct PageRow {
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

impl PageRow {
    fn new(session: &SessionHead, page: &ServedPage) -> Self {
        let item = |one: &ServedItem| (one.clip.bits(), one.source, one.propensity, one.score);
        Self {
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
        }
    }

    fn head(&self, id: FeedSessionId) -> Result<SessionHead, StoreError> {
        let market = Market::new(&self.market);
        Ok(SessionHead {
            id,
            viewer: AccountId::from_bits(self.viewer),
            following: self.following,
            market: market.ok_or_else(|| corrupt("feed_pages", id, "market"))?,
            seed: self.seed,
            started_at: Timestamp::from_unix_ms(self.started_at_ms),
        })
    }

    fn page(self, number: u32) -> ServedPage {
        let item = |(clip, source, propensity, score)| ServedItem {
            clip: ClipId::from_bits(clip),
            source,
            propensity,
            score,
        };
        ServedPage {
            number,
            slate: SlateId::from_bits(self.slate),
            served_at: Timestamp::from_unix_ms(self.served_at_ms),
            log_offset: self.log_offset,
            config: self.config,
            items: self.items.into_iter().map(item).collect(),
            exhausted: self.exhausted,
            degraded: self.degraded,
        }
    }
}

#[async_trait]
impl FeedSessions for Embedded {
    fn record(&self, session: &SessionHead, page: &ServedPage) {
        let key = (session.id.bits(), page.number);
        let started_at_ms = session.started_at.unix_ms();
        let row = encode(&PageRow::new(session, page));
        self.write_later(move |txn| {
            let mut pages = txn.open_table(FEED_PAGES).map_err(io)?;
            pages.insert(key, row.as_slice()).map_err(io)?;
            if key.1 == 0 {
                let mut by_time = txn.open_table(FEED_PAGES_BY_TIME).map_err(io)?;
                by_time.insert((started_at_ms, key.0), ()).map_err(io)?;
            }
            Ok(())
        });
    }

    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(FEED_PAGES).map_err(io)?;
            let mut head = None;
            let mut pages = Vec::new();
            for entry in table.range((id.bits(), 0)..=(id.bits(), u32::MAX)).map_err(io)? {
                let (key, row) = entry.map_err(io)?;
                let row: PageRow = decode("feed_pages", id, row.value())?;
                head = Some(row.head(id)?);
                pages.push(row.page(key.value().1));
            }
            Ok(head.map(|head| (head, pages)))
        })
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |txn| {
            let mut by_time = txn.open_table(FEED_PAGES_BY_TIME).map_err(io)?;
            let mut pages = txn.open_table(FEED_PAGES).map_err(io)?;
            let mut old = Vec::new();
            for entry in by_time.range(..(before.unix_ms(), 0)).map_err(io)?.take(limit) {
                old.push(entry.map_err(io)?.0.value());
            }
            let mut forgotten = 0;
            for key in old {
                let session = (key.1, 0)..=(key.1, u32::MAX);
                let mut keys = Vec::new();
                for entry in pages.range(session).map_err(io)?.take(limit - forgotten) {
                    keys.push(entry.map_err(io)?.0.value());
                }
                for page in &keys {
                    pages.remove(page).map_err(io)?;
                }
                forgotten += keys.len();
                if forgotten >= limit {
                    break; // What is left of this session is taken by the next call.
                }
                by_time.remove(key).map_err(io)?;
            }
            Ok(forgotten)
        })
        .await
    }
}
