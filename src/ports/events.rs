//! The durable log of what viewers do, one partition per viewer, in one order.

use async_trait::async_trait;

use crate::domain::account::Market;
use crate::domain::event::Event;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

/// Events of one viewer that came in together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvents {
    /// Whose.
    pub viewer: AccountId,
    /// Where the viewer watches and buys.
    pub market: Market,
    /// When they came in, by our clock.
    pub at: Timestamp,
    /// In the order of the batch.
    pub events: Vec<Event>,
}

/// What became of one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventFate {
    /// It is in the log at this offset.
    Logged(u64),
    /// An event of that id of the same viewer is there already.
    Duplicate,
    /// It sets or ends a relation that was so already; there was nothing to log.
    Unchanged,
}

/// The answer to an append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// One per event, in their order.
    pub fates: Vec<EventFate>,
    /// The newest offset of the log once all of them were in.
    pub head: u64,
}

/// An event in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoggedEvent {
    /// Its place.
    pub offset: u64,
    /// Whose.
    pub viewer: AccountId,
    /// Where the viewer watched and bought then.
    pub market: Market,
    /// When it came in, by our clock.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// An append-only log of events with growing offsets from 1.
///
/// All that ranking keeps in memory is a fold over this log.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends a batch and, in the same write of the viewer's partition, brings the viewer's lasting
    /// rows ([`crate::ports::user_state::UserStates`]) up to date. Durable when it answers. An event
    /// whose id is there already changes nothing, within the batch too.
    async fn append(&self, batch: NewEvents) -> Result<Appended, StoreError>;

    /// Forgets the ids of events that came in before `before`, the oldest first, about `limit`; answers
    /// how many. The events stay, but one that is sent again would count again. A store whose ids end by
    /// themselves answers 0.
    async fn forget_ids(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// The offset of the newest event; 0 when there is none.
    async fn head(&self) -> Result<u64, StoreError>;

    /// Events strictly above `after`, in order, at most `limit`.
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Waits until there may be an event above `after`, by whatever node. It may wake early.
    async fn wait(&self, after: u64);
}
