//! Feed sessions in redb: one row per page, written after the answer, many at once.
//!
//! A page is served thousands of times a second. Its row is put aside, and one command per moment
//! writes all rows that were put aside: a page then costs neither a wake-up of the writer nor a commit.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use redb::{ReadableTable, WriteTransaction};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{FEED_PAGES, FEED_PAGES_BY_TIME, FEED_SLATES};
use crate::domain::id::{FeedSessionId, SlateId};
use crate::domain::limits::UNWRITTEN_PAGES_MAX;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};
use crate::records;

/// A page that is put aside.
struct Row {
    session: u128,
    number: u32,
    slate: u128,
    started_at_ms: i64,
    bytes: Vec<u8>,
}

/// The pages that are put aside.
#[derive(Default)]
pub(super) struct Unwritten {
    waiting: Mutex<Waiting>,
    /// Pages that were put aside so far, and how many of them are known to be written.
    recorded: AtomicU64,
    written: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<Row>,
    /// A command is on its way that will write them.
    called: bool,
}

/// The command that writes what is put aside. If it is dropped without having run, because the queue
/// is full or its group was undone before its turn, the next page calls for another.
struct WriteAll(Option<Arc<Unwritten>>);

impl WriteAll {
    fn run(mut self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let Some(unwritten) = self.0.take() else { return Ok(()) };
        let Waiting { rows, .. } = std::mem::take(&mut *unwritten.waiting.lock());
        let mut pages = txn.open_table(FEED_PAGES).map_err(io)?;
        let mut by_time = txn.open_table(FEED_PAGES_BY_TIME).map_err(io)?;
        let mut slates = txn.open_table(FEED_SLATES).map_err(io)?;
        for row in &rows {
            slates.insert(row.slate, (row.session, row.number)).map_err(io)?;
            pages.insert((row.session, row.number), row.bytes.as_slice()).map_err(io)?;
            if row.number == 0 {
                by_time.insert((row.started_at_ms, row.session), ()).map_err(io)?;
            }
        }
        Ok(())
    }
}

impl Drop for WriteAll {
    fn drop(&mut self) {
        if let Some(unwritten) = &self.0 {
            unwritten.waiting.lock().called = false;
        }
    }
}

impl Embedded {
    /// Pages of a session in order, each with what it says of the session.
    fn recorded(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<(SessionHead, ServedPage)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(FEED_PAGES).map_err(io)?;
            let keys = (id.bits(), *numbers.start())..=(id.bits(), *numbers.end());
            let mut pages = Vec::new();
            for entry in table.range(keys).map_err(io)? {
                let (key, row) = entry.map_err(io)?;
                let found = records::feed_page::decode(id, key.value().1, row.value());
                pages.push(found.map_err(damaged("feed_pages", id))?);
            }
            Ok(pages)
        })
    }

    /// Writes what is put aside, if anything is: who asks for a page may have seen it a moment ago.
    async fn write_waiting(&self) -> Result<(), StoreError> {
        let unwritten = Arc::clone(&self.inner.pages);
        let recorded = unwritten.recorded.load(Ordering::Relaxed);
        if unwritten.written.load(Ordering::Relaxed) < recorded {
            let all = Arc::clone(&unwritten);
            self.write(move |txn| WriteAll(Some(Arc::clone(&all))).run(txn)).await?;
            unwritten.written.fetch_max(recorded, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[async_trait]
impl FeedSessions for Embedded {
    fn is_shared(&self) -> bool {
        false
    }

    fn record(&self, session: &SessionHead, page: &ServedPage) {
        let row = Row {
            session: session.id.bits(),
            number: page.number,
            slate: page.slate.bits(),
            started_at_ms: session.started_at.unix_ms(),
            bytes: records::feed_page::encode(session, page),
        };
        let unwritten = &self.inner.pages;
        let called = {
            let mut waiting = unwritten.waiting.lock();
            if waiting.rows.len() >= UNWRITTEN_PAGES_MAX {
                tracing::debug!("a page of a feed was not kept: too many wait");
                return;
            }
            waiting.rows.push(row);
            unwritten.recorded.fetch_add(1, Ordering::Relaxed);
            std::mem::replace(&mut waiting.called, true)
        };
        if !called {
            let all = WriteAll(Some(Arc::clone(unwritten)));
            self.write_later(move |txn| all.run(txn));
        }
    }

    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        self.write_waiting().await?;
        let found = self.recorded(id, 0..=u32::MAX)?;
        let head = found.last().map(|(head, _)| *head);
        Ok(head.map(|head| (head, found.into_iter().map(|(_, page)| page).collect())))
    }

    async fn pages(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError> {
        self.write_waiting().await?;
        Ok(self.recorded(id, numbers)?.into_iter().map(|(_, page)| page).collect())
    }

    async fn find(&self, slate: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
        self.write_waiting().await?;
        self.read(|txn| {
            let slates = txn.open_table(FEED_SLATES).map_err(io)?;
            let Some(place) = slates.get(slate.bits()).map_err(io)? else { return Ok(None) };
            let (session, number) = place.value();
            let pages = txn.open_table(FEED_PAGES).map_err(io)?;
            let Some(row) = pages.get((session, number)).map_err(io)? else { return Ok(None) };
            let session = FeedSessionId::from_bits(session);
            let found = records::feed_page::decode(session, number, row.value());
            let found = found.map_err(damaged("feed_pages", session))?;
            // Of two pages of one number the later one is kept.
            Ok((found.1.slate == slate).then_some(found))
        })
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |txn| {
            let mut by_time = txn.open_table(FEED_PAGES_BY_TIME).map_err(io)?;
            let mut pages = txn.open_table(FEED_PAGES).map_err(io)?;
            let mut slates = txn.open_table(FEED_SLATES).map_err(io)?;
            let mut old = Vec::new();
            for entry in by_time.range(..(before.unix_ms(), 0)).map_err(io)?.take(limit) {
                old.push(entry.map_err(io)?.0.value());
            }
            let mut forgotten = 0;
            for key in old {
                let session = (key.1, 0)..=(key.1, u32::MAX);
                let mut keys = Vec::new();
                for entry in pages.range(session).map_err(io)?.take(limit - forgotten) {
                    let (page, row) = entry.map_err(io)?;
                    let (session, number) = page.value();
                    keys.push((session, number));
                    // A row that makes no sense has no slate that could be found.
                    let id = FeedSessionId::from_bits(session);
                    if let Ok((_, page)) = records::feed_page::decode(id, number, row.value()) {
                        slates.remove(page.slate.bits()).map_err(io)?;
                    }
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
