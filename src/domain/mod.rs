//! Pure values and rules: what a clip, a price, a hold or an order *is*.
//!
//! Nothing here knows about async, wires, clocks, chance or stores. Time and random bits come in as
//! arguments, so each rule can be tried with a table of inputs.

pub mod account;
pub mod attribution;
pub mod catalog;
pub mod change;
pub mod checkout;
pub mod clip;
pub mod engagement;
pub mod event;
pub mod feed_session;
pub mod id;
pub mod job;
pub mod ledger;
pub mod limits;
pub mod media_failure;
pub mod money;
pub mod order;
pub mod payment;
pub mod policy;
pub mod quote;
pub mod ranking_step;
pub mod rendition;
pub mod stock;
pub mod tag;
pub mod time;
pub mod upload;
