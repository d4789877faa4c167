//! Offices that one node at a time holds.

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, uuid};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::leases::{Leases, Office};

const READ: Cql = Cql::serial_read("SELECT holder, until_ms FROM leases WHERE name = ?");
const FIRST: Cql =
    Cql::conditional("INSERT INTO leases (name, holder, until_ms) VALUES (?, ?, ?) IF NOT EXISTS");
const NEXT: Cql = Cql::conditional(
    "UPDATE leases SET holder = ?, until_ms = ? WHERE name = ? IF holder = ? AND until_ms = ?",
);

#[async_trait]
impl Leases for Scylla {
    async fn hold(
        &self,
        office: Office,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (name, holder) = (office.as_str(), uuid(holder));
        let present: Option<(Uuid, i64)> = self.row(READ, (name,)).await?;
        let Some((present, until_ms)) = present else {
            return self.apply(FIRST, (name, holder, until.unix_ms())).await;
        };
        if present != holder && until_ms > now.unix_ms() {
            return Ok(false);
        }
        self.apply(NEXT, (holder, until.unix_ms(), name, present, until_ms)).await
    }

    async fn give_back(&self, office: Office, holder: u128) -> Result<(), StoreError> {
        let (name, holder) = (office.as_str(), uuid(holder));
        let present: Option<(Uuid, i64)> = self.row(READ, (name,)).await?;
        if let Some((present, until_ms)) = present
            && present == holder
        {
            self.apply(NEXT, (holder, 0_i64, name, present, until_ms)).await?;
        }
        Ok(())
    }
}
