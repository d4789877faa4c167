//! The steps in which one process takes clips and products into its ranking's state. Together with the
//! event log they are that state's history: who repeats both in order has the state of any moment.

use crate::domain::account::Market;
use crate::domain::catalog::Product;
use crate::domain::clip::Clip;
use crate::domain::engagement::ClipCounters;
use crate::domain::id::{ClipId, VariantId};

/// One step. What a store keeps of clips and products is what ranking reads of them.
#[derive(Clone, PartialEq, Debug)]
pub enum RankingStep {
    /// Many clips follow before anybody is served.
    Filling,
    /// A clip came in or changed.
    Clip(Box<Clip>),
    /// A clip went.
    Gone(ClipId),
    /// A product came in or changed, with the units that are available of its variants.
    Product(Box<Product>, Vec<(VariantId, u32)>),
    /// What had been counted of a clip before this process began, with its heat per market.
    Counted(ClipId, ClipCounters, Vec<(Market, f64)>),
    /// All is there that was when the process began; what was counted holds the events up to here.
    Filled(u64),
    /// Ranking goes on from a stored model, or from nothing.
    Learned {
        /// The model's name.
        model: Option<String>,
        /// Events up to here are passed over, if they are not in it.
        at_least: u64,
    },
}

/// A step and its place in the history.
#[derive(Clone, PartialEq, Debug)]
pub struct NotedStep {
    /// The offset of the event log that the state had taken in when the step was made.
    pub after: u64,
    /// What was done.
    pub step: RankingStep,
}
