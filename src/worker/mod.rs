//! Work that nobody waits for.

pub mod reconcilers;
