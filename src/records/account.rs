//! Accounts.

use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::domain::limits::SHARE_WHOLE;
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, market, to_bytes};

const fn whole() -> u32 {
    SHARE_WHOLE
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_whole(share: &u32) -> bool {
    *share == SHARE_WHOLE
}

#[derive(Serialize, Deserialize)]
struct Row {
    handle: String,
    display_name: String,
    shop_name: Option<String>,
    market: String,
    personalised: bool,
    /// Left out where nothing is held back, as earlier releases wrote it.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    max_shoppable_share: u32,
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
            max_shoppable_share: account.max_shoppable_share,
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
        max_shoppable_share: row.max_shoppable_share.min(SHARE_WHOLE),
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
            max_shoppable_share: SHARE_WHOLE,
            created_at: Timestamp::from_unix_ms(1_767_225_600_000),
            version: u64::MAX,
        };
        check(&full, &encode(&full), 0xfa4e_0d1c_a5c8_711a, |bytes| decode(id, bytes));
        let sparing = Account { max_shoppable_share: 300_000, ..full.clone() };
        check(&sparing, &encode(&sparing), 496_500_565_819_229_320, |bytes| decode(id, bytes));
        let bare = Account::unnamed(id, Market::US, Timestamp::EPOCH);
        check(&bare, &encode(&bare), 0x0386_e7f3_f881_5a8e, |bytes| decode(id, bytes));
    }
}
