//! The journal in redb.

use async_trait::async_trait;
use redb::ReadTransaction;
use serde::{Deserialize, Serialize};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, decode, encode, io};
use crate::adapters::embedded::orders::insert_once;
use crate::adapters::embedded::tables::{JOURNAL, JOURNAL_BY_OWNER};
use crate::domain::id::{AccountId, OrderId, TransferId};
use crate::domain::ledger::{LedgerAccount, Posting, Side, Transfer, TransferKind};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::journal::Journal;
use crate::ports::orders::WriteOnce;

#[derive(Serialize, Deserialize)]
struct TransferRow {
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

impl From<&Transfer> for TransferRow {
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

fn transfer(id: TransferId, bytes: &[u8]) -> Result<Transfer, StoreError> {
    let row: TransferRow = decode("journal", id, bytes)?;
    let kind = TransferKind::from_word(&row.kind).ok_or_else(|| corrupt("journal", id, "kind"))?;
    let posting = |row: PostingRow| -> Result<Posting, StoreError> {
        let currency = row.currency.parse().map_err(|error| corrupt("journal", id, error))?;
        Ok(Posting {
            account: row.account.into(),
            side: if row.debit { Side::Debit } else { Side::Credit },
            amount: Money::new(row.minor, currency),
        })
    };
    let postings = row.postings.into_iter().map(posting).collect::<Result<_, _>>()?;
    let at = Timestamp::from_unix_ms(row.at_ms);
    // The constructor checks the balance again: damage is found where it is read.
    Transfer::new(id, kind, OrderId::from_bits(row.order), at, postings)
        .map_err(|error| corrupt("journal", id, error))
}

fn read_one(txn: &ReadTransaction, id: TransferId) -> Result<Option<Transfer>, StoreError> {
    let table = txn.open_table(JOURNAL).map_err(io)?;
    let found = table.get(id.bits()).map_err(io)?;
    found.map(|row| transfer(id, row.value())).transpose()
}

#[async_trait]
impl Journal for Embedded {
    async fn append(&self, new: &Transfer) -> Result<WriteOnce, StoreError> {
        let row = encode(&TransferRow::from(new));
        let id = new.id().bits();
        let owners: Vec<u128> = new
            .postings()
            .iter()
            .filter_map(|posting| posting.account.owner())
            .map(AccountId::bits)
            .collect();
        self.write(move |txn| {
            let outcome = insert_once(txn, JOURNAL, id, &row)?;
            if outcome == WriteOnce::Written && !owners.is_empty() {
                let mut by_owner = txn.open_table(JOURNAL_BY_OWNER).map_err(io)?;
                for &owner in &owners {
                    by_owner.insert((owner, id), ()).map_err(io)?;
                }
            }
            Ok(outcome)
        })
        .await
    }

    async fn get(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.read(|txn| read_one(txn, id))
    }

    async fn all(
        &self,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(JOURNAL).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let mut found = Vec::new();
            for entry in table.range(start..).map_err(io)?.take(limit) {
                let (id, row) = entry.map_err(io)?;
                found.push(transfer(TransferId::from_bits(id.value()), row.value())?);
            }
            Ok(found)
        })
    }

    async fn by_owner(
        &self,
        owner: AccountId,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(JOURNAL_BY_OWNER).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let range = (owner.bits(), start)..=(owner.bits(), u128::MAX);
            let mut found = Vec::new();
            for entry in table.range(range).map_err(io)?.take(limit) {
                let id = TransferId::from_bits(entry.map_err(io)?.0.value().1);
                let listed = read_one(txn, id)?;
                found.push(listed.ok_or_else(|| corrupt("journal", id, "listed but missing"))?);
            }
            Ok(found)
        })
    }
}
