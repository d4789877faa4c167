//! Ranking judged offline: the engine's own ranking code over a folder of recorded watching.
//!
//! [`folder`] reads the data, [`topk`] lists each user's best clips for a window that was held back,
//! [`metrics`] says how good the lists are. The command line is `vitrine eval`; the folder's format
//! stands in [`folder`].

pub mod folder;
pub mod metrics;
mod table;
pub mod topk;
