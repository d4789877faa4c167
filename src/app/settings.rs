//! What the services are told by the operator.

use std::time::Duration;

use crate::config::Config;
use crate::domain::account::Market;
use crate::http::layers::HttpLimits;
use crate::services::uploads::UploadPolicy;

/// What the services are told by the operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients reach this server, without a slash at the end.
    pub public_url: String,
    /// Whether anybody may get a guest's token.
    pub guests: bool,
    /// Where new accounts watch and buy.
    pub default_market: Market,
    /// How much the edge takes on.
    pub http: HttpLimits,
    /// What may be uploaded.
    pub uploads: UploadPolicy,
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
            grant_ttl_ms: i64::try_from(raw.objects.grant_ttl_ms).unwrap_or(i64::MAX),
        }
    }
}
