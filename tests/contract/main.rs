//! The contract suites: one suite per port, run over every backend.

mod accounts;
mod backends;
mod catalog;
mod changes;
mod clips;
mod disk;
mod faults;
mod jobs;
mod objects;
mod s3_server;
mod signer;
mod spool;
mod stores;
mod tokens;
mod uploads;
