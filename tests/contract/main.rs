//! The contract suites: one suite per port, run over every backend.

mod backends;
mod objects;
mod s3_server;
mod spool;
