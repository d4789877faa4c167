//! Offices within one process: all that a single node needs.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::leases::{Leases, Office};

/// Offices that only this process knows of.
#[derive(Debug, Default)]
pub struct LocalLeases {
    /// Holder and end.
    held: Mutex<HashMap<Office, (u128, Timestamp)>>,
}

#[async_trait]
impl Leases for LocalLeases {
    async fn hold(
        &self,
        office: Office,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut held = self.held.lock();
        let taken = held.get(&office).is_some_and(|(by, end)| *by != holder && *end > now);
        if !taken {
            held.insert(office, (holder, until));
        }
        Ok(!taken)
    }

    async fn give_back(&self, office: Office, holder: u128) -> Result<(), StoreError> {
        let mut held = self.held.lock();
        if held.get(&office).is_some_and(|(by, _)| *by == holder) {
            held.remove(&office);
        }
        Ok(())
    }
}
