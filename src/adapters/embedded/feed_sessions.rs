//! Feed sessions in redb: one row per page, written after the answer.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{FEED_PAGES, FEED_PAGES_BY_TIME};
use crate::domain::id::FeedSessionId;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};
use crate::records;

#[async_trait]
impl FeedSessions for Embedded {
    fn record(&self, session: &SessionHead, page: &ServedPage) {
        let key = (session.id.bits(), page.number);
        let started_at_ms = session.started_at.unix_ms();
        let row = records::feed_page::encode(session, page);
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
                let found = records::feed_page::decode(id, key.value().1, row.value());
                let (session, page) = found.map_err(damaged("feed_pages", id))?;
                head = Some(session);
                pages.push(page);
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
