//! Accounts.

use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, market, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    handle: String,
    display_name: String,
    shop_name: Option<String>,
    market: String,
    personalised: bool,
    created_at_ms: i64,
    version: u64,
}

impl From<&Account> for Row {
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

/// The bytes of `account`.
pub fn encode(account: &Account) -> Vec<u8> {
    to_bytes(&Row::from(account))
}

/// The account that these bytes are.
pub fn decode(id: AccountId, bytes: &[u8]) -> Result<Account, Damaged> {
    let row: Row = from_bytes(bytes)?;
    Ok(Account {
        id,
        handle: row.handle,
        display_name: row.display_name,
        shop_name: row.shop_name,
        market: market(&row.market)?,
        personalised: row.personalised,
        created_at: Timestamp::from_unix_ms(row.created_at_ms),
        version: row.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Market;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back() {
        let id = AccountId::from_bits(u128::MAX);
        let full = Account {
            id,
            handle: "mina.makes".into(),
            display_name: "Mina \u{1f3fa}".into(),
            shop_name: Some("Mina's".into()),
            market: Market::new("DE").unwrap(),
            personalised: true,
            created_at: Timestamp::from_unix_ms(1_767_225_600_000),
            version: u64::MAX,
        };
        check(&full, &encode(&full), 0xfa4e_0d1c_a5c8_711a, |bytes| decode(id, bytes));
        let bare = Account::unnamed(id, Market::US, Timestamp::EPOCH);
        check(&bare, &encode(&bare), 0x0386_e7f3_f881_5a8e, |bytes| decode(id, bytes));
    }
}
