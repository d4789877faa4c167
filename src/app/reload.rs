//! Takes in what an operator changes in the configuration's file while the engine runs.
//!
//! Only the section `ranking` acts at once; everything else asks for a restart. A file with a fault is
//! refused as a whole, and the last good one stays in force.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, settings};
use crate::config::Config;
use crate::feed::values::LiveValues;
use crate::lifecycle::Tasks;

/// How often the file's time is looked at: an edit acts within seconds, and a look costs microseconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Follows the file that `config` was read from, if there is one: on SIGHUP, and when its time changes.
pub(super) fn follow_file(tasks: &Tasks, app: &App, config: &Config) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let sources = config.sources().clone();
    let (values, stop) = (Arc::clone(&app.values), tasks.stop().clone());
    tasks.spawn("configuration", async move {
        // The first look reads it again: it may have changed since the start read it.
        let mut seen = None;
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return Ok::<(), Infallible>(()),
                asked = hangup.recv() => asked.is_some(),
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = sources.file.as_deref().and_then(modified);
            if is_asked || (now.is_some() && now != seen) {
                seen = now;
                let read = sources.clone();
                match tokio::task::spawn_blocking(move || Config::load_from(&read)).await {
                    Ok(Ok(config)) => take(&values, &config),
                    Ok(Err(faults)) => {
                        tracing::warn!(%faults, "the changed configuration is refused; the last good one stays");
                    }
                    Err(error) => tracing::warn!(%error, "the configuration was not read"),
                }
            }
        }
    });
    Ok(())
}

fn take(values: &LiveValues, config: &Config) {
    let new = settings::ranking(config);
    if values.set(new) {
        let digest = format!("{:016x}", new.digest());
        tracing::info!(config = digest, "the ranking goes on with changed values");
    }
}

/// When the file was written last; `None` while it is away, as between two steps of an editor.
fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|about| about.modified()).ok()
}
