//! The export of traces, where one is configured.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::app::Backends;
use crate::config::raw;
use crate::lifecycle::Tasks;
use crate::telemetry::export::{self, ExportFault, ExportSettings};
use crate::telemetry::traces::Traces;

/// What the task may take beyond its own deadline.
const GRACE: Duration = Duration::from_secs(1);

/// The export under way. It outlives the requests, whose last spans it sends.
pub(super) struct Exporting {
    tasks: Tasks,
    deadline: Duration,
}

/// Starts the export that is configured; without one there are no traces.
pub(super) fn start(
    traces: &raw::Traces,
    backends: &Backends,
) -> Result<(Traces, Exporting), ExportFault> {
    let timeout = Duration::from_millis(traces.export_timeout_ms);
    let exporting = Exporting { tasks: Tasks::new(), deadline: timeout + GRACE };
    // A ratio of 0 leaves out those as well that callers would have exported.
    if traces.otlp_endpoint.is_empty() || traces.sample_ratio <= 0.0 {
        return Ok((Traces::default(), exporting));
    }
    let settings = ExportSettings {
        endpoint: traces.otlp_endpoint.clone(),
        sample_ratio: traces.sample_ratio,
        follow_callers: traces.follow_callers,
        queue_spans_max: traces.queue_spans_max,
        batch_spans_max: traces.batch_spans_max,
        interval: Duration::from_millis(traces.export_interval_ms),
        timeout,
        instance: Uuid::new_v8(backends.entropy.bits().to_be_bytes()).to_string(),
    };
    let (traces, export) = export::start(settings, Arc::clone(&backends.figures))?;
    let stop = exporting.tasks.stop().clone();
    exporting.tasks.spawn("traces", async move {
        export.run(stop).await;
        Ok::<(), std::convert::Infallible>(())
    });
    Ok((traces, exporting))
}

impl Exporting {
    /// Sends what is left, in bounded time.
    pub(super) async fn finish(&self) {
        self.tasks.stop().cancel();
        self.tasks.finish(self.deadline).await;
    }
}
