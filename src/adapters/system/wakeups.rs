//! Wake-ups within one process: all that a single node needs.

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::ports::wakeups::{Topic, Wakeups};

/// Wake-ups that reach this process only.
#[derive(Debug, Default)]
pub struct LocalWakeups {
    changes: Notify,
    events: Notify,
    jobs: Notify,
}

impl LocalWakeups {
    const fn of(&self, topic: Topic) -> &Notify {
        match topic {
            Topic::Changes => &self.changes,
            Topic::Events => &self.events,
            Topic::Jobs => &self.jobs,
        }
    }
}

#[async_trait]
impl Wakeups for LocalWakeups {
    fn announce(&self, topic: Topic) {
        self.of(topic).notify_one();
    }

    async fn wait(&self, topic: Topic) {
        self.of(topic).notified().await;
    }
}
