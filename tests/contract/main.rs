//! The contract suites: one suite per port, run over every backend.

mod backends;
mod catalog;
mod checkouts;
mod inventory;
mod journal;
mod objects;
mod orders;
mod s3_server;
mod shop_rows;
mod spool;
