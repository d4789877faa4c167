//! The candidate pipeline: from a viewer to a page.
//!
//! sources → hydrators → filters → scorer → selector, in the order that [`shop_feed`] lists. Stages are
//! small traits with laws ([`stage`], [`laws`]); [`pipeline`] runs them with deadlines and degrades
//! instead of failing. Everything they read is in memory: the [`index`] of clips and the viewer's state
//! ([`user`]), both folds over the logs.
//!
//! To add a source: a file in `sources/` that implements `CandidateSource`, one line in `shop_feed.rs`.
//! To replace the ranker: another `Scorer` in the same list.

pub mod candidate;
pub mod filters;
pub mod fold;
pub mod hydrators;
pub mod index;
pub mod json;
pub mod laws;
pub mod learned;
pub mod pipeline;
mod places;
pub mod query;
pub mod scorers;
pub mod selectors;
pub mod shop_feed;
pub mod sources;
pub mod stage;
pub mod trace;
pub mod user;
pub mod values;
