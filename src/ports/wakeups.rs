//! Wake-ups between nodes: the difference between milliseconds and the next poll.

use async_trait::async_trait;

/// What there may be something new of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Topic {
    /// The change log.
    Changes,
    /// The event log.
    Events,
    /// The job queue.
    Jobs,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 3] = [Self::Changes, Self::Events, Self::Jobs];

    /// The name in keys and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Events => "events",
            Self::Jobs => "jobs",
        }
    }
}

/// Tells nodes that something is new. It carries no content and may be lost at any moment: who waits
/// must also look by itself now and then.
#[async_trait]
pub trait Wakeups: Send + Sync {
    /// Wakes whoever waits for `topic`, on every node. Returns at once.
    fn announce(&self, topic: Topic);

    /// Waits for the next announcement of `topic`, by any node. One that came between two calls of this
    /// node is not missed. It may wake early.
    async fn wait(&self, topic: Topic);
}
