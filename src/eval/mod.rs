//! Ranking judged offline: the engine's own ranking code over a folder of recorded watching, or in a
//! simulated world ([`world`]).
//!
//! [`folder`] reads the data and tells their format, [`replay`] turns rows into what the neighbours
//! learn from, [`tuning`] chooses their parameters by a rule. The tasks are [`topk`], [`live`] and
//! [`progressive`], which predicts each row of the log before it learns it, at a [`pace`]. [`metrics`],
//! [`probability`], [`cost`], [`plot`] and [`curves`] are what they report. The command line is
//! `vitrine eval`.

pub mod cost;
pub mod curves;
pub mod folder;
pub mod live;
pub mod metrics;
pub mod pace;
pub mod plot;
pub mod probability;
pub mod progressive;
pub mod replay;
mod ridge;
mod table;
pub mod topk;
pub mod tuning;
pub mod world;

use crate::ranking::neighbours::dense::NotPositive;

/// Why a ranking could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The data.
    #[error(transparent)]
    Folder(#[from] folder::FolderError),
    /// The item–item weights cannot be fitted to it.
    #[error("the counts of items met together cannot be inverted")]
    Weights,
}

impl From<NotPositive> for EvalError {
    fn from(_: NotPositive) -> Self {
        Self::Weights
    }
}
