//! The journal in CQL.

use async_trait::async_trait;
use uuid::Uuid;

use crate::adapters::scylla::once::{Once, month_of};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{KEYS_PER_READ, Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::id::{AccountId, TransferId};
use crate::domain::ledger::Transfer;
use crate::ports::error::StoreError;
use crate::ports::journal::Journal;
use crate::ports::orders::WriteOnce;
use crate::records;

const ONCE: Once = Once {
    insert: Cql::conditional("INSERT INTO journal (id, body) VALUES (?, ?) IF NOT EXISTS"),
    read: Cql::serial_read("SELECT body FROM journal WHERE id = ?"),
};
const GET: Cql = Cql::read("SELECT id, body FROM journal WHERE id = ?");
const GET_MANY: Cql = Cql::read("SELECT id, body FROM journal WHERE id IN ?");
const LIST: Cql =
    Cql::write("INSERT INTO journal_by_owner (owner, month, transfer) VALUES (?, ?, ?)");
const LIST_MONTH: Cql = Cql::write("INSERT INTO owner_months (owner, month) VALUES (?, ?)");
const MONTHS: Cql = Cql::read("SELECT month FROM owner_months WHERE owner = ? AND month >= ?");
const LISTED: Cql = Cql::read(
    "SELECT transfer FROM journal_by_owner WHERE owner = ? AND month = ? AND transfer > ? LIMIT ?",
);
const WALK: Cql = Cql::read("SELECT id, body FROM journal LIMIT ?");
const WALK_ON: Cql = Cql::read("SELECT id, body FROM journal WHERE token(id) > token(?) LIMIT ?");

type Row = (Uuid, Vec<u8>);

fn transfer((id, body): Row) -> Result<Transfer, StoreError> {
    let id = TransferId::from_bits(id.as_u128());
    records::transfer::decode(id, &body).map_err(|damage| corrupt("journal", id, damage))
}

#[async_trait]
impl Journal for Scylla {
    async fn append(&self, new: &Transfer) -> Result<WriteOnce, StoreError> {
        let (id, month) = (sorted(new.id().bits()), month_of(new.at()));
        let mut owners: Vec<AccountId> =
            new.postings().iter().filter_map(|posting| posting.account.owner()).collect();
        owners.sort_unstable();
        owners.dedup();
        let lists = owners.into_iter().map(|owner| async move {
            let owner = uuid(owner.bits());
            self.run(LIST_MONTH, (owner, month)).await?;
            self.run(LIST, (owner, month, &id[..])).await
        });
        futures_util::future::try_join_all(lists).await?;
        self.write_once(&ONCE, uuid(new.id().bits()), &records::transfer::encode(new)).await
    }

    async fn get(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.row(GET, (uuid(id.bits()),)).await?.map(transfer).transpose()
    }

    async fn all(
        &self,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<Row> = match after {
            None => self.rows(WALK, (limit,)).await?,
            Some(after) => self.rows(WALK_ON, (uuid(after.bits()), limit)).await?,
        };
        rows.into_iter().map(transfer).collect()
    }

    async fn by_owner(
        &self,
        owner: AccountId,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        // In the order of months, and within one in the order of ids.
        let (first, mut start) = match after {
            None => (i32::MIN, Vec::new()),
            Some(id) => match self.get(id).await? {
                Some(last) => (month_of(last.at()), sorted(id.bits()).to_vec()),
                None => return Ok(Vec::new()),
            },
        };
        let owner = uuid(owner.bits());
        let months: Vec<(i32,)> = self.rows(MONTHS, (owner, first)).await?;
        let mut found = Vec::new();
        for (month,) in months {
            while found.len() < limit {
                let wanted = (limit - found.len()).min(KEYS_PER_READ);
                let key = (owner, month, &start[..], wanted as i32);
                let listed: Vec<(Vec<u8>,)> = self.rows(LISTED, key).await?;
                let Some((last,)) = listed.last() else { break };
                start.clone_from(last);
                let mut transfers = self.listed_transfers(&listed).await?;
                // A transfer that was refused was listed before, perhaps for others than the first one.
                transfers.retain(|transfer| {
                    let owners = transfer.postings().iter().map(|posting| posting.account.owner());
                    owners.flatten().any(|of| uuid(of.bits()) == owner)
                });
                found.append(&mut transfers);
                if listed.len() < wanted {
                    break;
                }
            }
            start.clear();
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

impl Scylla {
    /// The transfers of a list in the order of their ids. One that was listed and not written is left out.
    async fn listed_transfers(&self, listed: &[(Vec<u8>,)]) -> Result<Vec<Transfer>, StoreError> {
        let ids: Result<Vec<Uuid>, StoreError> =
            listed.iter().map(|(id,)| Ok(uuid(unsorted("journal_by_owner", id)?))).collect();
        let rows: Vec<Row> = self.rows(GET_MANY, (ids?,)).await?;
        let mut found = rows.into_iter().map(transfer).collect::<Result<Vec<_>, _>>()?;
        found.sort_unstable_by_key(Transfer::id);
        Ok(found)
    }
}
