//! Clips in redb.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::{corrupt, damaged, io};
use crate::adapters::embedded::tables::{CLIPS, CLIPS_BY_CREATOR, CLIPS_PUBLISHED};
use crate::domain::clip::{Clip, ClipState};
use crate::domain::id::{AccountId, ClipId};
use crate::ports::clips::ClipStore;
use crate::ports::error::StoreError;
use crate::records;

fn clip(id: ClipId, bytes: &[u8]) -> Result<Clip, StoreError> {
    records::clip::decode(id, bytes).map_err(damaged("clips", id))
}

/// The clips of `ids`; an id in a list without its row is damage.
fn clips(txn: &ReadTransaction, ids: &[u128]) -> Result<Vec<Clip>, StoreError> {
    let table = txn.open_table(CLIPS).map_err(io)?;
    let row = |&bits: &u128| {
        let id = ClipId::from_bits(bits);
        let found = table.get(bits).map_err(io)?;
        let found = found.ok_or_else(|| corrupt("clips", id, "listed but missing"))?;
        clip(id, found.value())
    };
    ids.iter().map(row).collect()
}

#[async_trait]
impl ClipStore for Embedded {
    async fn get(&self, id: ClipId) -> Result<Option<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS).map_err(io)?;
            let found = table.get(id.bits()).map_err(io)?;
            found.map(|row| clip(id, row.value())).transpose()
        })
    }

    async fn put(&self, new: &Clip) -> Result<(), StoreError> {
        let new = new.clone();
        self.write(move |txn| {
            let mut table = txn.open_table(CLIPS).map_err(io)?;
            let found = table.get(new.id.bits()).map_err(io)?;
            let stored = found.map(|row| clip(new.id, row.value())).transpose()?;
            if stored.map_or(0, |stored| stored.version) + 1 != new.version {
                return Err(StoreError::Conflict);
            }
            let row = records::clip::encode(&new);
            table.insert(new.id.bits(), row.as_slice()).map_err(io)?;
            let mut by_creator = txn.open_table(CLIPS_BY_CREATOR).map_err(io)?;
            let listed = (new.creator.bits(), new.id.bits());
            if matches!(new.state, ClipState::Removed { .. }) {
                by_creator.remove(listed).map_err(io)?;
            } else {
                by_creator.insert(listed, ()).map_err(io)?;
            }
            let mut published = txn.open_table(CLIPS_PUBLISHED).map_err(io)?;
            if new.published().is_some() {
                published.insert(new.id.bits(), ()).map_err(io)?;
            } else {
                published.remove(new.id.bits()).map_err(io)?;
            }
            Ok(())
        })
        .await
    }

    async fn by_creator(
        &self,
        creator: AccountId,
        before: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS_BY_CREATOR).map_err(io)?;
            let end = before.map_or(u128::MAX, ClipId::bits);
            let range = (creator.bits(), 0)..(creator.bits(), end);
            let mut ids = Vec::new();
            for entry in table.range(range).map_err(io)?.rev().take(limit) {
                ids.push(entry.map_err(io)?.0.value().1);
            }
            clips(txn, &ids)
        })
    }

    async fn published(
        &self,
        after: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CLIPS_PUBLISHED).map_err(io)?;
            let start = after.map_or(0, |id| id.bits().saturating_add(1));
            let mut ids = Vec::new();
            for entry in table.range(start..).map_err(io)?.take(limit) {
                ids.push(entry.map_err(io)?.0.value());
            }
            clips(txn, &ids)
        })
    }
}
