//! Rows that are written once and never changed.

use uuid::Uuid;

use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{LOST_ANSWERS_MAX, Scylla};
use crate::domain::time::{DAY_MS, Timestamp};
use crate::ports::error::StoreError;
use crate::ports::orders::WriteOnce;

/// The statements of a table whose rows are written once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Once {
    /// `INSERT INTO … (id, body) VALUES (?, ?) IF NOT EXISTS`.
    pub(super) insert: Cql,
    /// A serial read of `body` by `id`.
    pub(super) read: Cql,
}

impl Scylla {
    /// Writes a row unless something is there. If the answer is lost and the row is not there, it is written
    /// by way of another node.
    pub(super) async fn write_once(
        &self,
        once: &Once,
        id: Uuid,
        body: &[u8],
    ) -> Result<WriteOnce, StoreError> {
        let mut unknown = None;
        for _ in 0..LOST_ANSWERS_MAX {
            match self.apply(once.insert, (id, body)).await {
                Ok(true) => return Ok(WriteOnce::Written),
                Ok(false) => {}
                Err(StoreError::OutcomeUnknown(cause)) => unknown = Some(cause),
                Err(other) => return Err(other),
            }
            let found: Result<Option<(Vec<u8>,)>, StoreError> = self.row(once.read, (id,)).await;
            match (found, &unknown) {
                (Ok(Some((first,))), None) if first == body => return Ok(WriteOnce::Exists),
                // The lost answer may have been ours; either way the row is there now.
                (Ok(Some((first,))), Some(_)) if first == body => return Ok(WriteOnce::Written),
                (Ok(Some(_)), _) => return Ok(WriteOnce::ExistsDifferently),
                (Ok(None), _) => {}
                (Err(_), Some(_)) => break,
                (Err(error), None) => return Err(error),
            }
        }
        match unknown {
            Some(cause) => Err(StoreError::OutcomeUnknown(cause)),
            None => Err(StoreError::unavailable("the write was overtaken")),
        }
    }
}

/// The month of an instant, counted in steps of 30 days since 1970: lists are cut by it.
pub(super) const fn month_of(at: Timestamp) -> i32 {
    at.unix_ms().div_euclid(30 * DAY_MS) as i32
}

/// The month that a time-ordered id falls into. It never falls while ids grow.
pub(super) const fn month_of_id(bits: u128) -> i32 {
    month_of(Timestamp::from_unix_ms((bits >> 80) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_grow_with_ids() {
        let ids = [0, 1, 1 << 80, (30 * DAY_MS as u128) << 80, u128::MAX];
        let months: Vec<i32> = ids.into_iter().map(month_of_id).collect();
        assert!(months.is_sorted() && months[2] == 0 && months[3] == 1, "{months:?}");
    }
}
