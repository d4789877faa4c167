//! The HTTP API as its users see it, one file a resource.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod checkouts;
mod clips;
mod configuration;
mod edge;
mod events;
mod feed;
mod inventory;
mod log;
mod metrics;
mod orders;
mod products;
mod social;
mod uploads;
mod wire;
