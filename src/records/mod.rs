//! Domain values as bytes: the form in which every store keeps them.
//!
//! One file a value, each with `encode` and `decode`. Records are MessagePack maps with field names: a
//! later release may add a field with a default and still read what an earlier one wrote, and what it
//! does not know it passes over. The bytes of a value never change otherwise, for stores compare a
//! record that is written twice with the first one. What a store keeps beside a record (the key, and
//! here and there a version) is an argument of `decode`.
//!
//! Values of a few bits have a number instead, whose meaning never changes.

pub mod account;
pub mod adjustment;
pub mod change;
pub mod checkout;
pub mod clip;
pub mod counters;
pub mod event;
pub mod feed_page;
pub mod hold_state;
pub mod job_kind;
pub mod order;
mod order_parts;
pub mod product;
pub mod ranking_step;
pub mod relation;
#[cfg(test)]
mod testing;
pub mod transfer;
pub mod upload;

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::account::Market;
use crate::domain::money::Currency;

/// What is wrong with a record that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damaged(String);

impl Damaged {
    /// A record with this fault.
    pub fn new(fault: impl Display) -> Self {
        Self(fault.to_string())
    }
}

/// The bytes of a row.
pub(crate) fn to_bytes<T: Serialize>(row: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(row).expect("rows hold only what MessagePack can carry")
}

/// The row of these bytes.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damaged> {
    rmp_serde::from_slice(bytes).map_err(Damaged::new)
}

fn market(code: &str) -> Result<Market, Damaged> {
    Market::new(code).ok_or_else(|| Damaged::new(format!("market `{code}`")))
}

fn currency(code: &str) -> Result<Currency, Damaged> {
    code.parse().map_err(Damaged::new)
}
