//! Challenges of the sandbox in redb.

use async_trait::async_trait;
use redb::ReadableTable;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, io};
use crate::adapters::embedded::tables::CHALLENGES;
use crate::domain::id::{AccountId, PaymentId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::payments::{ChallengeAnswer, ChallengeStore};

const UNANSWERED: u8 = 0;
const REFUSED: u8 = 1;
const APPROVED: u8 = 2;

fn answer(payment: PaymentId, code: u8) -> Result<Option<bool>, StoreError> {
    match code {
        UNANSWERED => Ok(None),
        REFUSED => Ok(Some(false)),
        APPROVED => Ok(Some(true)),
        other => Err(corrupt("challenges", payment, format!("answer {other}"))),
    }
}

/// The least id that a payment of that instant can have.
fn first_of(at: Timestamp) -> u128 {
    PaymentId::new(at, 0).bits()
}

#[async_trait]
impl ChallengeStore for Embedded {
    async fn ask(
        &self,
        payment: PaymentId,
        account: AccountId,
    ) -> Result<Option<bool>, StoreError> {
        let known = self.read(|txn| {
            let table = txn.open_table(CHALLENGES).map_err(io)?;
            let row = table.get(payment.bits()).map_err(io)?;
            row.map(|row| answer(payment, row.value().1)).transpose()
        })?;
        if let Some(known) = known {
            return Ok(known);
        }
        self.write(move |txn| {
            let mut table = txn.open_table(CHALLENGES).map_err(io)?;
            let known = table.get(payment.bits()).map_err(io)?.map(|row| row.value().1);
            if let Some(code) = known {
                return answer(payment, code);
            }
            table.insert(payment.bits(), (account.bits(), UNANSWERED)).map_err(io)?;
            Ok(None)
        })
        .await
    }

    async fn answer(
        &self,
        payment: PaymentId,
        account: AccountId,
        approve: bool,
    ) -> Result<ChallengeAnswer, StoreError> {
        let wanted = if approve { APPROVED } else { REFUSED };
        self.write(move |txn| {
            let mut table = txn.open_table(CHALLENGES).map_err(io)?;
            let row = table.get(payment.bits()).map_err(io)?.map(|row| row.value());
            match row {
                Some((owner, UNANSWERED)) if owner == account.bits() => {
                    table.insert(payment.bits(), (owner, wanted)).map_err(io)?;
                    Ok(ChallengeAnswer::Taken)
                }
                Some((owner, first)) if owner == account.bits() => Ok(if first == wanted {
                    ChallengeAnswer::Taken
                } else {
                    ChallengeAnswer::AnsweredDifferently
                }),
                Some(_) | None => Ok(ChallengeAnswer::Missing),
            }
        })
        .await
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let end = first_of(before);
        // Looked up first: a write is a commit, and mostly there is nothing to do.
        let old = self.read(|txn| {
            let table = txn.open_table(CHALLENGES).map_err(io)?;
            let range = table.range(..end).map_err(io)?.take(limit);
            range.map(|entry| Ok(entry.map_err(io)?.0.value())).collect::<Result<Vec<_>, _>>()
        })?;
        if old.is_empty() {
            return Ok(0);
        }
        self.write(move |txn| {
            let mut table = txn.open_table(CHALLENGES).map_err(io)?;
            for payment in &old {
                table.remove(payment).map_err(io)?;
            }
            Ok(old.len())
        })
        .await
    }
}
