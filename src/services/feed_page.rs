//! A page of a feed: from a request to JSON.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::account::Market;
use crate::domain::engagement::ClipCounters;
use crate::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use crate::domain::limits::{FEED_SESSION_TTL_MS, FEED_STORE_DEADLINE_MS};
use crate::domain::time::{HOUR_MS, Timestamp};
use crate::feed::index::{SharedIndex, clip_key};
use crate::feed::pipeline::{Pipeline, Slate, StageTrace};
use crate::feed::query::{FeedQuery, Surface};
use crate::feed::shop_feed;
use crate::feed::stage::SideEffect;
use crate::feed::values::LiveValues;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{Basis, FeedSessions, ServedPage, SessionHead};
use crate::ports::media_links::MediaLinks;
use crate::ports::signer::Signer;
use crate::ranking::order::mix;
use crate::services::engagement::Engagement;
use crate::services::feed_cursor::FeedCursor;
use crate::services::feed_made::{Made, make};
use crate::services::feed_render::FeedRender;
use crate::services::feed_sessions::{Session, Sessions};
use crate::services::viewers::Viewers;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor was not made here, or for someone else, or for another surface.
    #[error("the cursor was not made for this feed and viewer: start without one")]
    InvalidCursor,
    /// The session is over.
    #[error("the session is over: start without a cursor")]
    CursorExpired,
    /// The watermark is ahead of anything that happened.
    #[error("no event has this watermark yet")]
    UnknownWatermark,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The surface of a word of the API.
pub fn parse_surface(word: &str) -> Option<Surface> {
    Surface::from_word(word)
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// Who asks.
    pub viewer: AccountId,
    /// Which feed; with a cursor it may be left out.
    pub surface: Option<Surface>,
    /// Clips wanted.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<&'a str>,
    /// The page must reflect the events up to this watermark.
    pub after: Option<u64>,
}

/// A page, ready to be sent.
#[derive(Clone, Debug, Default)]
pub struct FeedPage {
    /// JSON.
    pub body: Vec<u8>,
    /// What each stage cost; empty for a page that was served before.
    pub trace: Vec<StageTrace>,
    /// What each source brought; empty for a page that was served before.
    pub brought: Vec<(&'static str, u32)>,
}

/// What the service stands on.
pub struct FeedPorts {
    /// Pages that were served.
    pub sessions: Arc<dyn FeedSessions>,
    /// Links to media.
    pub links: Arc<dyn MediaLinks>,
    /// Signs cursors and attribution.
    pub signer: Arc<dyn Signer>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// Serves pages.
pub struct FeedPages {
    for_you: Pipeline,
    following: Pipeline,
    index: SharedIndex,
    viewers: Arc<Viewers>,
    engagement: Arc<Engagement>,
    sessions: Sessions,
    side_effects: Vec<Box<dyn SideEffect>>,
    values: Arc<LiveValues>,
    /// Whose steps the pages follow from; 0 if none are kept.
    lane: u128,
    render: FeedRender,
    ports: FeedPorts,
    session_ttl_ms: i64,
}

/// Records each page, so that a replayed cursor finds it after a restart.
struct RecordPage(Arc<dyn FeedSessions>);

impl SideEffect for RecordPage {
    fn name(&self) -> &'static str {
        "record_page"
    }

    fn run(&self, session: &SessionHead, page: &ServedPage) {
        self.0.record(session, page);
    }
}

/// What the stores answer; `None` if they are away or too slow for a page.
async fn in_time<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Option<Result<T, StoreError>> {
    match tokio::time::timeout(Duration::from_millis(FEED_STORE_DEADLINE_MS), call).await {
        Ok(Err(StoreError::Unavailable(cause) | StoreError::OutcomeUnknown(cause))) => {
            tracing::debug!(%cause, "a page is made without the stores");
            None
        }
        Ok(answer) => Some(answer),
        Err(late) => {
            tracing::debug!(cause = %late, "a page is made without the stores");
            None
        }
    }
}

impl FeedPages {
    /// Over an index, with the stages of `shop_feed`.
    pub fn new(
        ports: FeedPorts,
        index: SharedIndex,
        viewers: Arc<Viewers>,
        engagement: Arc<Engagement>,
    ) -> Self {
        let over = || Arc::clone(&index);
        Self {
            for_you: shop_feed::for_you(&index),
            following: shop_feed::following(&index),
            sessions: Sessions::new(Arc::clone(&ports.sessions), over()),
            side_effects: vec![Box::new(RecordPage(Arc::clone(&ports.sessions)))],
            render: FeedRender::new(over(), Arc::clone(&ports.links), Arc::clone(&ports.signer)),
            index,
            viewers,
            engagement,
            ports,
            values: Arc::default(),
            lane: 0,
            session_ttl_ms: FEED_SESSION_TTL_MS,
        }
    }

    /// The same service with cursors that lead on for another time.
    #[must_use]
    pub fn with_session_ttl_ms(mut self, session_ttl_ms: i64) -> Self {
        self.session_ttl_ms = session_ttl_ms;
        self
    }

    /// The same service under settings that may change while it serves.
    #[must_use]
    pub fn with_values(mut self, values: Arc<LiveValues>) -> Self {
        self.values = values;
        self
    }

    /// The same service with pages that name the lane in which this process's steps are kept.
    #[must_use]
    pub fn with_lane(mut self, lane: u128) -> Self {
        self.lane = lane;
        self
    }

    /// The same service with other stages on the surface `for_you`: another ranker, a failing source.
    #[must_use]
    pub fn with_pipeline(mut self, for_you: Pipeline) -> Self {
        self.for_you = for_you;
        self
    }

    /// The page that is asked for.
    pub async fn page(&self, request: PageRequest<'_>) -> Result<FeedPage, FeedError> {
        let now = self.ports.clock.now();
        let reached = match request.after {
            Some(after) => self.reach(after).await?,
            None => true,
        };
        let (user, known) = match in_time(self.viewers.state(request.viewer)).await {
            Some(user) => (user?, true),
            None => (self.viewers.stranger(), false),
        };
        let whole = reached && known && !self.engagement.is_behind();
        let (market, personalised) = {
            let user = user.read();
            (user.market, user.personalised)
        };
        let (session, number) = match request.cursor {
            None => (self.begin(&request, market, personalised, now), 0),
            Some(text) => self.resume(text, &request, market, now).await?,
        };
        let known = session.progress.lock().page(number); // Lets go before the index is locked.
        if let Some(page) = known {
            return Ok(self.show(&session.head, &page, now));
        }
        let mut is_degraded = session.is_partial.load(Ordering::Relaxed);
        match self.long_ago(&session, number).await {
            Ok(Some(page)) => return Ok(self.show(&session.head, &page, now)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a page that was served before is made anew");
                is_degraded = true;
            }
        }
        let mut query = FeedQuery::new(request.viewer, user, now, request.limit);
        query.surface = if session.head.following { Surface::Following } else { Surface::ForYou };
        query.market = session.head.market;
        query.values = self.values.get();
        query.seed = mix(session.head.seed ^ u64::from(number));
        let (walk, since) = {
            let progress = session.progress.lock();
            query.served = Arc::clone(&progress.served);
            query.shown.clone_from(&progress.shown);
            query.not_after = progress.not_after;
            let since = if progress.walk.is_none() { number } else { progress.since };
            (progress.walk.clone(), since)
        };
        let pipeline = match query.surface {
            Surface::ForYou => &self.for_you,
            Surface::Following => &self.following,
        };
        let seed = session.head.seed;
        let mut made = make(pipeline, &self.index, &mut query, (walk, seed)).await;
        made.slate.degraded |= is_degraded || !whole;
        made.since = since;
        let loaded = query.user.read().loaded;
        let lane = if session.is_partial.load(Ordering::Relaxed) || loaded.is_none() {
            0
        } else {
            self.lane
        };
        let basis = made.basis(&query, (lane, loaded), session.resumed);
        let config = query.values.digest();
        drop(query); // Lets go of the session's set, so that it is extended in place.
        let (page, slate) = self.commit(&session, number, made, (basis, config, now));
        let Slate { trace, brought, .. } = slate;
        Ok(FeedPage { trace, brought, ..self.show(&session.head, &page, now) })
    }

    /// What was counted of a clip: nothing for one that the feed does not show.
    pub fn counted(&self, clip: ClipId) -> ClipCounters {
        let index = self.index.read();
        index.ordinal(clip).map(|ordinal| *index.counters(ordinal)).unwrap_or_default()
    }

    /// Waits until the index has taken in the event at `after`; `false` if the log does not answer.
    async fn reach(&self, after: u64) -> Result<bool, FeedError> {
        if self.index.read().applied() >= after {
            return Ok(true);
        }
        match in_time(self.engagement.catch_up()).await.transpose()? {
            Some(reached) if reached < after => Err(FeedError::UnknownWatermark),
            reached => Ok(reached.is_some()),
        }
    }

    fn begin(
        &self,
        request: &PageRequest<'_>,
        market: Market,
        personalised: bool,
        now: Timestamp,
    ) -> Arc<Session> {
        // Without personalisation chance must not tell viewers apart: it changes by market and hour.
        let seed = if personalised {
            self.ports.entropy.seed()
        } else {
            let market = market.code().bytes().fold(0, |sum, byte| (sum << 8) | u64::from(byte));
            mix(mix(market) ^ (now.unix_ms() / HOUR_MS) as u64)
        };
        self.sessions.begin(SessionHead {
            id: FeedSessionId::new(now, self.ports.entropy.bits()),
            viewer: request.viewer,
            following: request.surface == Some(Surface::Following),
            market,
            seed,
            started_at: now,
        })
    }

    async fn resume(
        &self,
        text: &str,
        request: &PageRequest<'_>,
        market: Market,
        now: Timestamp,
    ) -> Result<(Arc<Session>, u32), FeedError> {
        let cursor = FeedCursor::open(text, request.viewer, &*self.ports.signer)
            .ok_or(FeedError::InvalidCursor)?;
        if request.surface.is_some_and(|surface| surface != cursor.surface) {
            return Err(FeedError::InvalidCursor);
        }
        if now.since_ms(cursor.started_at) > self.session_ttl_ms {
            return Err(FeedError::CursorExpired);
        }
        let head = SessionHead {
            id: cursor.session,
            viewer: request.viewer,
            following: cursor.surface == Surface::Following,
            market,
            seed: cursor.seed,
            started_at: cursor.started_at,
        };
        Ok((self.sessions.resume(head, &cursor).await, cursor.page))
    }

    /// A page that memory has let go of, if the request repeats one.
    async fn long_ago(
        &self,
        session: &Session,
        number: u32,
    ) -> Result<Option<Arc<ServedPage>>, StoreError> {
        let newest = session.progress.lock().pages.iter().map(|page| page.number).max();
        if newest.is_none_or(|newest| newest < number) {
            return Ok(None);
        }
        self.sessions.old_page(&session.head, number).await
    }

    /// Makes the slate the session's page of that number, unless another request was faster: then its
    /// page is the page.
    fn commit(
        &self,
        session: &Session,
        number: u32,
        made: Made,
        (basis, config, now): (Basis, u64, Timestamp),
    ) -> (Arc<ServedPage>, Slate) {
        let Made { mut slate, items, faces, mark, since, .. } = made;
        let page = Arc::new(ServedPage {
            number,
            slate: SlateId::new(now, self.ports.entropy.bits()),
            served_at: now,
            log_offset: mark.offset,
            config,
            items,
            exhausted: slate.exhausted,
            degraded: slate.degraded,
            basis: Some(basis),
        });
        let mut progress = session.progress.lock();
        if let Some(first) = progress.page(number) {
            return (first, slate);
        }
        progress.take(&page, faces);
        progress.since = since;
        progress.walk = Some(std::mem::take(&mut slate.walk));
        drop(progress);
        for effect in &self.side_effects {
            effect.run(&session.head, &page);
        }
        (page, slate)
    }

    fn show(&self, session: &SessionHead, page: &ServedPage, now: Timestamp) -> FeedPage {
        let next = (!page.exhausted).then(|| {
            let surface = if session.following { Surface::Following } else { Surface::ForYou };
            let cursor = FeedCursor {
                surface,
                session: session.id,
                page: page.number + 1,
                seed: session.seed,
                started_at: session.started_at,
                shown: page.items.iter().map(|item| clip_key(item.clip)).collect(),
            };
            cursor.seal(session.viewer, &*self.ports.signer)
        });
        let body = self.render.page(session.viewer, page, next.as_deref(), now);
        FeedPage { body, ..FeedPage::default() }
    }

    /// Forgets sessions whose cursors have expired, in one bounded step; answers how many pages.
    pub async fn forget_old(&self, limit: usize) -> Result<usize, StoreError> {
        let before = self.ports.clock.now().plus_ms(self.session_ttl_ms.saturating_mul(-2));
        self.sessions.forget(before, limit).await
    }
}
