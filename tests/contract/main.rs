//! The contract suites: one suite per port, run over every backend.

#[path = "../support/outside.rs"]
mod outside;

mod accounts;
mod backends;
mod catalog;
mod challenges;
mod changes;
mod checkouts;
mod clips;
mod cluster;
mod counters;
mod disk;
mod events;
mod faults;
mod feed_sessions;
mod inventory;
mod jobs;
mod journal;
mod leases;
mod models;
mod objects;
mod orders;
mod ranking_steps;
mod redis;
mod s3_client;
mod s3_server;
mod schema;
mod shop_rows;
mod signer;
mod spool;
mod stores;
mod tokens;
mod uploads;
