//! Accounts in CQL.

use async_trait::async_trait;

use crate::adapters::scylla::guarded::{Guard, NewRow};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, corrupt, uuid};
use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::ports::accounts::AccountStore;
use crate::ports::error::StoreError;
use crate::records;

const GET: Cql = Cql::read("SELECT body FROM accounts WHERE id = ?");
const GUARD: Guard = Guard {
    first: Cql::conditional(
        "INSERT INTO accounts (id, version, body) VALUES (?, ?, ?) IF NOT EXISTS",
    ),
    next: Cql::conditional("UPDATE accounts SET version = ?, body = ? WHERE id = ? IF version = ?"),
    read: Cql::serial_read("SELECT version, body FROM accounts WHERE id = ?"),
};

#[async_trait]
impl AccountStore for Scylla {
    async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let found: Option<(Vec<u8>,)> = self.row(GET, (uuid(id.bits()),)).await?;
        let account = found.map(|(body,)| records::account::decode(id, &body)).transpose();
        account.map_err(|damage| corrupt("accounts", id, damage))
    }

    async fn put(&self, new: &Account) -> Result<(), StoreError> {
        let (id, body) = (uuid(new.id.bits()), records::account::encode(new));
        let row = NewRow { id, version: new.version, body, more: None };
        self.put_guarded(&GUARD, &row).await
    }
}
