//! The HTTP API as its users see it, one file a resource.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod clips;
mod edge;
mod uploads;
