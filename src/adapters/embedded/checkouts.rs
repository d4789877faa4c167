//! Checkouts in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{damaged, io};
use crate::adapters::embedded::tables::{
    CHECKOUTS, CHECKOUTS_DUE, CHECKOUTS_FINISHED, CHECKOUTS_UNFINISHED,
};
use crate::domain::checkout::Checkout;
use crate::domain::id::{AccountId, CheckoutId};
use crate::domain::time::Timestamp;
use crate::ports::checkouts::CheckoutStore;
use crate::ports::error::StoreError;
use crate::records;

/// Stands for "never due".
const NEVER_MS: i64 = i64::MAX;

#[async_trait]
impl CheckoutStore for Embedded {
    async fn get(&self, id: CheckoutId) -> Result<Option<Checkout>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKOUTS).map_err(io)?;
            let Some(found) = table.get(id.bits()).map_err(io)? else { return Ok(None) };
            let (version, _, bytes) = found.value();
            let found = records::checkout::decode(id, version, bytes);
            found.map(Some).map_err(damaged("checkouts", id))
        })
    }

    async fn put(&self, new: &Checkout) -> Result<(), StoreError> {
        let row = records::checkout::encode(new);
        let (id, buyer, version) = (new.id.bits(), new.buyer.bits(), new.version);
        let due_ms = new.due_at().map_or(NEVER_MS, Timestamp::unix_ms);
        let ended_ms = new.expires_at.unix_ms();
        self.write(move |txn| {
            let mut table = txn.open_table(CHECKOUTS).map_err(io)?;
            let stored = table.get(id).map_err(io)?.map(|row| {
                let (version, due_ms, _) = row.value();
                (version, due_ms)
            });
            if stored.map_or(0, |(version, _)| version) + 1 != version {
                return Err(StoreError::Conflict);
            }
            table.insert(id, (version, due_ms, row.as_slice())).map_err(io)?;
            let former_ms = stored.map_or(NEVER_MS, |(_, due_ms)| due_ms);
            if former_ms != due_ms {
                let mut due = txn.open_table(CHECKOUTS_DUE).map_err(io)?;
                if former_ms != NEVER_MS {
                    due.remove((former_ms, id)).map_err(io)?;
                }
                if due_ms != NEVER_MS {
                    due.insert((due_ms, id), ()).map_err(io)?;
                }
            }
            if due_ms == NEVER_MS {
                let mut finished = txn.open_table(CHECKOUTS_FINISHED).map_err(io)?;
                finished.insert((ended_ms, id), ()).map_err(io)?;
            }
            // A checkout is unfinished exactly while it is due some day; it never comes back from the end.
            if (former_ms == NEVER_MS) != (due_ms == NEVER_MS) {
                let mut unfinished = txn.open_table(CHECKOUTS_UNFINISHED).map_err(io)?;
                if due_ms == NEVER_MS {
                    unfinished.remove((buyer, id)).map_err(io)?;
                } else {
                    unfinished.insert((buyer, id), ()).map_err(io)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CheckoutId>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKOUTS_DUE).map_err(io)?;
            let mut found = Vec::new();
            for entry in table.range(..=(now.unix_ms(), u128::MAX)).map_err(io)?.take(limit) {
                found.push(CheckoutId::from_bits(entry.map_err(io)?.0.value().1));
            }
            Ok(found)
        })
    }

    async fn finished(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<CheckoutId>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKOUTS_FINISHED).map_err(io)?;
            let mut found = Vec::new();
            for entry in table.range(..(before.unix_ms(), 0)).map_err(io)?.take(limit) {
                found.push(CheckoutId::from_bits(entry.map_err(io)?.0.value().1));
            }
            Ok(found)
        })
    }

    async fn forget(&self, old: &Checkout) -> Result<(), StoreError> {
        let (id, version, ended_ms) = (old.id.bits(), old.version, old.expires_at.unix_ms());
        self.write(move |txn| {
            let mut table = txn.open_table(CHECKOUTS).map_err(io)?;
            let stored = table.get(id).map_err(io)?.map(|row| {
                let (version, due_ms, _) = row.value();
                (version, due_ms)
            });
            if stored.is_some_and(|stored| stored != (version, NEVER_MS)) {
                return Err(StoreError::Conflict);
            }
            table.remove(id).map_err(io)?;
            let mut finished = txn.open_table(CHECKOUTS_FINISHED).map_err(io)?;
            finished.remove((ended_ms, id)).map_err(io)?;
            Ok(())
        })
        .await
    }

    async fn unfinished(&self, buyer: AccountId, limit: usize) -> Result<usize, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKOUTS_UNFINISHED).map_err(io)?;
            let range = (buyer.bits(), 0)..=(buyer.bits(), u128::MAX);
            let mut count = 0;
            for entry in table.range(range).map_err(io)?.take(limit) {
                entry.map_err(io)?;
                count += 1;
            }
            Ok(count)
        })
    }
}
