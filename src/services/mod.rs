//! The use cases: what a viewer, creator, merchant or operator can have done. A service takes only the
//! ports it uses, sequences them, and states its failures as one enum.

pub mod access;
pub mod accounts;
pub mod catalog;
pub mod checkout;
pub mod clip_audit;
pub mod clips;
pub mod cursor;
pub mod engagement;
pub mod feed_cursor;
pub mod feed_made;
pub mod feed_page;
pub mod feed_render;
pub mod feed_sessions;
pub mod freshness;
pub mod idempotency;
pub mod indexing;
pub mod inventory;
pub mod ledger;
pub mod media;
pub mod media_grants;
pub mod orders;
pub mod preview;
pub mod publish;
pub mod purchases;
pub mod receipts;
pub mod recent;
pub mod replays;
pub mod replica;
pub mod sandbox;
pub mod shelf_cache;
pub mod signed;
pub mod social;
pub mod uploads;
pub mod viewers;
pub mod vitals;
