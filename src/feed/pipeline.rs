//! Runs the stages: sources together under a deadline, the rest in order, and never fails a page.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use rustc_hash::FxHashMap;
use tokio::time::{Instant, timeout};

use crate::domain::limits::CANDIDATES_PER_PAGE_MAX;
use crate::feed::candidate::{Candidate, SourceKind};
use crate::feed::query::{FeedQuery, Walk};
use crate::feed::stage::{
    Batch, CandidateSource, Filter, Hydrator, QueryHydrator, Scorer, Selector, StageError,
};

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

/// A page before it is written.
#[derive(Clone, Debug, Default)]
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
}

type Fetch<'a> = Pin<Box<dyn Future<Output = Result<Batch, StageError>> + Send + 'a>>;

impl Pipeline {
    /// Makes a page.
    pub async fn run(&self, query: &mut FeedQuery) -> Slate {
        let mut slate = Slate {
            trace: Vec::with_capacity(8),
            brought: Vec::with_capacity(8),
            ..Slate::default()
        };
        let mut clock = Stopwatch { since: Instant::now() };
        for hydrator in &self.query_hydrators {
            if let Err(error) = hydrator.hydrate(query).await {
                tracing::warn!(stage = hydrator.name(), %error, "a query hydrator failed");
                slate.degraded = true;
            }
        }
        clock.lap("query", 0, &mut slate);
        let batches = self.fetch_all(query).await;
        let (mut candidates, merged) = self.merge(batches, query, &mut slate);
        clock.lap("sources", candidates.len(), &mut slate);
        for hydrator in &self.hydrators {
            hydrator.hydrate(query, &mut candidates);
        }
        clock.lap("hydrate", candidates.len(), &mut slate);
        self.filter(query, &mut candidates);
        clock.lap("filter", candidates.len(), &mut slate);
        self.score(query, &mut candidates, &mut slate);
        slate.scored = candidates.len();
        clock.lap("score", candidates.len(), &mut slate);
        let selected = self.selector.select(query, candidates);
        clock.lap("select", selected.page.len(), &mut slate);
        slate.exhausted = selected.rest.is_empty() && !merged.more;
        let left = selected.rest.iter().filter(|one| one.walked).map(|one| one.found);
        slate.walk = Walk {
            leftovers: left.collect(),
            walked: merged.walked.unwrap_or(query.walk.walked),
            ..query.walk
        };
        slate.page = selected.page;
        slate
    }

    /// Asks all sources. One that is ready at once costs neither a timer nor a wake-up.
    async fn fetch_all(&self, query: &FeedQuery) -> Vec<Result<Batch, StageError>> {
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

    /// One candidate per clip, in the order of the sources.
    fn merge(
        &self,
        batches: Vec<Result<Batch, StageError>>,
        query: &FeedQuery,
        slate: &mut Slate,
    ) -> (Vec<Candidate>, Merged) {
        let expected = batches.iter().flatten().map(|batch| batch.found.len()).sum::<usize>();
        let bound = expected.min(CANDIDATES_PER_PAGE_MAX);
        let mut candidates: Vec<Candidate> = Vec::with_capacity(bound);
        let mut places = FxHashMap::with_capacity_and_hasher(bound, rustc_hash::FxBuildHasher);
        let mut merged = Merged { more: false, walked: None };
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
            for found in batch.found.into_iter().take(listed.limit) {
                let place = *places.entry(found.ordinal).or_insert(candidates.len());
                if place == candidates.len() {
                    if place == CANDIDATES_PER_PAGE_MAX {
                        places.remove(&found.ordinal);
                        continue;
                    }
                    candidates.push(Candidate::new(found, source));
                }
                candidates[place].walked |= walked;
            }
        }
        (candidates, merged)
    }

    fn filter(&self, query: &FeedQuery, candidates: &mut Vec<Candidate>) {
        let mut refused = vec![false; candidates.len()];
        for filter in &self.filters {
            filter.refuse(query, candidates, &mut refused);
        }
        let mut marks = refused.iter();
        candidates.retain(|_| !marks.next().copied().unwrap_or(false));
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate], slate: &mut Slate) {
        for scorer in &self.scorers {
            match scorer.score(query, candidates) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(scorer = scorer.name(), %error, "a scorer failed");
                    slate.degraded = true;
                }
            }
        }
    }
}

/// What the sources said besides their clips.
struct Merged {
    more: bool,
    walked: Option<u32>,
}

struct Stopwatch {
    since: Instant,
}

impl Stopwatch {
    fn lap(&mut self, name: &'static str, candidates: usize, slate: &mut Slate) {
        let now = Instant::now();
        let took_us = now.duration_since(self.since).as_micros() as u32;
        slate.trace.push(StageTrace { name, took_us, candidates: candidates as u32 });
        self.since = now;
    }
}
