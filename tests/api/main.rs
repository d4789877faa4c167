//! The HTTP API as its users see it, one file a resource.

#[path = "../support/mod.rs"]
mod support;

/// See `tests/api_cluster`, which runs the same on a cluster.
const IS_CLUSTER: bool = false;

mod accounts;
mod checkouts;
mod clips;
mod configuration;
mod edge;
mod embedded;
mod events;
mod feed;
mod inventory;
mod learning;
mod log;
mod metrics;
mod orders;
mod products;
mod ranking;
mod receipts;
mod social;
mod uploads;
mod wire;
