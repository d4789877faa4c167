//! The shape of a feed page, for the API's description. Pages are joined from fragments that the index
//! keeps ready; a test reads one back into these types, so that both stay the same.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a feed.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedPageView {
    /// `slt_…`: events name it.
    pub slate_id: String,
    /// The clips in the order of showing.
    pub items: Vec<FeedItemView>,
    /// Leads to the next page; null when nothing is left.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// Nothing is left after this page.
    pub exhausted: bool,
    /// A part of the ranking had failed, and something simpler stood in.
    pub degraded: bool,
}

/// A clip in a feed.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedItemView {
    /// Its place on the page, from 0.
    pub position: u32,
    /// The clip.
    pub clip: FeedClipView,
    /// Products in time and place.
    pub product_tags: Vec<FeedTagView>,
    /// What brought it here: `explore`, `following`, `interest`, `trending`, `fresh`, `catalog`,
    /// `co_watch`, `embedding`, `product_interest`.
    pub source: String,
    /// Sent along with a checkout, it credits the sale to this clip.
    pub attribution_token: String,
}

/// A clip as a viewer sees it.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedClipView {
    /// `clip_…`
    pub id: String,
    /// The creator's words.
    pub caption: String,
    /// Whose it is.
    pub creator: FeedCreatorView,
    /// Length.
    pub duration_ms: u32,
    /// Width of the top rendition in pixels.
    pub width: u32,
    /// Height of the top rendition in pixels.
    pub height: u32,
    /// RFC 3339.
    pub published_at: String,
    /// What plays.
    pub playback: FeedPlaybackView,
    /// What was counted.
    pub stats: FeedStatsView,
}

/// A creator as a viewer sees it.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedCreatorView {
    /// `usr_…`
    pub id: String,
    /// The public short name.
    pub handle: String,
    /// The public name.
    pub display_name: String,
}

/// Links that are good for some hours.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedPlaybackView {
    /// The master playlist.
    pub hls_url: String,
    /// The picture before the first frame.
    pub poster_url: String,
    /// Tiles for scrubbing.
    #[schema(required = true)]
    pub storyboard_url: Option<String>,
}

/// What was counted of a clip.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedStatsView {
    /// Watches.
    pub plays: u32,
    /// Present likes.
    pub likes: u32,
    /// Shares.
    pub shares: u32,
}

/// A product in a clip.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedTagView {
    /// `tag_…`
    pub id: String,
    /// `prd_…`
    pub product_id: String,
    /// The very variant that is shown, if the creator said so.
    #[schema(required = true)]
    pub variant_id: Option<String>,
    /// When the card appears.
    pub start_ms: u32,
    /// When it is gone.
    pub end_ms: u32,
    /// Where in the picture.
    #[schema(required = true)]
    pub hotspot: Option<FeedHotspotView>,
    /// What the card shows.
    pub card: FeedCardView,
}

/// A point of the frame, 0..1 from the top left.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedHotspotView {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A product card.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedCardView {
    /// A line.
    pub title: String,
    /// What the cheapest, or the tagged, variant costs.
    pub price: crate::http::fields::MoneyView,
    /// A former price, struck through.
    #[schema(required = true)]
    pub compare_at: Option<crate::http::fields::MoneyView>,
    /// The best picture.
    #[schema(required = true)]
    pub image_url: Option<String>,
    /// `in_stock`, `low_stock` or `sold_out`.
    pub availability: String,
    /// What buyers say; a count of 0 means nobody yet.
    pub rating: FeedRatingView,
}

/// What buyers say.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct FeedRatingView {
    /// 1 to 5; 0 without ratings.
    pub average: f64,
    /// How many.
    pub count: u32,
}
