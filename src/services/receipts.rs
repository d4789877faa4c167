//! Explains what the feed shows and what it does not: the terms of a shown clip's score, and the stage
//! that keeps a clip from a viewer's page.

use std::sync::Arc;

use crate::domain::clip::Clip;
use crate::domain::feed_session::{Basis, SCORE_INPUTS, ServedItem, ServedPage, SessionHead};
use crate::domain::id::{AccountId, ClipId, SlateId};
use crate::domain::limits::FEED_PAGE_LEN_DEFAULT;
use crate::feed::candidate::{Found, SourceKind};
use crate::feed::index::{SharedIndex, clip_key};
use crate::feed::pipeline::Pipeline;
use crate::feed::query::{FeedQuery, Walk};
use crate::feed::shop_feed;
use crate::feed::trace::{Fate, Trace};
use crate::feed::values::LiveValues;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::FeedSessions;
use crate::ranking::value::{FACTOR_NAMES, FACTORS, HEADS, Head, Inputs, Terms, ValueModel};
use crate::services::feed_made;
use crate::services::viewers::Viewers;

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// There is no such slate, item or clip, or not for this caller.
    #[error("{0}")]
    NotFound(&'static str),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The word for the source of a stored number.
pub fn source_name(number: u8) -> &'static str {
    SourceKind::from_number(number).as_str()
}

/// One term of a score.
#[derive(Clone, PartialEq, Debug)]
pub struct Term {
    /// The head, or `popularity` where the value model was not asked.
    pub head: &'static str,
    /// What it is worth.
    pub weight: f64,
    /// What was predicted.
    pub input: f64,
    /// What it adds to the score.
    pub amount: f64,
}

/// One factor of a score.
#[derive(Clone, PartialEq, Debug)]
pub struct Multiplier {
    /// Which.
    pub name: &'static str,
    /// How strongly it works, 0 to 1.
    pub input: f64,
    /// What it multiplied with; 1 where it did nothing.
    pub factor: f64,
    /// What it added by that.
    pub amount: f64,
}

/// A score taken apart: the amounts of all terms and multipliers add up to it, to the last bit.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sum {
    /// By head.
    pub terms: Vec<Term>,
    /// In the order in which they work.
    pub multipliers: Vec<Multiplier>,
    /// The sum.
    pub score: f64,
}

impl Sum {
    /// What the model makes of these inputs.
    pub fn of(model: &ValueModel, inputs: &Inputs) -> Self {
        let Terms { heads, multipliers, factors, score } = model.terms(inputs);
        let term = |place: usize| Term {
            head: Head::ALL[place].as_str(),
            weight: model.weights[place].into(),
            input: inputs.heads[place].into(),
            amount: heads[place],
        };
        let multiplier = |place: usize| Multiplier {
            name: FACTOR_NAMES[place],
            input: inputs.factors[place].into(),
            factor: multipliers[place],
            amount: factors[place],
        };
        Self {
            terms: (0..HEADS).map(term).collect(),
            multipliers: (0..FACTORS).map(multiplier).collect(),
            score,
        }
    }

    /// A score that came from popularity alone, since the ranker had failed.
    fn of_popularity(score: f32) -> Self {
        let score = f64::from(score);
        let term = Term { head: "popularity", weight: 1.0, input: score, amount: score };
        Self { terms: vec![term], multipliers: Vec::new(), score }
    }
}

/// Why a clip was shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Receipt {
    /// Its session.
    pub head: SessionHead,
    /// Its page.
    pub page: ServedPage,
    /// Its place there.
    pub position: u32,
    /// It as it was served.
    pub item: ServedItem,
    /// Its score.
    pub sum: Sum,
    /// What gave it its place.
    pub placed_by: &'static str,
}

/// Why a clip is not shown.
#[derive(Clone, PartialEq, Debug)]
pub struct WhyNot {
    /// The clip.
    pub clip: ClipId,
    /// The stage that keeps it away: a filter's name or one of `not_ready`, `not_indexed`,
    /// `not_retrieved`, `below_the_cut`, `over_budget`, `held_back`; `shown` if none does.
    pub stage: &'static str,
    /// All filters that remove it.
    pub filters: Vec<&'static str>,
    /// The place it would have.
    pub position: Option<usize>,
    /// The lowest score that is good enough, and how many score better.
    pub cut: Option<(f32, usize)>,
    /// The sources that bring it, as bits by their numbers.
    pub sources: u16,
    /// What it is ranked by, if it comes so far.
    pub score: Option<f32>,
    /// Its score, if it comes so far.
    pub sum: Option<Sum>,
}

/// What the service stands on.
pub struct ReceiptPorts {
    /// Served pages.
    pub sessions: Arc<dyn FeedSessions>,
    /// Clips.
    pub clips: Arc<dyn ClipStore>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// See the module's head.
pub struct Receipts {
    ports: ReceiptPorts,
    pipeline: Pipeline,
    index: SharedIndex,
    viewers: Arc<Viewers>,
    values: Arc<LiveValues>,
}

impl Receipts {
    /// Over the index and settings that pages are made with.
    pub fn new(
        ports: ReceiptPorts,
        index: SharedIndex,
        viewers: Arc<Viewers>,
        values: Arc<LiveValues>,
    ) -> Self {
        Self { ports, pipeline: shop_feed::for_you(&index), index, viewers, values }
    }

    /// Why the clip at that position of a slate was shown; only for the slate's viewer, or for anybody if
    /// `viewer` is `None`.
    pub async fn why(
        &self,
        viewer: Option<AccountId>,
        slate: SlateId,
        position: u32,
    ) -> Result<Receipt, ReceiptError> {
        let found = self.ports.sessions.find(slate).await?;
        let found = found.filter(|(head, _)| viewer.is_none_or(|viewer| viewer == head.viewer));
        let (head, page) = found.ok_or(ReceiptError::NotFound("there is no such slate"))?;
        let item = page.items.get(position as usize).copied();
        let item = item.ok_or(ReceiptError::NotFound("the slate has no such item"))?;
        let missing = "the slate was made by a release that kept no receipts";
        let basis = page.basis.as_ref().ok_or(ReceiptError::NotFound(missing))?;
        let sum = sum(basis, &item);
        let placed_by = if head.following {
            "published_at"
        } else if SourceKind::from_number(item.source) == SourceKind::Explore {
            "exploration"
        } else {
            "score"
        };
        Ok(Receipt { head, page, position, item, sum, placed_by })
    }

    /// What keeps a clip from the first page that the viewer would get now.
    pub async fn why_not(&self, viewer: AccountId, clip: ClipId) -> Result<WhyNot, ReceiptError> {
        let unknown = ReceiptError::NotFound("there is no such clip");
        let Some(ordinal) = self.index.read().ordinal(clip) else {
            let stored = self.ports.clips.get(clip).await?.ok_or(unknown)?;
            return Ok(WhyNot { stage: absent(&stored, viewer)?, ..WhyNot::nothing(clip) });
        };
        let found = Found { ordinal, key: clip_key(clip) };
        let user = self.viewers.state(viewer).await?;
        let now = self.ports.clock.now();
        let mut query = FeedQuery::new(viewer, user, now, FEED_PAGE_LEN_DEFAULT as usize);
        query.values = self.values.get();
        query.seed = self.ports.entropy.seed();
        query.walk = Walk::new(self.index.read().capacity(), query.seed);
        let trace = self.pipeline.trace(&mut query, found).await;
        let inputs = self.pipeline.scorers.first();
        let inputs = inputs.and_then(|scorer| scorer.inputs(&query, &trace.candidate));
        let sum = inputs.map(|inputs| Sum::of(&query.values.model, &inputs));
        Ok(told(clip, trace, sum))
    }
}

fn sum(basis: &Basis, item: &ServedItem) -> Sum {
    if basis.model.is_empty() {
        return Sum::of_popularity(item.score);
    }
    let inputs: &[f32; SCORE_INPUTS] = &item.inputs;
    Sum::of(&ValueModel::from_numbers(&basis.model), &feed_made::inputs(inputs))
}

/// Why a clip that the store has is not in the index. One that is not published exists for its creator
/// alone.
fn absent(clip: &Clip, viewer: AccountId) -> Result<&'static str, ReceiptError> {
    if clip.published().is_some() {
        return Ok("not_indexed");
    }
    if clip.creator != viewer || clip.is_removed() {
        return Err(ReceiptError::NotFound("there is no such clip"));
    }
    Ok("not_ready")
}

impl WhyNot {
    fn nothing(clip: ClipId) -> Self {
        Self {
            clip,
            stage: "not_ready",
            filters: Vec::new(),
            position: None,
            cut: None,
            sources: 0,
            score: None,
            sum: None,
        }
    }
}

fn told(clip: ClipId, trace: Trace, sum: Option<Sum>) -> WhyNot {
    let (sources, score) = (trace.candidate.sources, Some(trace.candidate.score));
    let mut told = WhyNot { sources, score, sum, ..WhyNot::nothing(clip) };
    told.stage = match trace.fate {
        Fate::Shown(position) => {
            told.position = Some(position);
            "shown"
        }
        Fate::Filtered(filters) => {
            let first = filters.first().copied().unwrap_or("gone");
            told.filters = filters;
            first
        }
        Fate::NotRetrieved => "not_retrieved",
        Fate::BelowTheCut { cut, ahead } => {
            told.cut = Some((cut, ahead));
            "below_the_cut"
        }
        Fate::OverBudget => "over_budget",
        Fate::HeldBack => "held_back",
    };
    told
}
