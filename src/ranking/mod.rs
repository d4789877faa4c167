//! Ranking as pure maths on values and slices: no clock, no chance but seeds, no stores.
//!
//! [`features`] turns counters and tastes into named columns, [`model`] turns a row of them into one
//! score, [`order`] makes the order total, [`diversity`] keeps a page varied, [`explore`] gives new
//! clips their chance. A learned model replaces `model` and leaves the rest.

pub mod diversity;
pub mod explore;
pub mod features;
mod maths;
pub mod model;
pub mod order;
