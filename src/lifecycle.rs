//! Tasks and their end: every task is waited for, signals end in two steps, and a task that fails takes
//! the process down with a failing exit code instead of leaving a half-dead server.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All long-lived tasks of the process. Clones share them.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: Arc<AtomicBool>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process should end: take no new work, finish what is begun.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a task until it ends by itself. One that ends with an error stops all others.
    pub fn spawn<E: Display + Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let (stop, failed) = (self.stop.clone(), Arc::clone(&self.failed));
        self.tracker.spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(task = name, %error, "a task failed; the process ends");
                failed.store(true, Ordering::SeqCst);
                stop.cancel();
            }
        });
    }

    /// Stops all tasks on SIGINT or SIGTERM, once `farewell` is over; a second signal ends the process
    /// at once.
    pub fn stop_on_signals(
        &self,
        farewell: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (stop, again) = (self.stop.clone(), self.clone());
        self.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping; a second signal ends at once");
            tokio::select! {
                () = stop.cancelled() => {}
                () = farewell => {}
                _ = interrupt.recv() => again.abandon(),
                _ = terminate.recv() => again.abandon(),
            }
            stop.cancel();
            tokio::select! {
                () = again.drained() => {}
                _ = interrupt.recv() => again.abandon(),
                _ = terminate.recv() => again.abandon(),
            }
        });
        Ok(())
    }

    /// Waits for the end of all tasks, at most `drain` after the stop; `false` if one failed.
    pub async fn finish(&self, drain: Duration) -> bool {
        self.stop.cancelled().await;
        self.tracker.close();
        if tokio::time::timeout(drain, self.tracker.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        !self.failed.load(Ordering::SeqCst)
    }

    async fn drained(&self) {
        // The waiting task is itself one of the tracked.
        while self.tracker.len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the second signal asks for just that")]
    #[expect(clippy::unused_self, reason = "reads as an end of these tasks")]
    fn abandon(&self) {
        // Acknowledged writes are on disk already; everything else can be begun again.
        std::process::exit(130);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failing_task_stops_the_others() {
        let tasks = Tasks::new();
        let stop = tasks.stop().clone();
        tasks.spawn("patient", async move {
            stop.cancelled().await;
            Ok::<(), &str>(())
        });
        tasks.spawn("failing", async { Err("broken") });
        assert!(!tasks.finish(Duration::from_secs(5)).await);
    }
}
