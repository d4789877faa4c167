//! What operators see of a running node: the log, the figures behind `GET /metrics`, and traces.
//!
//! It names nothing of the project, so that every layer which measures may name it. Labels come from
//! closed sets alone: no id, no address, no text that a client chose. `catalog` lists every metric.

pub mod calls;
pub mod catalog;
pub mod export;
pub mod figures;
pub mod log;
pub mod process;
pub mod traces;

pub use crate::telemetry::log::{LogFormat, start};
