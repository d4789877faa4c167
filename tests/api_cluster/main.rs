//! The HTTP API as its users see it, on two nodes of a cluster over real servers: the very tests of
//! `tests/api`, but for what is about the embedded shape alone (`tests/api/embedded.rs`).
//!
//! `scripts/test-servers run cassandra redis s3 -- cargo test --locked --test api_cluster`

#[path = "../support/mod.rs"]
mod support;

const IS_CLUSTER: bool = true;

#[path = "../api/accounts.rs"]
mod accounts;
#[path = "../api/checkouts.rs"]
mod checkouts;
#[path = "../api/clips.rs"]
mod clips;
#[path = "../api/configuration.rs"]
mod configuration;
#[path = "../api/edge.rs"]
mod edge;
#[path = "../api/events.rs"]
mod events;
#[path = "../api/feed.rs"]
mod feed;
#[path = "../api/inventory.rs"]
mod inventory;
#[path = "../api/learning.rs"]
mod learning;
#[path = "../api/log.rs"]
mod log;
#[path = "../api/metrics.rs"]
mod metrics;
#[path = "../api/orders.rs"]
mod orders;
#[path = "../api/products.rs"]
mod products;
#[path = "../api/ranking.rs"]
mod ranking;
#[path = "../api/receipts.rs"]
mod receipts;
#[path = "../api/social.rs"]
mod social;
#[path = "../api/uploads.rs"]
mod uploads;
#[path = "../api/wire.rs"]
mod wire;
