//! The contract suites: one suite per port, run over every backend.

mod spool;
