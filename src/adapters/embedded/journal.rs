//! The journal in redb.

use async_trait::async_trait;
use redb::ReadTransaction;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::orders::insert_once;
use crate::adapters::embedded::tables::{JOURNAL, JOURNAL_BY_OWNER};
use crate::domain::id::{AccountId, TransferId};
use crate::domain::ledger::Transfer;
use crate::ports::error::StoreError;
use crate::ports::journal::Journal;
use crate::ports::orders::WriteOnce;
use crate::records;

fn transfer(id: TransferId, bytes: &[u8]) -> Result<Transfer, StoreError> {
    records::transfer::decode(id, bytes).map_err(damaged("journal", id))
}

fn read_one(txn: &ReadTransaction, id: TransferId) -> Result<Option<Transfer>, StoreError> {
    let table = txn.open_table(JOURNAL).map_err(io)?;
    let found = table.get(id.bits()).map_err(io)?;
    found.map(|row| transfer(id, row.value())).transpose()
}

#[async_trait]
impl Journal for Embedded {
    async fn append(&self, new: &Transfer) -> Result<WriteOnce, StoreError> {
        let row = records::transfer::encode(new);
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
