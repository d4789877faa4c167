//! Clips that lie where the viewer's learned vector points.

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::feed::candidate::{Found, SourceKind};
use crate::feed::index::SharedIndex;
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Batch, CandidateSource, StageError};
use crate::ranking::embedding::Room;

/// Rooms that are kept for later searches: as many as there are requests between two stages at once.
const ROOMS_MAX: usize = 64;

/// The greatest inner products with what the viewer's vector is worth.
pub struct Embedding {
    index: SharedIndex,
    rooms: Mutex<Vec<Room>>,
}

impl Embedding {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index, rooms: Mutex::default() }
    }
}

#[async_trait]
impl CandidateSource for Embedding {
    fn kind(&self) -> SourceKind {
        SourceKind::Embedding
    }

    async fn fetch(&self, query: &FeedQuery, limit: usize) -> Result<Batch, StageError> {
        let Some(learned) = query.learned.as_ref().filter(|_| query.personalised) else {
            return Ok(Batch::default());
        };
        let mut room = self.rooms.lock().pop().unwrap_or_default();
        let index = self.index.read();
        let is_old = query.is_old();
        let keep = |ordinal: u32| !is_old(index.row(ordinal).key);
        let nearest = index.nearest(&learned.direction, limit, keep, &mut room);
        let ordinals: Vec<u32> = nearest.iter().map(|&(ordinal, _)| ordinal).collect();
        let found: Vec<Found> = index.found(&ordinals);
        let mut rooms = self.rooms.lock();
        if rooms.len() < ROOMS_MAX {
            rooms.push(room);
        }
        Ok(Batch { found, more: false, walked: None })
    }
}
