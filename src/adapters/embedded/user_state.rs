//! Viewers' lasting rows in redb; `events.rs` writes them.

use async_trait::async_trait;

use crate::adapters::embedded::Embedded;
use crate::adapters::embedded::codec::io;
use crate::adapters::embedded::events::{head, history};
use crate::adapters::embedded::tables::{RELATIONS, SEEN};
use crate::domain::engagement::Relation;
use crate::domain::id::{AccountId, ClipId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::user_state::{Reach, UserRows, UserStates};
use crate::records;

#[async_trait]
impl UserStates for Embedded {
    async fn load(&self, viewer: AccountId, reach: Reach) -> Result<UserRows, StoreError> {
        let viewer = viewer.bits();
        self.read(|txn| {
            let offset = head(txn)?;
            let mut seen = Vec::new();
            let marks = txn.open_table(SEEN).map_err(io)?;
            for entry in marks.range((viewer, 0)..=(viewer, u128::MAX)).map_err(io)? {
                let (key, at) = entry.map_err(io)?;
                let at = Timestamp::from_unix_ms(at.value());
                if at >= reach.seen_since {
                    seen.push((ClipId::from_bits(key.value().1), at));
                }
            }
            if seen.len() > reach.seen_max {
                seen.sort_unstable_by_key(|&(clip, at)| (std::cmp::Reverse(at), clip));
                seen.truncate(reach.seen_max);
            }
            let mut relations = Vec::new();
            let rows = txn.open_table(RELATIONS).map_err(io)?;
            for relation in Relation::ALL {
                let number = records::relation::encode(relation);
                let range = (viewer, number, 0)..=(viewer, number, u128::MAX);
                for entry in rows.range(range).map_err(io)? {
                    relations.push((relation, entry.map_err(io)?.0.value().2));
                }
            }
            let history = history(txn, viewer, reach.history_max)?;
            Ok(UserRows { offset, seen, relations, history })
        })
    }

    async fn relates(
        &self,
        viewer: AccountId,
        wanted: &[(Relation, u128)],
    ) -> Result<Vec<bool>, StoreError> {
        self.read(|txn| {
            let rows = txn.open_table(RELATIONS).map_err(io)?;
            let stands = |&(relation, target): &(Relation, u128)| {
                let key = (viewer.bits(), records::relation::encode(relation), target);
                Ok(rows.get(key).map_err(io)?.is_some())
            };
            wanted.iter().map(stands).collect()
        })
    }

    async fn forget_seen(&self, viewer: AccountId, before: Timestamp) -> Result<(), StoreError> {
        let viewer = viewer.bits();
        self.write_later(move |txn| {
            let mut marks = txn.open_table(SEEN).map_err(io)?;
            let old = |_: (u128, u128), at: i64| at < before.unix_ms();
            let range = (viewer, 0)..=(viewer, u128::MAX);
            marks.retain_in(range, |key, at| !old(key, at)).map_err(io)
        });
        Ok(())
    }
}
