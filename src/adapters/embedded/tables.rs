//! All tables of the store. A table that changes shape gets a new version in its name.

use redb::{TableDefinition, WriteTransaction};

/// `format` → version of the whole file.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta.v1");

/// account → profile.
pub(super) const ACCOUNTS: TableDefinition<u128, &[u8]> = TableDefinition::new("accounts.v1");

/// clip → clip.
pub(super) const CLIPS: TableDefinition<u128, &[u8]> = TableDefinition::new("clips.v1");
/// (creator, clip) → nothing: a creator's clips that are not removed.
pub(super) const CLIPS_BY_CREATOR: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("clips_by_creator.v1");
/// clip → nothing: the published ones.
pub(super) const CLIPS_PUBLISHED: TableDefinition<u128, ()> =
    TableDefinition::new("clips_published.v1");

/// offset → change.
pub(super) const CHANGES: TableDefinition<u64, (u8, u128)> = TableDefinition::new("changes.v1");

/// job → job with its lease.
pub(super) const JOBS: TableDefinition<u128, &[u8]> = TableDefinition::new("jobs.v1");
/// (instant from which it may be claimed, job) → nothing. A leased job stands at its lease's end.
pub(super) const JOBS_DUE: TableDefinition<(i64, u128), ()> = TableDefinition::new("jobs_due.v1");

/// Makes every table, so that a read never meets a missing one.
pub(super) fn create_all(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ACCOUNTS)?;
    txn.open_table(CLIPS)?;
    txn.open_table(CLIPS_BY_CREATOR)?;
    txn.open_table(CLIPS_PUBLISHED)?;
    txn.open_table(CHANGES)?;
    txn.open_table(JOBS)?;
    txn.open_table(JOBS_DUE)?;
    Ok(())
}
