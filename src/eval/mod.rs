//! Ranking judged offline: the engine's own ranking code over a folder of recorded watching.
//!
//! [`folder`] reads the data, [`topk`] lists each user's best clips for a window that was held back,
//! [`metrics`] says how good the lists are; [`progressive`] predicts each row of the log before it learns
//! it, [`probability`] says how good the probabilities are, [`curves`] draws them. The command line is `vitrine eval`; the folder's format
//! stands in [`folder`].

pub mod curves;
pub mod folder;
pub mod metrics;
pub mod probability;
pub mod progressive;
mod table;
pub mod topk;
