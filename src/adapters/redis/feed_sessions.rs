//! Feed sessions in Redis: a hash per session, a field per page.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use redis::{Script, cmd};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::adapters::redis::link::RedisLink;
use crate::domain::id::{FeedSessionId, SlateId};
use crate::domain::limits::{FEED_SESSION_TTL_MS, PAGES_UNRECORDED_MAX};
use crate::domain::time::{SECOND_MS, Timestamp};
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};
use crate::records;

/// Records a page unless that page of the session was served before, and keeps the session a while.
static RECORD: &str = include_str!("../../../schema/redis/record_page.lua");

/// A page on its way.
struct Unrecorded {
    session: FeedSessionId,
    number: u32,
    slate: SlateId,
    body: Vec<u8>,
}

/// Feed sessions over Redis. [`RedisFeedSessions::run`] must run for pages to be recorded.
pub struct RedisFeedSessions {
    link: RedisLink,
    outbox: mpsc::Sender<Unrecorded>,
    inbox: Mutex<mpsc::Receiver<Unrecorded>>,
    record: Script,
}

impl RedisFeedSessions {
    /// Sessions over this link.
    pub fn new(link: RedisLink) -> Self {
        let (outbox, inbox) = mpsc::channel(PAGES_UNRECORDED_MAX);
        Self { link, outbox, inbox: Mutex::new(inbox), record: Script::new(RECORD) }
    }

    fn key(&self, session: FeedSessionId) -> String {
        self.link.key(&format!("feed:{{{session}}}"))
    }

    fn slate_key(&self, slate: SlateId) -> String {
        self.link.key(&format!("slate:{slate}"))
    }

    /// Notes where a slate is found, as long as its session.
    async fn note(&self, page: &Unrecorded) -> Result<(), StoreError> {
        let mut set = cmd("SET");
        let place = format!("{} {}", page.session.bits(), page.number);
        set.arg(self.slate_key(page.slate)).arg(place);
        set.arg("EX").arg(2 * FEED_SESSION_TTL_MS / SECOND_MS);
        self.link.command(&set).await
    }

    /// Records pages until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut inbox = self.inbox.lock().await;
        loop {
            let page = tokio::select! {
                () = stop.cancelled() => return,
                page = inbox.recv() => page,
            };
            let Some(page) = page else { return };
            if let Err(error) = self.note(&page).await {
                tracing::debug!(%error, "a slate will not be found by its id");
            }
            let mut call = self.record.key(self.key(page.session));
            call.arg(page.number).arg(page.body).arg(2 * FEED_SESSION_TTL_MS / SECOND_MS);
            if let Err(error) = self.link.script::<()>(&call).await {
                tracing::debug!(%error, "a page is not recorded; its cursor carries what is needed");
            }
        }
    }
}

fn decoded(
    id: FeedSessionId,
    number: u32,
    body: &[u8],
) -> Result<(SessionHead, ServedPage), StoreError> {
    records::feed_page::decode(id, number, body).map_err(|damage| StoreError::Corrupt {
        table: "feed sessions",
        key: id.to_string(),
        detail: damage.to_string(),
    })
}

#[async_trait]
impl FeedSessions for RedisFeedSessions {
    fn is_shared(&self) -> bool {
        true
    }

    fn record(&self, session: &SessionHead, page: &ServedPage) {
        let body = records::feed_page::encode(session, page);
        let (number, slate) = (page.number, page.slate);
        let page = Unrecorded { session: session.id, number, slate, body };
        if self.outbox.try_send(page).is_err() {
            tracing::debug!("too many pages wait to be recorded; one is dropped");
        }
    }

    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        let mut read = cmd("HGETALL");
        read.arg(self.key(id));
        let fields: Vec<(u32, Vec<u8>)> = self.link.command(&read).await?;
        let mut head = None;
        let mut pages = Vec::with_capacity(fields.len());
        for (number, body) in fields {
            let (session, page) = decoded(id, number, &body)?;
            head = Some(session);
            pages.push(page);
        }
        pages.sort_unstable_by_key(|page| page.number);
        Ok(head.map(|head| (head, pages)))
    }

    async fn pages(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError> {
        let mut read = cmd("HMGET");
        read.arg(self.key(id));
        for number in numbers.clone() {
            read.arg(number);
        }
        let fields: Vec<Option<Vec<u8>>> = self.link.command(&read).await?;
        let found = numbers.zip(fields).filter_map(|(number, body)| Some((number, body?)));
        found.map(|(number, body)| Ok(decoded(id, number, &body)?.1)).collect()
    }

    async fn find(&self, slate: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
        let mut read = cmd("GET");
        read.arg(self.slate_key(slate));
        let Some(place) = self.link.command::<Option<String>>(&read).await? else {
            return Ok(None);
        };
        let place = place.split_once(' ');
        let place = place.and_then(|(id, number)| Some((id.parse().ok()?, number.parse().ok()?)));
        let Some((session, number)) = place else { return Ok(None) };
        let session = FeedSessionId::from_bits(session);
        let mut read = cmd("HGET");
        read.arg(self.key(session)).arg::<u32>(number);
        let Some(body) = self.link.command::<Option<Vec<u8>>>(&read).await? else {
            return Ok(None);
        };
        let found = decoded(session, number, &body)?;
        // Of two nodes that made a page of one number at once only the first one's stays.
        Ok((found.1.slate == slate).then_some(found))
    }

    async fn forget(&self, _before: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0) // They end by themselves.
    }
}
