//! What the engine needs from the world, as traits; a trait's documentation is its contract.
//!
//! Ports promise what the weakest backend keeps: **one conditional write in one partition**. Longer
//! work is a line of idempotent steps. Each port has one contract suite in `tests/contract`, which
//! runs over every backend.

pub mod accounts;
pub mod catalog;
pub mod changes;
pub mod checkouts;
pub mod clips;
pub mod clock;
pub mod counters;
pub mod entropy;
pub mod error;
pub mod events;
pub mod feed_sessions;
pub mod health;
pub mod images;
pub mod inventory;
pub mod jobs;
pub mod journal;
pub mod leases;
pub mod media_links;
pub mod models;
pub mod objects;
pub mod orders;
pub mod payments;
pub mod purchases;
pub mod ranking_steps;
pub mod signer;
pub mod tokens;
pub mod transcoder;
pub mod upload_spool;
pub mod uploads;
pub mod user_state;
pub mod wakeups;
