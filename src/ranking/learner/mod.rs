//! A learner that follows the event log: rates of hashed keys, and linear heads on them.
//!
//! [`table`] bounds what is remembered, [`rates`] is what is remembered of a key, [`factors`] are small
//! vectors, [`weights`] the heads, [`calibration`] keeps probabilities honest, [`trace`] is a viewer's
//! short memory, [`plan`] says which keys there are and [`model`] joins them. [`rows`] makes examples of a
//! log's rows, [`feed`] of what viewers do with clips, scored in [`parts`]; [`borders`] turns watch times into labels. Everything is a fold in log order: no clock, no chance.

pub mod borders;
pub mod calibration;
pub mod factors;
pub mod feed;
pub mod model;
pub mod numbers;
pub mod parts;
pub mod plan;
pub mod rates;
pub mod rows;
pub mod snapshot;
pub mod table;
pub mod trace;
pub mod weights;

#[cfg(test)]
mod feed_tests;
