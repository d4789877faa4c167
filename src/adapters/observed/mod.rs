//! Ports that are measured: each wrapper passes every call on and notes how it ended. A wrapper changes
//! no answer.

mod feed_sessions;
mod inventory;
mod money;
mod objects;
mod transcoder;

pub use crate::adapters::observed::feed_sessions::ObservedSessions;
pub use crate::adapters::observed::inventory::ObservedStock;
pub use crate::adapters::observed::money::{ObservedBank, ObservedJournal, ObservedOrders};
pub use crate::adapters::observed::objects::ObservedObjects;
pub use crate::adapters::observed::transcoder::ObservedTranscoder;
