//! Ports over the node's own file system.

pub mod spool;
