//! Transfers of the journal.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AccountId, OrderId, TransferId};
use crate::domain::ledger::{LedgerAccount, Posting, Side, Transfer, TransferKind};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::records::{Damaged, currency, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    kind: String,
    order: u128,
    at_ms: i64,
    postings: Vec<PostingRow>,
}

#[derive(Serialize, Deserialize)]
struct PostingRow {
    account: AccountRow,
    debit: bool,
    minor: i64,
    currency: String,
}

#[derive(Serialize, Deserialize)]
enum AccountRow {
    BuyerClearing,
    MerchantPayable(u128),
    CreatorPayable(u128),
    PlatformFee,
    TaxPayable,
    Shipping,
    Refunds,
    ProviderClearing,
}

impl From<LedgerAccount> for AccountRow {
    fn from(account: LedgerAccount) -> Self {
        match account {
            LedgerAccount::BuyerClearing => Self::BuyerClearing,
            LedgerAccount::MerchantPayable(owner) => Self::MerchantPayable(owner.bits()),
            LedgerAccount::CreatorPayable(owner) => Self::CreatorPayable(owner.bits()),
            LedgerAccount::PlatformFee => Self::PlatformFee,
            LedgerAccount::TaxPayable => Self::TaxPayable,
            LedgerAccount::Shipping => Self::Shipping,
            LedgerAccount::Refunds => Self::Refunds,
            LedgerAccount::ProviderClearing => Self::ProviderClearing,
        }
    }
}

impl From<AccountRow> for LedgerAccount {
    fn from(row: AccountRow) -> Self {
        match row {
            AccountRow::BuyerClearing => Self::BuyerClearing,
            AccountRow::MerchantPayable(owner) => {
                Self::MerchantPayable(AccountId::from_bits(owner))
            }
            AccountRow::CreatorPayable(owner) => Self::CreatorPayable(AccountId::from_bits(owner)),
            AccountRow::PlatformFee => Self::PlatformFee,
            AccountRow::TaxPayable => Self::TaxPayable,
            AccountRow::Shipping => Self::Shipping,
            AccountRow::Refunds => Self::Refunds,
            AccountRow::ProviderClearing => Self::ProviderClearing,
        }
    }
}

impl From<&Transfer> for Row {
    fn from(transfer: &Transfer) -> Self {
        let posting = |posting: &Posting| PostingRow {
            account: posting.account.into(),
            debit: posting.side == Side::Debit,
            minor: posting.amount.minor(),
            currency: posting.amount.currency().code().to_owned(),
        };
        Self {
            kind: transfer.kind().as_str().to_owned(),
            order: transfer.order().bits(),
            at_ms: transfer.at().unix_ms(),
            postings: transfer.postings().iter().map(posting).collect(),
        }
    }
}

/// The bytes of `transfer`.
pub fn encode(transfer: &Transfer) -> Vec<u8> {
    to_bytes(&Row::from(transfer))
}

/// The transfer that these bytes are.
pub fn decode(id: TransferId, bytes: &[u8]) -> Result<Transfer, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let kind = TransferKind::from_word(&row.kind);
    let kind = kind.ok_or_else(|| Damaged::new(format!("kind `{}`", row.kind)))?;
    let posting = |row: PostingRow| -> Result<Posting, Damaged> {
        Ok(Posting {
            account: row.account.into(),
            side: if row.debit { Side::Debit } else { Side::Credit },
            amount: Money::new(row.minor, currency(&row.currency)?),
        })
    };
    let postings = row.postings.into_iter().map(posting).collect::<Result<_, _>>()?;
    let at = Timestamp::from_unix_ms(row.at_ms);
    // The constructor checks the balance again: damage is found where it is read.
    Transfer::new(id, kind, OrderId::from_bits(row.order), at, postings).map_err(Damaged::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;
    use crate::records::testing::check;

    #[test]
    fn every_account_comes_back_and_an_unbalanced_transfer_is_damaged() {
        let owner = AccountId::from_bits(u128::MAX);
        let accounts = [
            LedgerAccount::BuyerClearing,
            LedgerAccount::MerchantPayable(owner),
            LedgerAccount::CreatorPayable(owner),
            LedgerAccount::PlatformFee,
            LedgerAccount::TaxPayable,
            LedgerAccount::Shipping,
            LedgerAccount::Refunds,
            LedgerAccount::ProviderClearing,
        ];
        let posting = |(place, account): (usize, LedgerAccount)| Posting {
            account,
            side: if place % 2 == 0 { Side::Debit } else { Side::Credit },
            amount: Money::new(i64::MAX - (place as i64 / 2), Currency::USD),
        };
        let postings: Vec<Posting> = accounts.into_iter().enumerate().map(posting).collect();
        let (id, order, at) =
            (TransferId::from_bits(1), OrderId::from_bits(2), Timestamp::from_unix_ms(3));
        for (pinned, kind) in [
            (0x93ac_8162_c87d_a2e6, TransferKind::OrderPlaced),
            (0xac7f_6810_00f5_aef1, TransferKind::PaymentCaptured),
        ] {
            let transfer = Transfer::new(id, kind, order, at, postings.clone()).unwrap();
            check(&transfer, &encode(&transfer), pinned, |bytes| decode(id, bytes));
        }
        let transfer = Transfer::new(id, TransferKind::OrderPlaced, order, at, postings).unwrap();
        let mut row = Row::from(&transfer);
        row.postings.pop();
        assert!(decode(id, &to_bytes(&row)).is_err());
    }
}
