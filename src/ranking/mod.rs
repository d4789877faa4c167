//! Ranking as pure maths on values and slices: no clock, no chance but seeds, no stores.
//!
//! [`features`] turns counters and tastes into predictions by head, [`value`] turns those into one score
//! that can be shown term by term, [`order`] makes the order total, [`diversity`] keeps a page varied,
//! [`explore`] gives new clips their chance. [`learner`] is the model that learns from the log,
//! [`neighbours`] knows items by what was met along with them, [`embedding`] finds them by learned vectors.

pub mod diversity;
pub mod embedding;
pub mod explore;
pub mod features;
pub mod learner;
pub mod likeness;
mod maths;
pub mod neighbours;
pub mod order;
pub mod value;
