//! Accounts in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::ACCOUNTS;
use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::ports::accounts::AccountStore;
use crate::ports::error::StoreError;
use crate::records;

fn account(id: AccountId, bytes: &[u8]) -> Result<Account, StoreError> {
    records::account::decode(id, bytes).map_err(damaged("accounts", id))
}

#[async_trait]
impl AccountStore for Embedded {
    async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(ACCOUNTS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            found.map(|row| account(id, row.value())).transpose()
        })
    }

    async fn put(&self, new: &Account) -> Result<(), StoreError> {
        let row = records::account::encode(new);
        let (id, version) = (new.id, new.version);
        self.write(move |txn| {
            let mut table = txn.open_table(ACCOUNTS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            let stored = found.map(|row| account(id, row.value())).transpose()?;
            if stored.map_or(0, |stored| stored.version) + 1 != version {
                return Err(StoreError::Conflict);
            }
            table.insert(id.bits(), row.as_slice()).map_err(io)?;
            Ok(())
        })
        .await
    }
}
