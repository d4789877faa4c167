//! The contract suites: one suite per port, run over every backend.

mod accounts;
mod backends;
mod catalog;
mod challenges;
mod changes;
mod checkouts;
mod clips;
mod counters;
mod disk;
mod events;
mod faults;
mod feed_sessions;
mod inventory;
mod jobs;
mod journal;
mod objects;
mod orders;
mod s3_server;
mod shop_rows;
mod signer;
mod spool;
mod stores;
mod tokens;
mod uploads;
