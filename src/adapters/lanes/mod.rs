//! The history of the ranking's state as objects: one prefix a process, one object a group of steps.
//!
//! `ranking/lanes/<lane>/<number of the first step>` holds steps; `ranking/alive/<lane>` tells when the
//! lane's process was alive. The mark is there before any step and goes after all of them, so listing the
//! marks finds every lane, however many objects one has. An object store is what both shapes have, and
//! nobody waits for it: steps gather in memory until they are flushed.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;

use crate::domain::limits::{STEP_GROUP_BYTES_MAX, STEPS_UNFLUSHED_BYTES_MAX};
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::objects::{KeyError, ObjectKey, ObjectPrefix, ObjectStore};
use crate::ports::ranking_steps::{NotedStep, RankingStep, RankingSteps};
use crate::records;

const CONTENT_TYPE: &str = "application/msgpack";
/// How often a lane is marked as alive.
const ALIVE_EVERY_MS: i64 = 30 * MINUTE_MS;
/// Lanes that are looked at in one step of forgetting.
const LANES_MAX: u32 = 1_000;

/// See the module's head.
pub struct ObjectLanes {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    lane: u128,
    waiting: Mutex<Waiting>,
    flushing: tokio::sync::Mutex<Flushed>,
}

/// Steps that are not durable yet.
#[derive(Default)]
struct Waiting {
    /// Full groups and the one that is being filled: how many steps, and their bytes.
    groups: Vec<(u64, Vec<u8>)>,
    bytes: usize,
    closed: bool,
}

#[derive(Default)]
struct Flushed {
    /// Steps that are durable.
    steps: u64,
    alive_at: Option<Timestamp>,
    /// A group that the object store refused; the next flush tries it again.
    refused: Option<(u64, Bytes)>,
}

fn bad_key(error: KeyError) -> StoreError {
    StoreError::Corrupt { table: "ranking lanes", key: String::new(), detail: error.to_string() }
}

fn steps_key(lane: u128, first: u64) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(format!("ranking/lanes/{lane:032x}/{first:012}")).map_err(bad_key)
}

fn mark_key(lane: u128) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(format!("ranking/alive/{lane:032x}")).map_err(bad_key)
}

impl ObjectLanes {
    /// A lane of this number over these objects.
    pub fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, lane: u128) -> Self {
        let lane = lane.max(1);
        let (waiting, flushing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { objects, clock, lane, waiting, flushing }
    }

    async fn text(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut read) = self.objects.get(key, None).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(piece) = read.bytes.next().await {
            bytes.extend_from_slice(&piece.map_err(StoreError::unavailable)?);
        }
        Ok(Some(bytes))
    }

    async fn put_waiting(&self, flushed: &mut Flushed) -> Result<(), StoreError> {
        loop {
            if flushed.refused.is_none() {
                let mut waiting = self.waiting.lock();
                if waiting.groups.is_empty() {
                    return Ok(());
                }
                let (steps, bytes) = waiting.groups.remove(0);
                waiting.bytes -= bytes.len();
                flushed.refused = Some((steps, bytes.into()));
            }
            if let Some((steps, bytes)) = &flushed.refused {
                let key = steps_key(self.lane, flushed.steps)?;
                self.objects.put(&key, CONTENT_TYPE, bytes.clone()).await?;
                flushed.steps += steps;
                flushed.refused = None;
            }
        }
    }
}

#[async_trait]
impl RankingSteps for ObjectLanes {
    fn lane(&self) -> u128 {
        self.lane
    }

    fn note(&self, after: u64, step: &RankingStep) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        if waiting.bytes > STEPS_UNFLUSHED_BYTES_MAX {
            tracing::warn!(
                "the ranking's history is not kept any more: its store lags too far behind"
            );
            *waiting = Waiting { closed: true, ..Waiting::default() };
            return;
        }
        if waiting.groups.last().is_none_or(|(_, bytes)| bytes.len() >= STEP_GROUP_BYTES_MAX) {
            waiting.groups.push((0, Vec::new()));
        }
        let Some((steps, bytes)) = waiting.groups.last_mut() else { return };
        let before = bytes.len();
        records::ranking_step::append(after, step, bytes);
        *steps += 1;
        let grown = bytes.len() - before;
        waiting.bytes += grown;
    }

    fn close(&self) {
        *self.waiting.lock() = Waiting { closed: true, ..Waiting::default() };
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let mut flushed = self.flushing.lock().await;
        let is_begun = flushed.steps > 0
            || flushed.refused.is_some()
            || !self.waiting.lock().groups.is_empty();
        let now = self.clock.now();
        let is_old = |at: Timestamp| now.since_ms(at) > ALIVE_EVERY_MS;
        if is_begun && flushed.alive_at.is_none_or(is_old) {
            let text = now.unix_ms().to_string();
            self.objects.put(&mark_key(self.lane)?, "text/plain", text.into()).await?;
            flushed.alive_at = Some(now);
        }
        self.put_waiting(&mut flushed).await
    }

    async fn read(&self, lane: u128, from: u64) -> Result<Vec<NotedStep>, StoreError> {
        let key = steps_key(lane, from)?;
        let Some(bytes) = self.text(&key).await? else { return Ok(Vec::new()) };
        records::ranking_step::decode(&bytes).map_err(|damage| StoreError::Corrupt {
            table: "ranking lanes",
            key: key.as_str().to_owned(),
            detail: damage.to_string(),
        })
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let marks = ObjectPrefix::parse("ranking/alive/").map_err(bad_key)?;
        let listed = self.objects.list_prefix(&marks, None, LANES_MAX).await?;
        let mut forgotten = 0;
        for entry in listed.objects {
            let name = entry.key.as_str().rsplit('/').next().unwrap_or_default();
            let Ok(lane) = u128::from_str_radix(name, 16) else { continue };
            let left = limit - forgotten;
            if lane == self.lane || left == 0 {
                continue;
            }
            let Some(text) = self.text(&entry.key).await? else { continue };
            let alive = String::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
            if alive.is_some_and(|alive| alive >= before.unix_ms()) {
                continue;
            }
            let steps = ObjectPrefix::parse(format!("ranking/lanes/{lane:032x}/"));
            let most = u32::try_from(left).unwrap_or(u32::MAX);
            let removed =
                self.objects.delete_prefix(&steps.map_err(bad_key)?, most).await? as usize;
            forgotten += removed;
            if removed < left {
                self.objects.delete(&entry.key).await?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
