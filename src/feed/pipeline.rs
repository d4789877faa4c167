//! Runs the stages: sources together under a deadline, the rest in order, and never fails a page.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::domain::limits::{CANDIDATES_PER_PAGE_MAX, SHOPPABLE_LEFTOVERS_MAX};
use crate::feed::candidate::{Candidate, Found, SourceKind};
use crate::feed::index::SHOPPABLE;
use crate::feed::places::Places;
use crate::feed::query::{FeedQuery, Walk};
use crate::feed::stage::{
    Batch, CandidateSource, Filter, Hydrator, QueryHydrator, Scorer, Selector, StageError,
};
use crate::ranking::value::Inputs;

/// A source with how many clips it may bring.
#[derive(Clone)]
pub struct ListedSource {
    /// The source.
    pub source: Arc<dyn CandidateSource>,
    /// Clips at most.
    pub limit: usize,
}

/// The stages in their order; `feed::shop_feed` fills it in.
#[derive(Clone)]
pub struct Pipeline {
    /// In sequence, on the query.
    pub query_hydrators: Vec<Arc<dyn QueryHydrator>>,
    /// Together. A clip that two bring belongs to the one listed first.
    pub sources: Vec<ListedSource>,
    /// Candidates that suffice. The walk over all clips, whose clips nothing speaks for, fills up to this;
    /// what it passed beyond is kept for later pages.
    pub enough: usize,
    /// Longest wait for a source that is not ready at once.
    pub source_deadline: Duration,
    /// In sequence.
    pub hydrators: Vec<Arc<dyn Hydrator>>,
    /// In sequence.
    pub filters: Vec<Arc<dyn Filter>>,
    /// The first that works decides; any but the first degrades the page.
    pub scorers: Vec<Arc<dyn Scorer>>,
    /// One.
    pub selector: Arc<dyn Selector>,
    /// Lists of candidates that pages before have used up.
    pub lists: Lists,
}

/// Used lists, kept: a hundred kilobytes a page would go back to the system and come again as fresh
/// memory, which costs more than scoring what stands in it.
#[derive(Clone, Default)]
pub struct Lists(Arc<Mutex<Vec<Vec<Candidate>>>>);

/// As many as requests that are likely to be between two stages at once, one per core: 12 MiB at most.
const LISTS_MAX: usize = 64;

impl Lists {
    fn take(&self) -> Vec<Candidate> {
        self.0.lock().pop().unwrap_or_else(|| Vec::with_capacity(CANDIDATES_PER_PAGE_MAX))
    }

    fn give_back(&self, mut list: Vec<Candidate>) {
        list.clear();
        let mut kept = self.0.lock();
        if kept.len() < LISTS_MAX && list.capacity() >= CANDIDATES_PER_PAGE_MAX {
            kept.push(list);
        }
    }
}

/// How long a stage took and how many candidates it left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageTrace {
    /// The stage.
    pub name: &'static str,
    /// Microseconds.
    pub took_us: u32,
    /// Candidates after it.
    pub candidates: u32,
}

impl StageTrace {
    fn new(name: &'static str, took: Duration, candidates: usize) -> Self {
        Self { name, took_us: took.as_micros() as u32, candidates: candidates as u32 }
    }
}

/// A page before it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slate {
    /// The clips in the order of showing.
    pub page: Vec<Candidate>,
    /// Nothing is left for a further page.
    pub exhausted: bool,
    /// A source or the scorer failed.
    pub degraded: bool,
    /// Where the walk stands afterwards.
    pub walk: Walk,
    /// What each stage cost.
    pub trace: Vec<StageTrace>,
    /// What each source brought.
    pub brought: Vec<(&'static str, u32)>,
    /// Candidates that were scored.
    pub scored: usize,
    /// What each clip of the page was scored by; empty if the scorer does not go through the model.
    pub inputs: Vec<Inputs>,
}

/// Candidates that go through hydrators, filters and scorer together: few enough to stay in the
/// processor's nearest memory from one stage to the next.
const CHUNK: usize = 64;

/// Candidates that the walk may bring in any case: if filters refuse all others there is still a page.
const WALKED_MIN: usize = 64;

type Fetch<'a> = Pin<Box<dyn Future<Output = Result<Batch, StageError>> + Send + 'a>>;

impl Pipeline {
    /// Makes a page.
    pub async fn run(&self, query: &mut FeedQuery) -> Slate {
        let mut slate = Slate {
            trace: Vec::with_capacity(8),
            brought: Vec::with_capacity(8),
            ..Slate::default()
        };
        let mut clock = Stopwatch::new();
        self.hydrate_query(query, &mut slate).await;
        clock.lap("query", 0, &mut slate);
        let batches = self.fetch_all(query).await;
        let mut merged = self.merge(batches, query, &mut slate);
        clock.lap("sources", merged.named.len(), &mut slate);
        let (candidates, in_charge) = self.judge(query, &merged.named, &mut clock, &mut slate);
        slate.scored = candidates.len();
        let selected = self.selector.select(query, candidates);
        clock.lap("select", selected.page.len(), &mut slate);
        // What the budget holds back when nothing else is left will not get its turn: turns come with
        // clips that have nothing to buy.
        let is_over = selected.rest.is_empty() || selected.page.len() < query.limit;
        slate.exhausted = is_over && merged.put_off.is_empty() && !merged.more;
        let mut room = if query.is_rationed() { SHOPPABLE_LEFTOVERS_MAX } else { usize::MAX };
        // Those that could not run come first, so that in the end each did.
        let mut leftovers = std::mem::take(&mut merged.put_off);
        let left = selected.rest.iter().filter(|one| one.walked && keeps(one, &mut room));
        leftovers.extend(left.map(|one| one.found));
        let walked = merged.walked.unwrap_or(query.walk.walked);
        slate.walk = Walk { walked, leftovers, ..query.walk };
        let scorer = self.scorers.get(in_charge);
        let inputs = |one| scorer.and_then(|scorer| scorer.inputs(query, one));
        slate.inputs = selected.page.iter().filter_map(inputs).collect();
        slate.page = selected.page;
        self.lists.give_back(selected.rest);
        slate
    }

    pub(super) async fn hydrate_query(&self, query: &mut FeedQuery, slate: &mut Slate) {
        for hydrator in &self.query_hydrators {
            if let Err(error) = hydrator.hydrate(query).await {
                tracing::warn!(stage = hydrator.name(), %error, "a query hydrator failed");
                slate.degraded = true;
            }
        }
    }

    /// Asks all sources. One that is ready at once costs neither a timer nor a wake-up.
    pub(super) async fn fetch_all(&self, query: &FeedQuery) -> Vec<Result<Batch, StageError>> {
        let mut answers: Vec<Option<Result<Batch, StageError>>> = Vec::new();
        let mut waiting: Vec<(usize, Fetch<'_>)> = Vec::new();
        for (index, listed) in self.sources.iter().enumerate() {
            let mut fetch = listed.source.fetch(query, listed.limit);
            let first = poll_fn(|context| Poll::Ready(fetch.as_mut().poll(context))).await;
            match first {
                Poll::Ready(answer) => answers.push(Some(answer)),
                Poll::Pending => {
                    answers.push(None);
                    waiting.push((index, fetch));
                }
            }
        }
        let late = waiting.into_iter().map(|(index, fetch)| async move {
            let answer = timeout(self.source_deadline, fetch).await;
            (index, answer.unwrap_or(Err(StageError::Late)))
        });
        for (index, answer) in join_all(late).await {
            answers[index] = Some(answer);
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Err(StageError::Late))).collect()
    }

    /// Each clip once, in the order of the sources.
    pub(super) fn merge(
        &self,
        batches: Vec<Result<Batch, StageError>>,
        query: &FeedQuery,
        slate: &mut Slate,
    ) -> Merged {
        let mut merged = Merged { named: Vec::with_capacity(self.enough), ..Merged::default() };
        let mut places = Places::new(CANDIDATES_PER_PAGE_MAX);
        for (listed, batch) in self.sources.iter().zip(batches) {
            let source = listed.source.kind();
            let batch = batch.unwrap_or_else(|error| {
                tracing::warn!(source = source.as_str(), %error, "a source failed");
                slate.degraded = true;
                // What it would have brought may come on a later page; a walk goes on where it was.
                let found = if source == SourceKind::Catalog {
                    query.walk.leftovers.clone()
                } else {
                    Vec::new()
                };
                Batch { found, more: true, walked: None }
            });
            slate.brought.push((source.as_str(), batch.found.len().min(listed.limit) as u32));
            merged.more |= batch.more;
            merged.walked = batch.walked.or(merged.walked);
            let walked = source == SourceKind::Catalog;
            let room = if walked {
                self.enough.max(merged.named.len() + WALKED_MIN)
            } else {
                CANDIDATES_PER_PAGE_MAX
            };
            for found in batch.found.into_iter().take(listed.limit) {
                let next = merged.named.len();
                if next < room.min(CANDIDATES_PER_PAGE_MAX) {
                    let place = places.get_or_insert(found.ordinal, next);
                    if place == next {
                        merged.named.push(Named { found, source, sources: 0, walked });
                    }
                    merged.named[place].add(source, walked);
                } else if let Some(place) = places.get(found.ordinal) {
                    merged.named[place].add(source, walked);
                } else if walked {
                    merged.put_off.push(found);
                }
            }
        }
        merged
    }

    /// Hydrates, filters and scores, chunk after chunk: none of these stages looks beyond one candidate.
    /// Answers what is left, and which scorer was in charge.
    pub(super) fn judge(
        &self,
        query: &FeedQuery,
        named: &[Named],
        clock: &mut Stopwatch,
        slate: &mut Slate,
    ) -> (Vec<Candidate>, usize) {
        let mut candidates = self.lists.take();
        let mut took = [Duration::ZERO; 3];
        let mut in_charge = 0;
        for chunk in named.chunks(CHUNK) {
            let start = candidates.len();
            candidates.extend(chunk.iter().map(Named::candidate));
            for hydrator in &self.hydrators {
                hydrator.hydrate(query, &mut candidates[start..]);
            }
            took[0] += clock.pass();
            self.filter(query, &mut candidates, start);
            took[1] += clock.pass();
            self.score(query, &mut candidates, start, &mut in_charge, slate);
            took[2] += clock.pass();
        }
        let counts = [named.len(), candidates.len(), candidates.len()];
        for (name, (took, count)) in
            ["hydrate", "filter", "score"].into_iter().zip(took.into_iter().zip(counts))
        {
            slate.trace.push(StageTrace::new(name, took, count));
        }
        (candidates, in_charge)
    }

    /// Removes what must not be shown from `start` on.
    fn filter(&self, query: &FeedQuery, candidates: &mut Vec<Candidate>, start: usize) {
        let mut refused = [false; CHUNK];
        let refused = &mut refused[..candidates.len() - start];
        for filter in &self.filters {
            filter.refuse(query, &candidates[start..], refused);
        }
        let mut kept = start;
        for (place, refused) in (start..).zip(&*refused) {
            if *refused {
                continue;
            }
            if kept < place {
                candidates[kept] = candidates[place];
            }
            kept += 1;
        }
        candidates.truncate(kept);
    }

    /// Scores from `start` on by the scorer that is in charge. If it fails the next takes over, also for
    /// those before: the scores of two scorers cannot be compared.
    fn score(
        &self,
        query: &FeedQuery,
        candidates: &mut [Candidate],
        start: usize,
        in_charge: &mut usize,
        slate: &mut Slate,
    ) {
        let mut from = start;
        while let Some(scorer) = self.scorers.get(*in_charge) {
            match scorer.score(query, &mut candidates[from..]) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(scorer = scorer.name(), %error, "a scorer failed");
                    slate.degraded = true;
                    *in_charge += 1;
                    from = 0;
                }
            }
        }
    }
}

/// A clip that a source named.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) found: Found,
    source: SourceKind,
    sources: u16,
    walked: bool,
}

impl Named {
    fn add(&mut self, source: SourceKind, walked: bool) {
        self.sources |= 1 << source as u16;
        self.walked |= walked;
    }

    /// It as a candidate, with nothing filled in.
    pub(super) fn candidate(&self) -> Candidate {
        let Self { found, source, sources, walked } = *self;
        Candidate { sources, walked, ..Candidate::new(found, source) }
    }
}

/// Whether a clip that the walk passed waits for a later page: all but surplus ones with something to buy.
fn keeps(one: &Candidate, room: &mut usize) -> bool {
    if one.row.flags & SHOPPABLE == 0 {
        return true;
    }
    let there = *room > 0;
    *room = room.saturating_sub(1);
    there
}

/// What the sources said together.
#[derive(Default)]
pub(super) struct Merged {
    /// Each clip once.
    pub(super) named: Vec<Named>,
    /// Clips that the walk passed and for which there was no room.
    put_off: Vec<Found>,
    /// Whether there is more behind them.
    more: bool,
    /// Stops of the walk in all.
    walked: Option<u32>,
}

pub(super) struct Stopwatch {
    since: Instant,
}

impl Stopwatch {
    /// Running from now on.
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    /// The time since the last call.
    fn pass(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.since, now))
    }

    fn lap(&mut self, name: &'static str, candidates: usize, slate: &mut Slate) {
        slate.trace.push(StageTrace::new(name, self.pass(), candidates));
    }
}
