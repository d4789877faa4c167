//! Feed sessions in memory, rebuilt from their stored pages and the cursor when they are gone, and brought
//! up to date where other nodes serve pages of them too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use crate::domain::limits::{BUDGET_WINDOW, SESSIONS_IN_MEMORY_MAX};
use crate::domain::time::Timestamp;
use crate::feed::index::{Index, SharedIndex, clip_key};
use crate::feed::query::{ShownFace, Walk};
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, Mark, ServedItem, ServedPage, SessionHead};
use crate::services::feed_cursor::FeedCursor;
use crate::services::recent::Recent;

/// Pages kept in memory per session, for clients that repeat a request; older ones are in the store.
const PAGES: usize = 8;
/// Faces kept for the slate rules: the longest window but one.
const FACES: usize = BUDGET_WINDOW - 1;

/// How far a session has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The newest pages, the latest at the end.
    pub pages: VecDeque<Arc<ServedPage>>,
    /// Keys of all clips shown.
    pub served: Arc<FxHashSet<u64>>,
    /// The clips shown last.
    pub shown: Vec<ShownFace>,
    /// The walk over all clips; `None` before the first page in this process.
    pub walk: Option<Walk>,
    /// The number of the first page that was made from what stands here.
    pub since: u32,
    /// Following: how far down in time the pages went.
    pub not_after: Option<Timestamp>,
}

/// What the clips of a page are now.
pub fn faces(page: &ServedPage, index: &Index) -> Vec<ShownFace> {
    let face = |item: &ServedItem| {
        let ordinal = index.ordinal(item.clip);
        ordinal.map_or_else(ShownFace::unknown, |ordinal| ShownFace::of(index, ordinal))
    };
    page.items.iter().map(face).collect()
}

impl Progress {
    /// How far a session has come whose pages these are, as far as the index knows their clips.
    pub fn of(pages: impl Iterator<Item = ServedPage>, index: &Index) -> Self {
        let mut progress = Self::default();
        for page in pages {
            let faces = faces(&page, index);
            progress.take(&Arc::new(page), faces);
        }
        progress
    }

    /// The page of that number, if it is still here.
    pub fn page(&self, number: u32) -> Option<Arc<ServedPage>> {
        self.pages.iter().find(|page| page.number == number).cloned()
    }

    /// The number after that of the newest page.
    fn next(&self) -> u32 {
        self.pages.back().map_or(0, |page| page.number + 1)
    }

    /// Takes in that `page` was served, with what its clips were.
    pub fn take(&mut self, page: &Arc<ServedPage>, faces: Vec<ShownFace>) {
        let served = Arc::make_mut(&mut self.served);
        served.extend(page.items.iter().map(|item| clip_key(item.clip)));
        self.not_after = faces.iter().rev().find_map(|face| face.published_at).or(self.not_after);
        self.shown.extend(faces);
        let surplus = self.shown.len().saturating_sub(FACES);
        self.shown.drain(..surplus);
        self.pages.push_back(Arc::clone(page));
        if self.pages.len() > PAGES {
            self.pages.pop_front();
        }
    }
}

/// A session in memory.
#[derive(Debug)]
pub struct Session {
    /// What it is.
    pub head: SessionHead,
    /// How far it has come.
    pub progress: Mutex<Progress>,
    /// Whether it was made up from its cursor alone because the store did not answer: clips of older
    /// pages may come again, so its pages are degraded.
    pub is_partial: AtomicBool,
    /// Where the ranking's state was when the session was taken up again; `None` if it began here.
    pub resumed: Option<Mark>,
}

/// All sessions.
pub struct Sessions {
    store: Arc<dyn FeedSessions>,
    index: SharedIndex,
    loaded: Recent<u128, Arc<Session>>,
}

impl Sessions {
    /// Over this store.
    pub fn new(store: Arc<dyn FeedSessions>, index: SharedIndex) -> Self {
        Self { store, index, loaded: Recent::new(SESSIONS_IN_MEMORY_MAX) }
    }

    /// A session that begins now.
    pub fn begin(&self, head: SessionHead) -> Arc<Session> {
        let session = Arc::new(Session {
            head,
            progress: Mutex::default(),
            is_partial: false.into(),
            resumed: None,
        });
        self.loaded.get_or_insert(head.id.bits(), session)
    }

    /// The session of a cursor. What neither memory nor the store knows any more is made up for by what
    /// the cursor carries, and so is all of it when the store fails: a page matters more than its past.
    /// `head` is what the session must be.
    pub async fn resume(&self, head: SessionHead, cursor: &FeedCursor) -> Arc<Session> {
        let before = self.loaded.get(&head.id.bits());
        if let Some(found) = &before {
            if !self.went_on_elsewhere(found, cursor).await {
                return Arc::clone(found);
            }
            // Taken up anew, as after a restart: then a replay knows what each page was made from.
            self.loaded.remove(&head.id.bits());
        }
        let (stored, is_partial) = match self.store.load(head.id).await {
            Ok(stored) => (stored, false),
            Err(error) => {
                tracing::warn!(%error, "a feed session goes on from its cursor alone");
                (None, true)
            }
        };
        let (head, mut pages) = stored.unwrap_or((head, Vec::new()));
        let known = before.map(|session| self.add_unrecorded(&session, &mut pages));
        let index = self.index.read();
        let resumed = Some(index.mark());
        let mut progress = Progress::of(pages.into_iter(), &index);
        drop(index);
        if is_partial {
            // What these clips were is not known: none of them makes room for one with something to buy.
            progress.shown = vec![ShownFace::unknown(); FACES];
        }
        let served = Arc::make_mut(&mut progress.served);
        served.extend(&cursor.shown);
        served.extend(known.iter().flat_map(|known| known.iter()));
        let session = Arc::new(Session {
            head,
            progress: Mutex::new(progress),
            is_partial: is_partial.into(),
            resumed,
        });
        self.loaded.get_or_insert(head.id.bits(), session)
    }

    /// Adds to a session's recorded pages those that this process served and whose record is late or lost, and
    /// records them again; answers the keys of all clips that the session is known to have shown.
    fn add_unrecorded(
        &self,
        session: &Session,
        pages: &mut Vec<ServedPage>,
    ) -> Arc<FxHashSet<u64>> {
        let progress = session.progress.lock();
        for page in &progress.pages {
            if !pages.iter().any(|recorded| recorded.number == page.number) {
                self.store.record(&session.head, page);
                pages.push(ServedPage::clone(page));
            }
        }
        pages.sort_unstable_by_key(|page| page.number);
        Arc::clone(&progress.served)
    }

    /// Whether other nodes have served pages of a session since this one did: a viewer's requests may go to
    /// any node, and one that is repeated to another one.
    async fn went_on_elsewhere(&self, session: &Session, cursor: &FeedCursor) -> bool {
        let next = session.progress.lock().next();
        if !self.store.is_shared() || cursor.page < next {
            return false;
        }
        let stored = self.store.pages(session.head.id, next..=cursor.page).await;
        if stored.as_ref().is_ok_and(|pages| !pages.is_empty()) {
            return true;
        }
        if let Err(error) = &stored {
            tracing::debug!(%error, "what other nodes served of a session is not known");
            // The cursor has the clips of one page; those of earlier ones may come again.
            if cursor.page > next + 1 {
                session.is_partial.store(true, Ordering::Relaxed);
            }
        }
        if cursor.page > next {
            Arc::make_mut(&mut session.progress.lock().served).extend(&cursor.shown);
        }
        false
    }

    /// A page that was served long ago.
    pub async fn old_page(
        &self,
        head: &SessionHead,
        number: u32,
    ) -> Result<Option<Arc<ServedPage>>, StoreError> {
        let pages = self.store.pages(head.id, number..=number).await?;
        Ok(pages.into_iter().next().map(Arc::new))
    }

    /// Forgets sessions that began before `before`, in bounded steps; answers how many pages.
    pub async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.store.forget(before, limit).await
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use async_trait::async_trait;

    use super::*;
    use crate::domain::account::Market;
    use crate::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
    use crate::feed::query::Surface;
    use crate::ports::feed_sessions::SCORE_INPUTS;

    /// What two nodes share, and whether what is recorded just now is lost.
    #[derive(Default)]
    struct Shared {
        recorded: Mutex<Vec<(SessionHead, ServedPage)>>,
        loses: AtomicBool,
    }

    #[async_trait]
    impl FeedSessions for Shared {
        fn is_shared(&self) -> bool {
            true
        }

        fn record(&self, session: &SessionHead, page: &ServedPage) {
            if !self.loses.load(Ordering::Relaxed) {
                self.recorded.lock().push((*session, page.clone()));
            }
        }

        async fn load(
            &self,
            id: FeedSessionId,
        ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
            let pages = self.pages(id, 0..=u32::MAX).await?;
            let recorded = self.recorded.lock();
            let head = recorded.iter().map(|(head, _)| *head).find(|head| head.id == id);
            Ok(head.map(|head| (head, pages)))
        }

        async fn pages(
            &self,
            id: FeedSessionId,
            numbers: RangeInclusive<u32>,
        ) -> Result<Vec<ServedPage>, StoreError> {
            let recorded = self.recorded.lock();
            let own = recorded.iter().filter(|(head, _)| head.id == id).map(|(_, page)| page);
            let mut pages: Vec<_> =
                own.filter(|page| numbers.contains(&page.number)).cloned().collect();
            pages.sort_unstable_by_key(|page| page.number);
            Ok(pages)
        }

        async fn find(
            &self,
            slate: SlateId,
        ) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
            let recorded = self.recorded.lock();
            Ok(recorded.iter().find(|(_, page)| page.slate == slate).cloned())
        }

        async fn forget(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
            Ok(0)
        }
    }

    fn head() -> SessionHead {
        SessionHead {
            id: FeedSessionId::from_bits(7),
            viewer: AccountId::from_bits(1),
            following: false,
            market: Market::US,
            seed: 3,
            started_at: Timestamp::default(),
        }
    }

    fn clip(number: u32) -> ClipId {
        ClipId::from_bits(1_000 + u128::from(number))
    }

    /// Page `number` with the clip of that number.
    fn serve(sessions: &Sessions, session: &Session, number: u32) {
        let item = ServedItem {
            clip: clip(number),
            source: 0,
            propensity: 1.0,
            score: 0.0,
            sources: 1,
            inputs: [0.0; SCORE_INPUTS],
        };
        let page = ServedPage {
            number,
            slate: SlateId::from_bits(u128::from(number)),
            served_at: Timestamp::default(),
            log_offset: 0,
            config: 0,
            items: vec![item],
            exhausted: false,
            degraded: false,
            basis: None,
        };
        session.progress.lock().take(&Arc::new(page.clone()), vec![ShownFace::unknown()]);
        sessions.store.record(&session.head, &page);
    }

    /// The cursor that page `number` ended with.
    fn after(number: u32) -> FeedCursor {
        FeedCursor {
            surface: Surface::ForYou,
            session: head().id,
            page: number + 1,
            seed: 3,
            started_at: Timestamp::default(),
            shown: vec![clip_key(clip(number))],
        }
    }

    #[tokio::test]
    async fn what_a_node_has_shown_stays_shown_though_its_record_was_lost() {
        let store = Arc::new(Shared::default());
        let node = || Sessions::new(Arc::clone(&store) as _, SharedIndex::default());
        let (one, two) = (node(), node());
        store.loses.store(true, Ordering::Relaxed);
        serve(&one, &one.begin(head()), 0);
        store.loses.store(false, Ordering::Relaxed);
        let second = two.resume(head(), &after(0)).await;
        serve(&two, &second, 1);
        let third = one.resume(head(), &after(1)).await;
        for number in 0..2 {
            assert!(third.progress.lock().served.contains(&clip_key(clip(number))), "{number}");
        }
        serve(&one, &third, 2);
        let numbers =
            |pages: Vec<ServedPage>| pages.iter().map(|page| page.number).collect::<Vec<_>>();
        let recorded = store.pages(head().id, 0..=9).await.unwrap();
        assert_eq!(numbers(recorded), [0, 1, 2], "the lost one is recorded again");
        let fourth = two.resume(head(), &after(2)).await;
        assert_eq!(fourth.progress.lock().served.len(), 3);
        assert!(!fourth.is_partial.load(Ordering::Relaxed));
    }

    /// The node that never had the first page keeps what the cursor told of it.
    #[tokio::test]
    async fn what_a_cursor_told_stays_shown_when_the_session_is_taken_up_anew() {
        let store = Arc::new(Shared::default());
        let node = || Sessions::new(Arc::clone(&store) as _, SharedIndex::default());
        let (one, two, three) = (node(), node(), node());
        store.loses.store(true, Ordering::Relaxed);
        serve(&one, &one.begin(head()), 0);
        store.loses.store(false, Ordering::Relaxed);
        let second = two.resume(head(), &after(0)).await;
        serve(&two, &second, 1);
        let third = three.resume(head(), &after(1)).await;
        serve(&three, &third, 2);
        let fourth = two.resume(head(), &after(2)).await;
        assert_eq!(fourth.progress.lock().served.len(), 3);
    }
}
