//! Clips in CQL.

use async_trait::async_trait;
use scylla::value::CqlValue;
use uuid::Uuid;

use crate::adapters::scylla::guarded::{Guard, NewRow};
use crate::adapters::scylla::query::Cql;
use crate::adapters::scylla::{KEYS_PER_READ, Scylla, corrupt, sorted, unsorted, uuid};
use crate::domain::clip::{Clip, ClipState};
use crate::domain::id::{AccountId, ClipId};
use crate::ports::clips::ClipStore;
use crate::ports::error::StoreError;
use crate::records;

const GET: Cql = Cql::read("SELECT id, body FROM clips WHERE id = ?");
const GET_MANY: Cql = Cql::read("SELECT id, body FROM clips WHERE id IN ?");
const GUARD: Guard = Guard {
    first: Cql::conditional(
        "INSERT INTO clips (id, version, body, published) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    ),
    next: Cql::conditional(
        "UPDATE clips SET version = ?, body = ?, published = ? WHERE id = ? IF version = ?",
    ),
    read: Cql::serial_read("SELECT version, body FROM clips WHERE id = ?"),
};
const LIST: Cql = Cql::write("INSERT INTO clips_by_creator (creator, clip) VALUES (?, ?)");
const UNLIST: Cql = Cql::write("DELETE FROM clips_by_creator WHERE creator = ? AND clip = ?");
const LISTED: Cql =
    Cql::read("SELECT clip FROM clips_by_creator WHERE creator = ? AND clip < ? LIMIT ?");
const WALK: Cql = Cql::read("SELECT id, published, body FROM clips LIMIT ?");
const WALK_ON: Cql =
    Cql::read("SELECT id, published, body FROM clips WHERE token(id) > token(?) LIMIT ?");

fn clip((id, body): (Uuid, Vec<u8>)) -> Result<Clip, StoreError> {
    let id = ClipId::from_bits(id.as_u128());
    records::clip::decode(id, &body).map_err(|damage| corrupt("clips", id, damage))
}

#[async_trait]
impl ClipStore for Scylla {
    async fn get(&self, id: ClipId) -> Result<Option<Clip>, StoreError> {
        self.row(GET, (uuid(id.bits()),)).await?.map(clip).transpose()
    }

    async fn put(&self, new: &Clip) -> Result<(), StoreError> {
        let (creator, id) = (uuid(new.creator.bits()), sorted(new.id.bits()));
        let removed = matches!(new.state, ClipState::Removed { .. });
        if !removed {
            self.run(LIST, (creator, &id[..])).await?;
        }
        let row = NewRow {
            id: uuid(new.id.bits()),
            version: new.version,
            body: records::clip::encode(new),
            more: Some(CqlValue::Boolean(new.published().is_some())),
        };
        self.put_guarded(&GUARD, &row).await?;
        if removed {
            self.run(UNLIST, (creator, &id[..])).await?;
        }
        Ok(())
    }

    async fn by_creator(
        &self,
        creator: AccountId,
        before: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        let mut end = before.map_or(u128::MAX, ClipId::bits);
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = (limit - found.len()).min(KEYS_PER_READ);
            let key = (uuid(creator.bits()), &sorted(end)[..], wanted as i32);
            let listed: Vec<(Vec<u8>,)> = self.rows(LISTED, key).await?;
            let Some((last,)) = listed.last() else { break };
            end = unsorted("clips_by_creator", last)?;
            let mut clips = self.clips(&listed).await?;
            clips.retain(|clip| !matches!(clip.state, ClipState::Removed { .. }));
            clips.sort_unstable_by_key(|clip| std::cmp::Reverse(clip.id));
            let ended = listed.len() < wanted;
            found.append(&mut clips);
            if ended {
                break;
            }
        }
        Ok(found)
    }

    async fn published(
        &self,
        after: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError> {
        let mut after = after.map(|id| uuid(id.bits()));
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let rows: Vec<(Uuid, Option<bool>, Vec<u8>)> = match after {
                None => self.rows(WALK, (wanted,)).await?,
                Some(after) => self.rows(WALK_ON, (after, wanted)).await?,
            };
            let Some((last, ..)) = rows.last() else { break };
            after = Some(*last);
            let ended = rows.len() < wanted as usize;
            for (id, published, body) in rows {
                if published == Some(true) {
                    found.push(clip((id, body))?);
                }
            }
            if ended {
                break;
            }
        }
        Ok(found)
    }
}

impl Scylla {
    async fn clips(&self, listed: &[(Vec<u8>,)]) -> Result<Vec<Clip>, StoreError> {
        let ids: Result<Vec<Uuid>, StoreError> =
            listed.iter().map(|(id,)| Ok(uuid(unsorted("clips_by_creator", id)?))).collect();
        let rows: Vec<(Uuid, Vec<u8>)> = self.rows(GET_MANY, (ids?,)).await?;
        rows.into_iter().map(clip).collect()
    }
}
