//! Work that nobody waits for: jobs that were asked for, and reconcilers that make true what should be.

pub mod media;
pub mod reconcilers;
pub mod runner;
