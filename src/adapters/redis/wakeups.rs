//! Wake-ups between nodes by streams.
//!
//! News of the logs goes to every node: each reads the stream from where it is. News of jobs goes to one
//! node: all that have ever waited for jobs are consumers of one group. One that only makes jobs is none:
//! it would take the news from those who do them. The streams carry no content and are trimmed to a few entries;
//! who was away looks for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::streams::StreamReadReply;
use redis::{RedisError, cmd};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::adapters::redis::link::{BLOCK_MS, Blocking, RedisLink};
use crate::domain::limits::{REDIS_REST_MS, WAKEUPS_KEPT_MAX};
use crate::ports::wakeups::{Topic, Wakeups};

/// The stream of the logs' news.
const LOGS: &str = "{wakeups}:logs";
/// The stream of the job queue's news.
const JOBS: &str = "{wakeups}:jobs";
/// The group of all workers.
const GROUP: &str = "workers";

/// News of one topic on this node.
#[derive(Default)]
struct Bell {
    /// Rings for whoever waits here.
    rings: Notify,
    /// Something is to be told to other nodes.
    pending: AtomicBool,
}

/// Wake-ups over Redis. [`RedisWakeups::run`] must run for them to leave and to reach this node.
pub struct RedisWakeups {
    link: RedisLink,
    /// This node's name among the consumers.
    node: String,
    changes: Bell,
    events: Bell,
    jobs: Bell,
    outbox: Notify,
    /// Somebody waits for jobs here.
    works: Notify,
}

impl RedisWakeups {
    /// Wake-ups for the node of that name.
    pub fn new(link: RedisLink, node: String) -> Self {
        let (changes, events, jobs) = (Bell::default(), Bell::default(), Bell::default());
        let (outbox, works) = (Notify::new(), Notify::new());
        Self { link, node, changes, events, jobs, outbox, works }
    }

    const fn bell(&self, topic: Topic) -> &Bell {
        match topic {
            Topic::Changes => &self.changes,
            Topic::Events => &self.events,
            Topic::Jobs => &self.jobs,
        }
    }

    /// Tells other nodes and listens to them, until `stop`. A Redis that is away is tried again and
    /// again.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.send() => {}
            () = self.listen(LOGS) => {}
            () = self.listen_for_jobs() => {}
        }
    }

    /// Sends what is pending. News that come while others are sent go together.
    async fn send(&self) {
        loop {
            self.outbox.notified().await;
            let mut pipeline = redis::pipe();
            let mut any = false;
            for topic in Topic::ALL {
                if self.bell(topic).pending.swap(false, Ordering::AcqRel) {
                    any = true;
                    let stream = if topic == Topic::Jobs { JOBS } else { LOGS };
                    pipeline
                        .cmd("XADD")
                        .arg(self.link.key(stream))
                        .arg("MAXLEN")
                        .arg("~")
                        .arg(WAKEUPS_KEPT_MAX)
                        .arg("*")
                        .arg("topic")
                        .arg(topic.as_str())
                        .ignore();
                }
            }
            if any && let Err(error) = self.link.pipeline(&pipeline).await {
                tracing::debug!(%error, "a wake-up is lost; other nodes find out by looking");
            }
        }
    }

    async fn listen_for_jobs(&self) {
        self.works.notified().await;
        self.listen(JOBS).await;
    }

    /// Reads a stream again and again, on a connection of its own.
    async fn listen(&self, stream: &'static str) {
        let mut last = "$".to_owned();
        loop {
            let outcome = async {
                let mut connection = self.link.blocking().await?;
                loop {
                    match stream {
                        JOBS => self.read_jobs(&mut connection).await?,
                        _ => self.read_logs(&mut connection, &mut last).await?,
                    }
                }
            };
            let outcome: Result<(), RedisError> = outcome.await;
            if let Err(error) = outcome {
                tracing::debug!(%error, "no wake-ups from Redis; this node looks for itself");
            }
            sleep(Duration::from_millis(REDIS_REST_MS)).await;
        }
    }

    async fn read_logs(
        &self,
        connection: &mut Blocking,
        last: &mut String,
    ) -> Result<(), RedisError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(WAKEUPS_KEPT_MAX).arg("BLOCK").arg(BLOCK_MS);
        read.arg("STREAMS").arg(self.link.key(LOGS)).arg(&*last);
        let news: Option<StreamReadReply> = connection.command(&read).await?;
        for entry in news.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            last.clone_from(&entry.id);
            let topic: Option<String> = entry.get("topic");
            for known in [Topic::Changes, Topic::Events] {
                if topic.as_deref() == Some(known.as_str()) {
                    self.bell(known).rings.notify_one();
                }
            }
        }
        Ok(())
    }

    async fn read_jobs(&self, connection: &mut Blocking) -> Result<(), RedisError> {
        let key = self.link.key(JOBS);
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.node).arg("COUNT").arg(WAKEUPS_KEPT_MAX);
        read.arg("BLOCK").arg(BLOCK_MS).arg("NOACK").arg("STREAMS").arg(&key).arg(">");
        let news: Result<Option<StreamReadReply>, RedisError> = connection.command(&read).await;
        match news {
            Ok(Some(reply)) if !reply.keys.is_empty() => self.jobs.rings.notify_one(),
            Ok(_) => {}
            Err(error) if error.code() == Some("NOGROUP") => {
                let mut create = cmd("XGROUP");
                create.arg("CREATE").arg(&key).arg(GROUP).arg("$").arg("MKSTREAM");
                // Another node may be faster; the next read tells whether it is there.
                drop(connection.command::<()>(&create).await);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[async_trait]
impl Wakeups for RedisWakeups {
    fn announce(&self, topic: Topic) {
        let bell = self.bell(topic);
        bell.rings.notify_one();
        bell.pending.store(true, Ordering::Release);
        self.outbox.notify_one();
    }

    async fn wait(&self, topic: Topic) {
        if topic == Topic::Jobs {
            self.works.notify_one();
        }
        self.bell(topic).rings.notified().await;
    }
}
