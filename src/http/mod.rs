//! The HTTP edge: extract, call one service, show.
//!
//! All routes stand in `routes.rs`, the layers in `layers.rs`, the problem kinds in `problem.rs`. A
//! resource has one file with its request and answer shapes and its handlers.
//!
//! To add an endpoint: shapes and handler in the resource's file, a line in its `routes()`, a method on
//! a service, a test in `tests/api`. A new failure is a variant of the service's error; the compiler
//! then asks for its problem kind.

pub mod accounts;
pub mod checkouts;
pub mod clip_views;
pub mod clips;
pub mod conditional;
pub mod events;
pub mod extract;
pub mod feed;
pub mod feed_views;
pub mod fields;
pub mod guests;
pub mod health;
pub mod images;
pub mod inventory;
pub mod layers;
pub mod media;
pub mod merchant;
pub mod metrics;
pub mod openapi;
pub mod ops;
pub mod orders;
pub mod preferences;
pub mod preview;
pub mod problem;
pub mod products;
pub mod receipts;
pub mod replay;
pub mod routes;
pub mod sandbox;
pub mod server;
pub mod shop;
pub mod shop_views;
pub mod social;
pub mod tus_headers;
pub mod uploads;
pub mod web;

use std::sync::Arc;

use axum::extract::FromRef;

use crate::http::shop::ShopApi;
use crate::services::access::Access;
use crate::services::accounts::Accounts;
use crate::services::clips::Clips;
use crate::services::engagement::Engagement;
use crate::services::feed_page::FeedPages;
use crate::services::media::Media;
use crate::services::receipts::Receipts;
use crate::services::replays::Replays;
use crate::services::social::Social;
use crate::services::uploads::Uploads;
use crate::services::viewers::Viewers;
use crate::services::vitals::Vitals;
use crate::telemetry::figures::Figures;

/// What handlers can reach: each takes the one service it needs.
#[derive(Clone)]
pub struct Api {
    /// Who is calling.
    pub access: Arc<Access>,
    /// Profiles.
    pub accounts: Arc<Accounts>,
    /// Clips for their creators.
    pub clips: Arc<Clips>,
    /// Objects and pictures.
    pub media: Arc<Media>,
    /// Resumable uploads.
    pub uploads: Arc<Uploads>,
    /// The feed.
    pub feed: Arc<FeedPages>,
    /// Why the feed shows what it shows.
    pub receipts: Arc<Receipts>,
    /// Slates made again.
    pub replays: Arc<Replays>,
    /// What viewers do.
    pub engagement: Arc<Engagement>,
    /// Likes, saves, follows, blocks.
    pub social: Arc<Social>,
    /// Viewers' states.
    pub viewers: Arc<Viewers>,
    /// Everything that sells.
    pub shop: ShopApi,
    /// How far this node has come.
    pub vitals: Arc<Vitals>,
    /// What this node counts.
    pub figures: Arc<Figures>,
    /// How this server presents itself.
    pub server: Arc<ServerInfo>,
}

/// How this server presents itself.
#[derive(Debug)]
pub struct ServerInfo {
    /// Where clients reach it: `https://shop.example`, without a slash at the end.
    pub public_url: String,
    /// Whether anybody may get a guest's token.
    pub guests: bool,
    /// Whether the figures are shown without a token.
    pub metrics_open: bool,
    /// False while it starts and once it drains: load balancers then send requests elsewhere.
    pub ready: std::sync::atomic::AtomicBool,
}

macro_rules! handlers_can_reach {
    ($($field:ident: $service:ty),* $(,)?) => {
        $(impl FromRef<Api> for Arc<$service> {
            fn from_ref(api: &Api) -> Self {
                Arc::clone(&api.$field)
            }
        })*
    };
}

handlers_can_reach! {
    access: Access,
    accounts: Accounts,
    clips: Clips,
    media: Media,
    uploads: Uploads,
    feed: FeedPages,
    receipts: Receipts,
    replays: Replays,
    engagement: Engagement,
    social: Social,
    viewers: Viewers,
    vitals: Vitals,
    figures: Figures,
    server: ServerInfo,
}
