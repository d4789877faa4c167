//! Checkouts in CQL.

use async_trait::async_trait;
use scylla::value::CqlValue;

use crate::adapters::scylla::due::{DueKind, GRACE_MS};
use crate::adapters::scylla::guarded::{Guard, NewRow};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::checkout::Checkout;
use crate::domain::id::{AccountId, CheckoutId};
use crate::domain::time::Timestamp;
use crate::ports::checkouts::CheckoutStore;
use crate::ports::error::StoreError;
use crate::records;

/// Stands for "never due".
const NEVER_MS: i64 = i64::MAX;
/// Entries beyond the limit that are looked at, in case some are superfluous.
const SLACK: usize = 50;

const GET: Cql = Cql::read("SELECT version, body FROM checkouts WHERE id = ?");
const DUE: Cql = Cql::read("SELECT due_ms FROM checkouts WHERE id = ?");
const GUARD: Guard = Guard {
    first: Cql::conditional(
        "INSERT INTO checkouts (id, version, body, due_ms) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    ),
    next: Cql::conditional(
        "UPDATE checkouts SET version = ?, body = ?, due_ms = ? WHERE id = ? IF version = ?",
    ),
    read: Cql::serial_read("SELECT version, body FROM checkouts WHERE id = ?"),
};
const FORGET: Cql =
    Cql::conditional("DELETE FROM checkouts WHERE id = ? IF version = ? AND due_ms = ?");
const BEGIN: Cql =
    Cql::write("INSERT INTO checkouts_unfinished (buyer, checkout, listed_ms) VALUES (?, ?, ?)");
const END: Cql = Cql::write("DELETE FROM checkouts_unfinished WHERE buyer = ? AND checkout = ?");
const UNFINISHED: Cql =
    Cql::read("SELECT checkout, listed_ms FROM checkouts_unfinished WHERE buyer = ? LIMIT ?");

#[async_trait]
impl CheckoutStore for Scylla {
    async fn get(&self, id: CheckoutId) -> Result<Option<Checkout>, StoreError> {
        let found: Option<(i64, Vec<u8>)> = self.row(GET, (uuid(id.bits()),)).await?;
        let decode =
            |(version, body): (i64, Vec<u8>)| records::checkout::decode(id, version as u64, &body);
        found.map(decode).transpose().map_err(|damage| corrupt("checkouts", id, damage))
    }

    async fn put(&self, new: &Checkout) -> Result<(), StoreError> {
        let (id, buyer) = (new.id, uuid(new.buyer.bits()));
        let due_ms = new.due_at().map_or(NEVER_MS, Timestamp::unix_ms);
        let former_ms = if new.version > 1 { self.checkout_due_ms(id).await? } else { None };
        let listing = async {
            if due_ms == NEVER_MS {
                self.add_due(DueKind::Finished, new.expires_at, id.bits(), 0).await?;
            } else if former_ms != Some(due_ms) {
                let at = Timestamp::from_unix_ms(due_ms);
                self.add_due(DueKind::Checkouts, at, id.bits(), 0).await?;
            }
            Ok::<(), StoreError>(())
        };
        let beginning = async {
            if former_ms.is_none() && due_ms != NEVER_MS {
                self.run(BEGIN, (buyer, &sorted(id.bits())[..], self.now_ms())).await?;
            }
            Ok::<(), StoreError>(())
        };
        tokio::try_join!(listing, beginning)?;
        let row = NewRow {
            id: uuid(id.bits()),
            version: new.version,
            body: records::checkout::encode(new),
            more: Some(CqlValue::BigInt(due_ms)),
        };
        self.put_guarded(&GUARD, &row).await?;
        // What is left in the lists from here on is superfluous, and dropped by who looks at it.
        let unlisting = async {
            if let Some(former_ms) = former_ms.filter(|ms| *ms != due_ms && *ms != NEVER_MS) {
                let at = Timestamp::from_unix_ms(former_ms);
                self.remove_due(DueKind::Checkouts, at, id.bits()).await?;
            }
            Ok::<(), StoreError>(())
        };
        let ending = async {
            if due_ms == NEVER_MS {
                self.run(END, (buyer, &sorted(id.bits())[..])).await?;
            }
            Ok(())
        };
        let (unlisted, ended) = tokio::join!(unlisting, ending);
        if let Err(error) = unlisted.and(ended) {
            tracing::debug!(%error, "a checkout stays listed for a while");
        }
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CheckoutId>, StoreError> {
        let mut found = Vec::new();
        for entry in self.look(DueKind::Checkouts, now, limit).await? {
            let id = CheckoutId::from_bits(entry.id);
            if self.checkout_due_ms(id).await? == Some(entry.at.unix_ms()) {
                found.push(id);
            } else {
                self.drop_stale(DueKind::Checkouts, &entry).await?;
            }
        }
        Ok(found)
    }

    async fn finished(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<CheckoutId>, StoreError> {
        let mut found = Vec::new();
        for entry in self.look(DueKind::Finished, before.plus_ms(-1), limit).await? {
            let id = CheckoutId::from_bits(entry.id);
            if self.checkout_due_ms(id).await? == Some(NEVER_MS) {
                found.push(id);
            } else {
                self.drop_stale(DueKind::Finished, &entry).await?;
            }
        }
        Ok(found)
    }

    async fn forget(&self, old: &Checkout) -> Result<(), StoreError> {
        let (id, version) = (uuid(old.id.bits()), old.version as i64);
        if !self.apply(FORGET, (id, version, NEVER_MS)).await?
            && self.checkout_due_ms(old.id).await?.is_some()
        {
            return Err(StoreError::Conflict);
        }
        self.remove_due(DueKind::Finished, old.expires_at, old.id.bits()).await
    }

    async fn unfinished(&self, buyer: AccountId, limit: usize) -> Result<usize, StoreError> {
        let key = (uuid(buyer.bits()), (limit + SLACK) as i32);
        let listed: Vec<(Vec<u8>, i64)> = self.rows(UNFINISHED, key).await?;
        let mut unfinished = 0;
        for (bytes, listed_ms) in listed {
            let id = CheckoutId::from_bits(unsorted("checkouts_unfinished", &bytes)?);
            let due_ms = self.checkout_due_ms(id).await?;
            if due_ms.is_some_and(|ms| ms != NEVER_MS) {
                unfinished += 1;
            } else if self.now_ms() - listed_ms > GRACE_MS {
                self.run(END, (uuid(buyer.bits()), bytes)).await?;
            }
            if unfinished == limit {
                break;
            }
        }
        Ok(unfinished)
    }
}

impl Scylla {
    /// When a checkout is due: [`NEVER_MS`] for one that is over, `None` if there is none.
    async fn checkout_due_ms(&self, id: CheckoutId) -> Result<Option<i64>, StoreError> {
        let found: Option<(Option<i64>,)> = self.row(DUE, (uuid(id.bits()),)).await?;
        Ok(found.and_then(|(due_ms,)| due_ms))
    }
}
