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

/// offset → (viewer, event).
pub(super) const EVENTS: TableDefinition<u64, (u128, &[u8])> = TableDefinition::new("events.v1");
/// (viewer, offset) → nothing.
pub(super) const EVENTS_BY_VIEWER: TableDefinition<(u128, u64), ()> =
    TableDefinition::new("events_by_viewer.v1");
/// (viewer, the client's id of an event) → when it came in, Unix ms.
pub(super) const EVENT_IDS: TableDefinition<(u128, u128), i64> =
    TableDefinition::new("event_ids.v1");
/// (when they came in, Unix ms, viewer, the first of the ids) → ids that came in together, 16 bytes each.
/// One row a batch: an event costs no row more.
pub(super) const EVENT_IDS_BY_TIME: TableDefinition<(i64, u128, u128), &[u8]> =
    TableDefinition::new("event_ids_by_time.v1");
/// (viewer, clip) → when it was last watched, Unix ms.
pub(super) const SEEN: TableDefinition<(u128, u128), i64> = TableDefinition::new("seen.v1");
/// (viewer, number of the relation, clip or account) → since when, Unix ms.
pub(super) const RELATIONS: TableDefinition<(u128, u8, u128), i64> =
    TableDefinition::new("relations.v1");
/// (session, page) → page.
pub(super) const FEED_PAGES: TableDefinition<(u128, u32), &[u8]> =
    TableDefinition::new("feed_pages.v1");
/// slate → (session, page).
pub(super) const FEED_SLATES: TableDefinition<u128, (u128, u32)> =
    TableDefinition::new("feed_slates.v1");
/// (start in Unix ms, session) → nothing.
pub(super) const FEED_PAGES_BY_TIME: TableDefinition<(i64, u128), ()> =
    TableDefinition::new("feed_pages_by_time.v1");
/// clip → counters as of the offset in `META`.
pub(super) const CLIP_COUNTERS: TableDefinition<u128, &[u8]> =
    TableDefinition::new("clip_counters.v1");
/// product → product.
pub(super) const PRODUCTS: TableDefinition<u128, &[u8]> = TableDefinition::new("products.v1");
/// (merchant, product) → nothing.
pub(super) const PRODUCTS_BY_MERCHANT: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("products_by_merchant.v1");
/// variant → product.
pub(super) const VARIANT_OWNERS: TableDefinition<u128, u128> =
    TableDefinition::new("variant_owners.v1");

/// variant → (units on hand, units held, pending holds, version).
pub(super) const STOCK: TableDefinition<u128, (u32, u32, u32, u64)> =
    TableDefinition::new("stock.v1");
/// (variant, hold) → (checkout, units, end in Unix ms, state). A row of its own per hold: the cost of
/// a hold does not grow with the number of others.
pub(super) const HOLDS: TableDefinition<(u128, u128), (u128, u32, i64, u8)> =
    TableDefinition::new("holds.v1");
/// (end in Unix ms, variant, hold) → nothing: the pending ones.
pub(super) const HOLDS_DUE: TableDefinition<(i64, u128, u128), ()> =
    TableDefinition::new("holds_due.v1");
/// (variant, digest of the key) → correction and its answer.
pub(super) const ADJUSTMENTS: TableDefinition<(u128, u128), &[u8]> =
    TableDefinition::new("adjustments.v1");
/// (when it was made in Unix ms, variant, digest of the key) → nothing.
pub(super) const ADJUSTMENTS_BY_TIME: TableDefinition<(i64, u128, u128), ()> =
    TableDefinition::new("adjustments_by_time.v1");

/// checkout → (version, instant at which it is due or `i64::MAX`, checkout). Version and instant stand
/// apart so that a conditional write need not read the rest.
pub(super) const CHECKOUTS: TableDefinition<u128, (u64, i64, &[u8])> =
    TableDefinition::new("checkouts.v1");
/// (instant, checkout) → nothing: those that a reconciler must look at by then.
pub(super) const CHECKOUTS_DUE: TableDefinition<(i64, u128), ()> =
    TableDefinition::new("checkouts_due.v1");
/// (buyer, checkout) → nothing: those that are not over.
pub(super) const CHECKOUTS_UNFINISHED: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("checkouts_unfinished.v1");

/// (end of the time to pay in Unix ms, checkout) → nothing: those that are over.
pub(super) const CHECKOUTS_FINISHED: TableDefinition<(i64, u128), ()> =
    TableDefinition::new("checkouts_finished.v1");

/// payment → (account, answer: 0 none, 1 refused, 2 approved).
pub(super) const CHALLENGES: TableDefinition<u128, (u128, u8)> =
    TableDefinition::new("challenges.v1");

/// order → order.
pub(super) const ORDERS: TableDefinition<u128, &[u8]> = TableDefinition::new("orders.v1");
/// (buyer, order) → nothing.
pub(super) const ORDERS_BY_BUYER: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("orders_by_buyer.v1");
/// (merchant, order) → nothing.
pub(super) const ORDERS_BY_MERCHANT: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("orders_by_merchant.v1");

/// transfer → transfer. Never overwritten.
pub(super) const JOURNAL: TableDefinition<u128, &[u8]> = TableDefinition::new("journal.v1");
/// (owner, transfer) → nothing: transfers that touch an account of that owner.
pub(super) const JOURNAL_BY_OWNER: TableDefinition<(u128, u128), ()> =
    TableDefinition::new("journal_by_owner.v1");
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
    txn.open_table(EVENTS)?;
    txn.open_table(EVENTS_BY_VIEWER)?;
    txn.open_table(EVENT_IDS)?;
    txn.open_table(EVENT_IDS_BY_TIME)?;
    txn.open_table(SEEN)?;
    txn.open_table(RELATIONS)?;
    txn.open_table(FEED_PAGES)?;
    txn.open_table(FEED_PAGES_BY_TIME)?;
    txn.open_table(FEED_SLATES)?;
    txn.open_table(CLIP_COUNTERS)?;
    txn.open_table(PRODUCTS)?;
    txn.open_table(PRODUCTS_BY_MERCHANT)?;
    txn.open_table(VARIANT_OWNERS)?;
    txn.open_table(STOCK)?;
    txn.open_table(HOLDS)?;
    txn.open_table(HOLDS_DUE)?;
    txn.open_table(ADJUSTMENTS)?;
    txn.open_table(ADJUSTMENTS_BY_TIME)?;
    txn.open_table(CHECKOUTS)?;
    txn.open_table(CHECKOUTS_DUE)?;
    txn.open_table(CHECKOUTS_UNFINISHED)?;
    txn.open_table(CHECKOUTS_FINISHED)?;
    txn.open_table(CHALLENGES)?;
    txn.open_table(ORDERS)?;
    txn.open_table(ORDERS_BY_BUYER)?;
    txn.open_table(ORDERS_BY_MERCHANT)?;
    txn.open_table(JOURNAL)?;
    txn.open_table(JOURNAL_BY_OWNER)?;
    txn.open_table(UPLOADS)?;
    txn.open_table(UPLOADS_BY_END)?;
    txn.open_table(UPLOADS_OPEN)?;
    Ok(())
}
