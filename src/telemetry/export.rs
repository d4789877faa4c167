//! Spans on their way to a collector over OTLP/HTTP: a bounded queue that never waits, and one task that
//! sends batches.
//!
//! A collector that is away or slow costs spans, which are counted, and nothing else. The task's own
//! requests are part of no request that is served here, so no export is traced. The SDK's batch processor
//! would want a thread of its own and tells nobody what it drops.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::telemetry::figures::Figures;
use crate::telemetry::traces::Traces;

/// A collector that is away all night fills a page of the log, not the disk.
const COMPLAINT_EVERY: Duration = Duration::from_mins(1);
/// A collector's answer counts rejected spans in a few bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What is exported, where to, and how much of it may wait.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    /// Base URL of the collector; spans go to `v1/traces` below it.
    pub endpoint: String,
    /// Share of the traces that are exported, 0 to 1.
    pub sample_ratio: f64,
    /// Whether callers that tell decide for their traces.
    pub follow_callers: bool,
    /// Finished spans that may wait.
    pub queue_spans_max: usize,
    /// Spans in one export.
    pub batch_spans_max: usize,
    /// Longest time that a finished span waits for others to go with.
    pub interval: Duration,
    /// Longest time for an export, and for all that is left at the end.
    pub timeout: Duration,
    /// Tells this process from others.
    pub instance: String,
}

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// There is no HTTP client.
    #[error("traces cannot be exported: there is no HTTP client")]
    Client(#[from] reqwest::Error),
    /// The collector's address or a variable `OTEL_EXPORTER_OTLP_…` makes no sense.
    #[error("traces cannot be exported")]
    Exporter(#[from] ExporterBuildError),
}

/// The queue's end at which spans come out.
pub struct Export {
    queue: mpsc::Receiver<SpanData>,
    exporter: SpanExporter,
    settings: ExportSettings,
    figures: Arc<Figures>,
    complained_at: Option<Instant>,
    /// Spans lost since the last complaint.
    lost: u64,
}

/// Begins to make traces. They wait until [`Export::run`] takes them.
///
/// # Errors
///
/// When there is no client, or the address makes no sense.
pub fn start(
    settings: ExportSettings,
    figures: Arc<Figures>,
) -> Result<(Traces, Export), ExportFault> {
    // The process may have a provider already; either is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .timeout(settings.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let resource = Resource::builder_empty()
        .with_service_name("vitrine")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", settings.instance.clone()),
        ])
        .build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client(client))
        .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        // The crate would block a thread of the runtime between two tries.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    exporter.set_resource(&resource);
    let (sender, queue) = mpsc::channel(settings.queue_spans_max);
    let ratio = Sampler::TraceIdRatioBased(settings.sample_ratio);
    let sampler =
        if settings.follow_callers { Sampler::ParentBased(Box::new(ratio)) } else { ratio };
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Queue { sender, figures: Arc::clone(&figures) })
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    let traces = Traces::over(provider.tracer("vitrine"));
    Ok((traces, Export { queue, exporter, settings, figures, complained_at: None, lost: 0 }))
}

/// The queue's end at which spans go in.
struct Queue {
    sender: mpsc::Sender<SpanData>,
    figures: Arc<Figures>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("room", &self.sender.capacity()).finish_non_exhaustive()
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.sender.try_send(span).is_err() {
            self.figures.spans("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(()) // What waits is sent by the task, in its own time.
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Export {
    /// Sends what comes in until `stop`, then what is left, within one deadline.
    pub async fn run(mut self, stop: CancellationToken) {
        let timeout = self.settings.timeout;
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(timeout).await;
        };
        tokio::select! {
            () = self.send_all(&stop) => {}
            () = overdue => {}
        }
        self.queue.close();
        let mut left: u64 = 0;
        while self.queue.try_recv().is_ok() {
            left += 1;
        }
        self.figures.spans("dropped", left);
    }

    async fn send_all(&mut self, stop: &CancellationToken) {
        loop {
            let batch = self.batch(stop).await;
            if batch.is_empty() {
                return;
            }
            if !self.send(batch).await {
                // More tries at once would fare no better, and at the end there is no time for it.
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(self.settings.interval) => {}
                }
            }
        }
    }

    /// The next spans, as soon as they are many or the first of them has waited; none once `stop` has come
    /// and the queue is empty.
    async fn batch(&mut self, stop: &CancellationToken) -> Vec<SpanData> {
        let mut batch = Vec::new();
        let mut due = None;
        while batch.len() < self.settings.batch_spans_max {
            let waited_enough = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased; // What is there goes along.
                span = self.queue.recv() => match span {
                    Some(span) => batch.push(span),
                    None => break,
                },
                () = stop.cancelled() => break,
                () = waited_enough => break,
            }
            due.get_or_insert_with(|| Instant::now() + self.settings.interval);
        }
        batch
    }

    /// Sends a batch; `false` if it is lost.
    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let count = batch.len() as u64;
        let counted = Pending { figures: Arc::clone(&self.figures), count };
        let sent = tokio::time::timeout(self.settings.timeout, self.exporter.export(batch)).await;
        let fault = match sent {
            Ok(Ok(())) => {
                counted.arrived();
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.lost += count;
        let is_silent = self.complained_at.is_some_and(|at| at.elapsed() < COMPLAINT_EVERY);
        if !is_silent {
            self.complained_at = Some(Instant::now());
            let lost = std::mem::take(&mut self.lost);
            tracing::warn!(lost, fault, "the collector takes no spans");
        }
        false
    }
}

/// A batch on its way, lost unless it arrives: an export may be given up in the middle.
struct Pending {
    figures: Arc<Figures>,
    count: u64,
}

impl Pending {
    fn arrived(mut self) {
        self.figures.spans("exported", std::mem::take(&mut self.count));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.figures.spans("dropped", self.count);
    }
}

/// The HTTP client that is in the house anyway.
#[derive(Debug)]
struct Client(reqwest::Client);

/// An answer that is longer than anything a collector says.
#[derive(Debug, thiserror::Error)]
#[error("the answer has more than {ANSWER_BYTES_MAX} bytes")]
struct LongAnswer;

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(LongAnswer.into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        Ok(response)
    }
}
