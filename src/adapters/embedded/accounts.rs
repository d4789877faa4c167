//! Accounts in redb.

use async_trait::async_trait;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::tables::ACCOUNTS;
use crate::domain::account::{Account, Market};
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::ports::accounts::AccountStore;
use crate::ports::error::StoreError;

#[derive(Serialize, Deserialize)]
struct AccountRow {
    handle: String,
    display_name: String,
    shop_name: Option<String>,
    market: String,
    personalised: bool,
    created_at_ms: i64,
    version: u64,
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        Self {
            handle: account.handle.clone(),
            display_name: account.display_name.clone(),
            shop_name: account.shop_name.clone(),
            market: account.market.code().to_owned(),
            personalised: account.personalised,
            created_at_ms: account.created_at.unix_ms(),
            version: account.version,
        }
    }
}

fn account(id: AccountId, bytes: &[u8]) -> Result<Account, StoreError> {
    let row: AccountRow = decode("accounts", id, bytes)?;
    let market = Market::new(&row.market).ok_or_else(|| corrupt("accounts", id, "market"))?;
    Ok(Account {
        id,
        handle: row.handle,
        display_name: row.display_name,
        shop_name: row.shop_name,
        market,
        personalised: row.personalised,
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        version: row.version,
    })
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
        let new = new.clone();
        self.write(move |txn| {
            let mut table = txn.open_table(ACCOUNTS).map_err(io)?;
            let found = table.get(new.id.bits()).map_err(io)?;
            let stored = found.map(|row| account(new.id, row.value())).transpose()?;
            if stored.map_or(0, |stored| stored.version) + 1 != new.version {
                return Err(StoreError::Conflict);
            }
            let row = encode(&AccountRow::from(&new));
            table.insert(new.id.bits(), row.as_slice()).map_err(io)?;
            Ok(())
        })
        .await
    }
}
