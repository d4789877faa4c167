//! Why a clip is on a page, why another is not, and whether a page comes out the same again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::account::Scope;
use crate::domain::feed_session::{ServedItem, ServedPage};
use crate::domain::id::{ClipId, SlateId};
use crate::domain::limits::FEED_PAGE_LEN_MAX;
use crate::http::Api;
use crate::http::extract::{Anyone, Body, Operator, PathId, Query, Viewer};
use crate::http::fields::rfc3339;
use crate::http::problem::{Problem, ProblemKind};
use crate::services::receipts::{Receipt, ReceiptError, Receipts, Sum, WhyNot, source_name};
use crate::services::replays::{Replay, ReplayError, Replays};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(why)).routes(routes!(why_not)).routes(routes!(replay))
}

/// One term of a score.
#[derive(Serialize, ToSchema)]
pub struct TermView {
    /// What was predicted: `skip`, `finish`, `watched`, `like`, `share`, `follow`, `not_interested`, `tap`,
    /// `cart` and `buy` (both together with the tap), `affinity`, `followed`.
    head: &'static str,
    /// What it is worth, in full watches.
    weight: f64,
    /// The prediction.
    input: f64,
    /// What it adds: weight times input, rounded to a multiple of 2⁻³².
    amount: f64,
}

/// One factor of a score.
#[derive(Serialize, ToSchema)]
pub struct MultiplierView {
    /// `freshness` or `sold_out`.
    name: &'static str,
    /// How strongly it works, 0 to 1.
    input: f64,
    /// What it multiplied with; 1 on a net that is not positive.
    factor: f64,
    /// What it added by that.
    amount: f64,
}

/// A score taken apart. The amounts of all terms and multipliers add up to `score` exactly, in any order,
/// if they are added as double-precision numbers.
#[derive(Serialize, ToSchema)]
pub struct ScoreView {
    /// By head.
    terms: Vec<TermView>,
    /// The sum of the terms.
    net: f64,
    /// In the order in which they work.
    multipliers: Vec<MultiplierView>,
    /// The sum of everything.
    score: f64,
}

impl From<Sum> for ScoreView {
    fn from(sum: Sum) -> Self {
        let net = sum.terms.iter().map(|term| term.amount).sum::<f64>() + 0.0;
        let terms = sum.terms.into_iter().map(|term| TermView {
            head: term.head,
            weight: term.weight,
            input: term.input,
            amount: term.amount,
        });
        let multipliers = sum.multipliers.into_iter().map(|one| MultiplierView {
            name: one.name,
            input: one.input,
            factor: one.factor,
            amount: one.amount,
        });
        Self { terms: terms.collect(), net, multipliers: multipliers.collect(), score: sum.score }
    }
}

/// What a slate was made with.
#[derive(Serialize, ToSchema)]
pub struct SlateView {
    /// `slt_…`.
    id: String,
    /// RFC 3339.
    served_at: String,
    /// Its page in the session, from 0.
    page: u32,
    /// The version of the ranking's settings, 16 hexadecimal digits.
    config: String,
    /// What predicted: `counters.v1`.
    model: &'static str,
    /// The session's seed, 16 hexadecimal digits.
    seed: String,
    /// The event log up to here was taken in.
    log_offset: String,
    /// Whether a part of the ranking had failed.
    degraded: bool,
}

/// Why a clip was shown.
#[derive(Serialize, ToSchema)]
pub struct ReceiptView {
    /// What the slate was made with.
    slate: SlateView,
    /// The place on the page.
    position: u32,
    /// `clip_…`.
    clip_id: String,
    /// The source that it is counted for.
    source: &'static str,
    /// All sources that brought it.
    sources: Vec<&'static str>,
    /// The chance with which it was drawn; 1 if it was ranked.
    propensity: f64,
    /// What gave it its place: `score`, `exploration` or `published_at`.
    placed_by: &'static str,
    /// Its score.
    #[serde(flatten)]
    score: ScoreView,
}

/// What predicts; slates of a later one name it otherwise.
const MODEL: &str = "counters.v1";

fn source_names(sources: u16) -> Vec<&'static str> {
    (0..16).filter(|bit| sources & (1 << bit) != 0).map(source_name).collect()
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        let Receipt { head, page, position, item, sum, placed_by } = receipt;
        Self {
            slate: SlateView {
                id: page.slate.to_string(),
                served_at: rfc3339(page.served_at),
                page: page.number,
                config: format!("{:016x}", page.config),
                model: MODEL,
                seed: format!("{:016x}", head.seed),
                log_offset: page.log_offset.to_string(),
                degraded: page.degraded,
            },
            position,
            clip_id: item.clip.to_string(),
            source: source_name(item.source),
            sources: source_names(item.sources),
            propensity: item.propensity.into(),
            placed_by,
            score: sum.into(),
        }
    }
}

/// Explains the place of one clip of a page: where it came from, what was predicted, what that is worth.
/// For the viewer of the page and for operators.
#[utoipa::path(get, path = "/v1/slates/{id}/items/{position}/why", tag = "viewer",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "`slate_id` of the page"),
        ("position" = u32, Path, description = "`position` of the item")),
    responses((status = 200, body = ReceiptView)))]
async fn why(
    State(receipts): State<Arc<Receipts>>,
    Anyone(caller): Anyone,
    PathId(slate): PathId<SlateId>,
    path: RawPathParams,
) -> Result<([(HeaderName, HeaderValue); 1], Json<ReceiptView>), Problem> {
    let is_operator = caller.may(Scope::Operator);
    if !is_operator && !caller.may(Scope::Viewer) {
        let detail = "the scope `viewer` or `operator` is needed";
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    let position = path.iter().nth(1).and_then(|(_, text)| text.parse::<u32>().ok());
    let wrong =
        || Problem::field("/position", format!("is a number from 0 to {}", FEED_PAGE_LEN_MAX - 1));
    let position = position.filter(|position| *position < FEED_PAGE_LEN_MAX).ok_or_else(wrong)?;
    let viewer = (!is_operator).then_some(caller.account);
    let receipt = receipts.why(viewer, slate, position).await?;
    Ok((private(), Json(receipt.into())))
}

/// What was said to one viewer is nobody else's.
fn private() -> [(HeaderName, HeaderValue); 1] {
    [(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))]
}

/// Which clip.
#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhyNotParams {
    /// `clip_…`.
    clip_id: String,
}

/// How far a clip is below the cut.
#[derive(Serialize, ToSchema)]
pub struct CutView {
    /// The lowest score that is good enough for the page.
    score: f64,
    /// What the clip lacks.
    gap: f64,
    /// How many candidates score better than the clip.
    ahead: u32,
}

/// What keeps a clip from a page.
#[derive(Serialize, ToSchema)]
pub struct WhyNotView {
    /// `clip_…`.
    clip_id: String,
    /// Whether the page that the caller would get now shows it.
    shown: bool,
    /// The place there.
    position: Option<u32>,
    /// `not_ready`, `not_indexed`, a filter (`gone`, `served`, `seen`, `blocked`, `own`, `other_market`,
    /// `unsellable`), `not_retrieved`, `below_the_cut`, `over_budget`, `held_back` or `shown`.
    stage: &'static str,
    /// The same in a sentence.
    detail: &'static str,
    /// All filters that remove it.
    filters: Vec<&'static str>,
    /// The sources that bring it.
    sources: Vec<&'static str>,
    /// How far it is below the cut.
    cut: Option<CutView>,
    /// What it scores or would score.
    score: Option<ScoreView>,
}

/// A stage in a sentence.
fn sentence(stage: &str) -> &'static str {
    match stage {
        "not_ready" => "the clip is still being made, or could not be made",
        "not_indexed" => "the clip was published a moment ago and is not in the index yet",
        "gone" => "the clip was taken down",
        "served" => "this session has shown it",
        "seen" => "you watched it lately",
        "blocked" => "you blocked its creator",
        "own" => "it is your own",
        "other_market" => "it is not for your market",
        "unsellable" => "it was made to sell products that are not sold any more",
        "not_retrieved" => "no source brought it: it is not among the candidates for this page",
        "below_the_cut" => "other candidates score better",
        "over_budget" => "you want no more clips with something to buy on this page",
        "held_back" => "it scores well enough, but the page holds too many clips like it",
        _ => "it is on the page",
    }
}

impl From<WhyNot> for WhyNotView {
    fn from(told: WhyNot) -> Self {
        let score = told.score.map_or(0.0, f64::from);
        let cut = told.cut.map(|(cut, ahead)| CutView {
            score: cut.into(),
            gap: f64::from(cut) - score,
            ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
        });
        Self {
            clip_id: told.clip.to_string(),
            shown: told.position.is_some(),
            position: told.position.and_then(|place| u32::try_from(place).ok()),
            stage: told.stage,
            detail: sentence(told.stage),
            filters: told.filters,
            sources: source_names(told.sources),
            cut,
            score: told.sum.map(ScoreView::from),
        }
    }
}

/// Names what keeps a clip from the first page that the caller would get now, by making that page and
/// following the clip through it. Nothing is served by that.
#[utoipa::path(get, path = "/v1/why-not", tag = "viewer", security(("bearer" = [])),
    params(WhyNotParams), responses((status = 200, body = WhyNotView)))]
async fn why_not(
    State(receipts): State<Arc<Receipts>>,
    Viewer(caller): Viewer,
    Query(params): Query<WhyNotParams>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<WhyNotView>), Problem> {
    let clip: ClipId = params.clip_id.parse().map_err(|error| Problem::field("/clip_id", error))?;
    Ok((private(), Json(receipts.why_not(caller.account, clip).await?.into())))
}

/// Which slate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReplay {
    /// `slt_…`.
    slate_id: String,
}

/// One clip of a slate, bit by bit: a number's nearest decimal text has all of its bits.
#[derive(Serialize, ToSchema)]
pub struct ReplayedItemView {
    /// `clip_…`.
    clip_id: String,
    /// The source that it is counted for.
    source: &'static str,
    /// All sources that brought it.
    sources: Vec<&'static str>,
    /// The chance with which it was drawn.
    propensity: f32,
    /// What it was ranked by.
    score: f32,
    /// What the score was made of: the heads, then the factors.
    inputs: Vec<f32>,
}

/// A slate.
#[derive(Serialize, ToSchema)]
pub struct ReplayedSlateView {
    /// The version of the settings.
    config: String,
    /// Whether nothing was left after it.
    exhausted: bool,
    /// Its clips.
    items: Vec<ReplayedItemView>,
}

/// What recomputing a slate came to.
#[derive(Serialize, ToSchema)]
pub struct ReplayView {
    /// `slt_…`.
    slate_id: String,
    /// Whether both are the same byte for byte.
    identical: bool,
    /// Where they differ, as JSON pointers into both.
    differences: Vec<String>,
    /// As it was served.
    recorded: ReplayedSlateView,
    /// As it comes out of its history.
    recomputed: ReplayedSlateView,
}

fn slate(items: &[ServedItem], exhausted: bool, config: u64) -> ReplayedSlateView {
    let view = |item: &ServedItem| ReplayedItemView {
        clip_id: item.clip.to_string(),
        source: source_name(item.source),
        sources: source_names(item.sources),
        propensity: item.propensity,
        score: item.score,
        inputs: item.inputs.to_vec(),
    };
    ReplayedSlateView {
        config: format!("{config:016x}"),
        exhausted,
        items: items.iter().map(view).collect(),
    }
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        let ServedPage { slate: id, items, exhausted, config, .. } = &replay.recorded;
        Self {
            slate_id: id.to_string(),
            identical: replay.differences.is_empty(),
            recorded: slate(items, *exhausted, *config),
            recomputed: slate(&replay.recomputed, replay.exhausted, replay.config),
            differences: replay.differences,
        }
    }
}

/// Recomputes a slate from its history: the ranking's state is built again as it stood, and the same
/// stages make the page again.
#[utoipa::path(post, path = "/v1/replays", tag = "operator", security(("bearer" = [])),
    request_body = NewReplay, responses((status = 200, body = ReplayView)))]
async fn replay(
    State(replays): State<Arc<Replays>>,
    _caller: Operator,
    Body(body): Body<NewReplay>,
) -> Result<Json<ReplayView>, Problem> {
    let slate: SlateId =
        body.slate_id.parse().map_err(|error| Problem::field("/slate_id", error))?;
    Ok(Json(replays.replay(slate).await?.into()))
}

impl From<ReceiptError> for Problem {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::NotFound(_) => Self::new(ProblemKind::NotFound, error),
            ReceiptError::Store(error) => error.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound => Self::new(ProblemKind::NotFound, error),
            ReplayError::Unavailable(_) => Self::new(ProblemKind::ReplayUnavailable, error),
            ReplayError::Store(error) => error.into(),
        }
    }
}
