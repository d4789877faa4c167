//! The stages of the pipeline and their laws; `feed::laws` checks them for every listed stage.

use async_trait::async_trait;

use crate::feed::candidate::{Candidate, Found, SourceKind};
use crate::feed::query::FeedQuery;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{ServedPage, SessionHead};
use crate::ranking::value::Inputs;

/// Why a stage gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It did not answer within its deadline.
    #[error("it took too long")]
    Late,
    /// What it reads failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it computes with is not there or broken.
    #[error("{0}")]
    Broken(String),
}

/// Adds to the query what later stages ask for. A failed one leaves the query as it was: stages do
/// without.
#[async_trait]
pub trait QueryHydrator: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Adds to `query`.
    async fn hydrate(&self, query: &mut FeedQuery) -> Result<(), StageError>;
}

/// What a source brings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// Clips, best first, each once.
    pub found: Vec<Found>,
    /// Whether there is more behind them that later pages may get.
    pub more: bool,
    /// For the source that walks over all clips: stops made in all.
    pub walked: Option<u32>,
}

/// Finds clips that may be worth showing.
///
/// Law: at most `limit` clips, best first, none twice. An error costs the page this source, not the
/// page. Work per call must not grow with the corpus.
#[async_trait]
pub trait CandidateSource: Send + Sync {
    /// What it is, for the answer and for traces.
    fn kind(&self) -> SourceKind;
    /// Finds clips.
    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError>;
}

/// Fills in what filters and scorers read.
///
/// Law: it changes fields, never the list, and looks at each candidate alone: as filters and scorers it
/// is given the candidates in parts.
pub trait Hydrator: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Fills in.
    fn hydrate(&self, query: &FeedQuery, candidates: &mut [Candidate]);
}

/// Decides what must not be shown. Sync and infallible: it only judges what hydrators filled in.
///
/// Law: the judgement of a candidate depends on the query and that candidate alone, and a mark is never
/// taken back. The pipeline removes what is marked; the rest keeps its order.
pub trait Filter: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Marks what must not be shown; `refused` is as long as `candidates`.
    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]);
}

/// Says what each candidate is worth.
///
/// Law: the score of a candidate depends on the query and that candidate alone, so that it may be
/// cached and replayed; and nothing but the score changes. When it fails, the next scorer of the list
/// is asked and the page is marked as degraded.
pub trait Scorer: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Sets every `score`.
    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError>;

    /// What the value model made the score of: `score` is what the query's model makes of it. `None` for
    /// a scorer that does not go through the model.
    fn inputs(&self, _query: &FeedQuery, _candidate: &Candidate) -> Option<Inputs> {
        None
    }
}

/// A page, and what was not chosen.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Selected {
    /// In the order of showing, at most `query.limit`.
    pub page: Vec<Candidate>,
    /// In any order.
    pub rest: Vec<Candidate>,
}

/// Chooses the page. Law: page and rest together are the input, each candidate once; the page has
/// `query.limit` clips if there are as many, unless the query's budget holds back all that is left; equal
/// input gives an equal page.
pub trait Selector: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Chooses.
    fn select(&self, query: &FeedQuery, candidates: Vec<Candidate>) -> Selected;
}

/// Does something with a served page that the viewer does not wait for.
pub trait SideEffect: Send + Sync {
    /// For traces.
    fn name(&self) -> &'static str;
    /// Does it; returns at once.
    fn run(&self, session: &SessionHead, page: &ServedPage);
}
