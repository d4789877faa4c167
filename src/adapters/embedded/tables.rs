//! All tables of the store. A table that changes shape gets a new version in its name.

use redb::{TableDefinition, WriteTransaction};

/// `format` → version of the whole file; `lease_token` → the last one given to a worker.
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

/// product → product.
pub(super) const PRODUCTS: TableDefinition<u128, &[u8]> = TableDefinition::new("products.v1");
/// (merchant, product) → nothing.
pub(super) const PRODUCTS_BY_MERCHANT: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("products_by_merchant.v1");
/// variant → product.
pub(super) const VARIANT_OWNERS: TableDefinition<u128, u128> =
    TableDefinition::new("variant_owners.v1");

/// upload → record.
pub(super) const UPLOADS: TableDefinition<u128, &[u8]> = TableDefinition::new("uploads.v1");
/// (end of its time, upload) → nothing.
pub(super) const UPLOADS_BY_END: TableDefinition<(i64, u128), ()> =
    TableDefinition::new("uploads_by_end.v1");
/// (owner, upload) → nothing: those without a clip.
pub(super) const UPLOADS_OPEN: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("uploads_open.v1");

/// Makes every table, so that a read never meets a missing one.
pub(super) fn create_all(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ACCOUNTS)?;
    txn.open_table(CLIPS)?;
    txn.open_table(CLIPS_BY_CREATOR)?;
    txn.open_table(CLIPS_PUBLISHED)?;
    txn.open_table(CHANGES)?;
    txn.open_table(JOBS)?;
    txn.open_table(JOBS_DUE)?;
    txn.open_table(PRODUCTS)?;
    txn.open_table(PRODUCTS_BY_MERCHANT)?;
    txn.open_table(VARIANT_OWNERS)?;
    txn.open_table(UPLOADS)?;
    txn.open_table(UPLOADS_BY_END)?;
    txn.open_table(UPLOADS_OPEN)?;
    Ok(())
}
