//! What the services are told by the operator.

use std::sync::Arc;
use std::time::Duration;

use crate::config::raw::Shop;
use crate::config::{Config, ShippingPrices};
use crate::domain::account::Market;
use crate::domain::policy::ShopPolicy;
use crate::domain::time::DAY_MS;
use crate::feed::values::Values;
use crate::http::layers::HttpLimits;
use crate::services::uploads::UploadPolicy;
use crate::telemetry::traces::Traces;

/// What the services are told by the operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients reach this server, without a slash at the end.
    pub public_url: String,
    /// Whether anybody may get a guest's token.
    pub guests: bool,
    /// Where new accounts watch and buy.
    pub default_market: Market,
    /// How long a watched clip is not shown to the same viewer again.
    pub seen_window_ms: i64,
    /// How long a feed cursor leads on.
    pub feed_session_ttl_ms: i64,
    /// The ranking's values at the start.
    pub ranking: Values,
    /// How much the edge takes on.
    pub http: HttpLimits,
    /// What may be uploaded.
    pub uploads: UploadPolicy,
    /// What the shop charges, ships and promises.
    pub shop: Arc<ShopPolicy>,
    /// Whether the figures are shown without a token.
    pub metrics_open: bool,
    /// Whether answers tell how many calls to stores they took.
    pub show_calls: bool,
    /// The spans of requests; none until an export is started.
    pub traces: Traces,
    /// How long a link to media is good, at least.
    pub grant_ttl_ms: i64,
}

impl Settings {
    /// The settings of a configuration, for a server that is reached at `public_url`.
    pub fn new(config: &Config, public_url: &str) -> Self {
        let raw = &config.raw;
        Self {
            public_url: public_url.to_owned(),
            guests: raw.auth.guests,
            default_market: config.default_market,
            seen_window_ms: i64::from(raw.feed.suppression_days) * DAY_MS,
            feed_session_ttl_ms: i64::try_from(raw.feed.session_ttl_ms).unwrap_or(i64::MAX),
            ranking: ranking(config),
            http: HttpLimits {
                in_flight_max: raw.server.in_flight_max,
                checkouts_in_flight_max: raw.server.checkouts_in_flight_max,
                request_timeout: Duration::from_millis(raw.server.request_timeout_ms),
            },
            uploads: UploadPolicy {
                bytes_max: raw.uploads.bytes_max,
                ttl_ms: i64::try_from(raw.uploads.ttl_ms).unwrap_or(i64::MAX),
                per_account_max: raw.uploads.per_account_max,
            },
            shop: Arc::new(policy(&raw.shop, &config.shipping)),
            metrics_open: raw.metrics.open,
            show_calls: raw.metrics.show_calls,
            traces: Traces::default(),
            grant_ttl_ms: i64::try_from(raw.objects.grant_ttl_ms).unwrap_or(i64::MAX),
        }
    }
}

/// The ranking's values as configured.
pub(super) fn ranking(config: &Config) -> Values {
    Values { model: config.values, ..Values::default() }
}

/// The shop's numbers as configured. A way of delivery without a price is not offered.
fn policy(shop: &Shop, shipping: &ShippingPrices) -> ShopPolicy {
    let mut policy = ShopPolicy {
        platform_fee_bps: shop.platform_fee_bps,
        creator_commission_bps: shop.creator_commission_bps,
        return_window_days: u16::try_from(shop.return_window_days).unwrap_or(u16::MAX),
        ..ShopPolicy::default()
    };
    for option in &mut policy.shipping_options {
        option.prices.clone_from(match option.code.as_str() {
            "express" => &shipping.express,
            _ => &shipping.standard,
        });
    }
    policy.shipping_options.retain(|option| !option.prices.is_empty());
    policy
}
