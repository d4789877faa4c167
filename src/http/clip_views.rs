//! How clips and tags look on the wire.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::account::{Account, Market};
use crate::domain::clip::{Clip, ClipState};
use crate::domain::engagement::ClipCounters;
use crate::domain::limits::{CAPTION_CHARS_MAX, TAGS_PER_CLIP_MAX};
use crate::domain::tag::{Hotspot, ProductTag};
use crate::http::feed_views::FeedStatsView;
use crate::http::fields::{Checks, rfc3339};
use crate::http::problem::Problem;
use crate::services::clips::{ClipEdit, NewClip, NewTag};
use crate::services::media::Media;
use crate::services::social::Marks;

/// Countries of one clip: all there are, and then some.
const MARKETS_MAX: usize = 300;

/// A place in the picture.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HotspotView {
    /// From the left, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.42)]
    x: f64,
    /// From the top, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.61)]
    y: f64,
}

/// A product in time and place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagBody {
    /// `prd_…`
    product_id: String,
    /// `var_…`, when the clip shows just that one.
    variant_id: Option<String>,
    /// First millisecond of the clip at which the card shows.
    start_ms: u32,
    /// The card is gone from this millisecond on.
    end_ms: u32,
    /// Where in the picture.
    hotspot: Option<HotspotView>,
}

/// What makes a clip of an upload.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateClip {
    /// `upl_…`, complete.
    upload_id: String,
    /// Up to 2200 characters, hashtags included.
    #[serde(default)]
    caption: String,
    /// At most 30.
    #[serde(default)]
    product_tags: Vec<TagBody>,
    /// Countries where it may be shown (ISO 3166-1 alpha-2); empty means everywhere.
    #[serde(default)]
    markets: Vec<String>,
}

/// What to change; fields left out stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditClip {
    /// Up to 2200 characters.
    caption: Option<String>,
    /// Countries where it may be shown; empty means everywhere.
    markets: Option<Vec<String>>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Items, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl CreateClip {
    /// The clip that is asked for.
    pub fn check(self) -> Result<NewClip, Problem> {
        let mut checks = Checks::new();
        let upload = checks.parse("/upload_id", &self.upload_id);
        let caption = check_caption(&mut checks, &self.caption);
        let tags = check_tags(&mut checks, "/product_tags", self.product_tags);
        let markets = check_markets(&mut checks, &self.markets);
        checks.done()?;
        let upload = upload.ok_or_else(|| Problem::field("/upload_id", "is needed"))?;
        Ok(NewClip { upload, caption, tags, markets })
    }
}

impl EditClip {
    /// The edit that is asked for.
    pub fn check(self) -> Result<ClipEdit, Problem> {
        let mut checks = Checks::new();
        let caption = self.caption.map(|text| check_caption(&mut checks, &text));
        let markets = self.markets.map(|codes| check_markets(&mut checks, &codes));
        checks.done()?;
        Ok(ClipEdit { caption, markets, tags: None })
    }
}

fn check_caption(checks: &mut Checks, text: &str) -> String {
    if text.trim().is_empty() {
        return String::new(); // A clip may speak for itself.
    }
    checks.text("/caption", text, CAPTION_CHARS_MAX)
}

fn check_markets(checks: &mut Checks, codes: &[String]) -> Vec<Market> {
    if codes.len() > MARKETS_MAX {
        checks.refuse("/markets", format!("has at most {MARKETS_MAX} countries"));
    }
    let mut markets = Vec::new();
    for (index, code) in codes.iter().take(MARKETS_MAX).enumerate() {
        match Market::new(code) {
            Some(market) if markets.contains(&market) => {}
            Some(market) => markets.push(market),
            None => checks.refuse(
                format!("/markets/{index}"),
                "is a country code of two capital letters such as `US`",
            ),
        }
    }
    markets
}

/// The tags of a list that stands at `pointer`.
pub fn check_tags(checks: &mut Checks, pointer: &str, tags: Vec<TagBody>) -> Vec<NewTag> {
    if tags.len() > TAGS_PER_CLIP_MAX {
        let at = if pointer.is_empty() { "/" } else { pointer };
        checks.refuse(at, format!("has at most {TAGS_PER_CLIP_MAX} tags"));
        return Vec::new();
    }
    let tags = tags.into_iter().enumerate();
    tags.filter_map(|(index, tag)| check_tag(checks, &format!("{pointer}/{index}"), &tag)).collect()
}

fn check_tag(checks: &mut Checks, at: &str, tag: &TagBody) -> Option<NewTag> {
    if tag.end_ms <= tag.start_ms {
        checks.refuse(format!("{at}/end_ms"), "comes after `start_ms`");
    }
    let hotspot = tag.hotspot.map(|spot| {
        let found = Hotspot::from_fractions(spot.x, spot.y);
        if found.is_none() {
            checks.refuse(format!("{at}/hotspot"), "has `x` and `y` between 0 and 1");
        }
        found
    });
    let variant = tag.variant_id.as_deref().map(|id| checks.parse(format!("{at}/variant_id"), id));
    Some(NewTag {
        product: checks.parse(format!("{at}/product_id"), &tag.product_id)?,
        variant: variant.flatten(),
        start_ms: tag.start_ms,
        end_ms: tag.end_ms,
        hotspot: hotspot.flatten(),
    })
}

/// Who made a clip.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatorView {
    id: String,
    handle: String,
    display_name: String,
}

impl From<&Account> for CreatorView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            handle: account.handle.clone(),
            display_name: account.display_name.clone(),
        }
    }
}

/// Where a clip plays.
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaybackView {
    /// The master playlist.
    hls_url: String,
    /// A JPEG.
    poster_url: String,
    /// A JPEG of tiles; `storyboard.json` beside it says how they lie.
    storyboard_url: Option<String>,
}

/// A product in time and place.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagView {
    id: String,
    product_id: String,
    variant_id: Option<String>,
    start_ms: u32,
    end_ms: u32,
    hotspot: Option<HotspotView>,
}

impl From<&ProductTag> for TagView {
    fn from(tag: &ProductTag) -> Self {
        Self {
            id: tag.id.to_string(),
            product_id: tag.product.to_string(),
            variant_id: tag.variant.map(|id| id.to_string()),
            start_ms: tag.start_ms,
            end_ms: tag.end_ms,
            hotspot: tag.hotspot.map(|spot| {
                let (x, y) = spot.fractions();
                HotspotView { x, y }
            }),
        }
    }
}

/// Why there is no clip.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureView {
    /// A stable word.
    code: String,
    /// A sentence that says what to do.
    detail: String,
}

/// A clip.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClipView {
    id: String,
    caption: String,
    creator: CreatorView,
    /// `processing`, `ready`, `failed` or `removed`.
    state: &'static str,
    /// 0 to 1.
    progress: f64,
    /// Set when `state` is `failed`.
    failure: Option<FailureView>,
    /// From here on: null until it plays.
    duration_ms: Option<u32>,
    width: Option<u32>,
    height: Option<u32>,
    /// RFC 3339.
    published_at: Option<String>,
    playback: Option<PlaybackView>,
    stats: FeedStatsView,
    product_tags: Vec<TagView>,
    /// Empty means everywhere.
    markets: Vec<String>,
    /// RFC 3339.
    created_at: String,
    /// Set where one clip is shown, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    viewer: Option<MarksView>,
}

/// How the caller stands to a clip.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MarksView {
    /// Likes it.
    liked: bool,
    /// Saved it.
    saved: bool,
    /// Follows its creator.
    following: bool,
}

impl From<Marks> for MarksView {
    fn from(marks: Marks) -> Self {
        let Marks { liked, saved, following } = marks;
        Self { liked, saved, following }
    }
}

impl ClipView {
    /// The clip as its creator and its viewers see it.
    pub fn new(clip: &Clip, creator: &Account, media: &Media, counted: &ClipCounters) -> Self {
        let playing = clip.published();
        let (progress, failure) = match &clip.state {
            ClipState::Processing { progress_permille } => {
                (f64::from(*progress_permille) / 1_000.0, None)
            }
            ClipState::Ready { .. } => (1.0, None),
            ClipState::Failed { failure, .. } => {
                let (code, detail) = (failure.code.clone(), failure.detail.clone());
                (0.0, Some(FailureView { code, detail }))
            }
            ClipState::Removed { .. } => (0.0, None),
        };
        Self {
            id: clip.id.to_string(),
            caption: clip.caption.clone(),
            creator: creator.into(),
            state: clip.state.as_str(),
            progress,
            failure,
            duration_ms: playing.map(|(files, _)| files.duration_ms),
            width: playing.map(|(files, _)| files.width),
            height: playing.map(|(files, _)| files.height),
            published_at: playing.map(|(_, at)| rfc3339(at)),
            playback: playing.map(|(files, _)| {
                let base = media.clip_base(&files.prefix);
                PlaybackView {
                    hls_url: format!("{base}/master.m3u8"),
                    poster_url: format!("{base}/poster.jpg"),
                    storyboard_url: files.has_storyboard.then(|| format!("{base}/storyboard.jpg")),
                }
            }),
            stats: FeedStatsView {
                plays: counted.plays,
                likes: counted.likes,
                shares: counted.shares,
            },
            product_tags: clip.tags.iter().map(TagView::from).collect(),
            markets: clip.markets.iter().map(|market| market.code().to_owned()).collect(),
            created_at: rfc3339(clip.created_at),
            viewer: None,
        }
    }

    /// The same with how the caller stands to it.
    #[must_use]
    pub fn seen_by(self, marks: Marks) -> Self {
        Self { viewer: Some(marks.into()), ..self }
    }
}

/// A part of one's own clips.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClipListView {
    clips: Vec<ClipView>,
    /// For `cursor`; null at the end.
    next_cursor: Option<String>,
}

impl ClipListView {
    /// A page of clips of one creator.
    pub fn new(clips: Vec<ClipView>, next_cursor: Option<String>) -> Self {
        Self { clips, next_cursor }
    }
}
