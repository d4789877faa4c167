//! How transcodes end.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::ports::transcoder::{TranscodeError, TranscodeEvent, TranscodeReport, Transcoder};
use crate::telemetry::figures::Figures;

/// Counts and times transcodes.
pub struct ObservedTranscoder {
    inner: Arc<dyn Transcoder>,
    figures: Arc<Figures>,
}

impl ObservedTranscoder {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn Transcoder>, figures: Arc<Figures>) -> Self {
        Self { inner, figures }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl Transcoder for ObservedTranscoder {
    async fn transcode(
        &self,
        source: &Path,
        output: &Path,
        events: mpsc::Sender<TranscodeEvent>,
    ) -> Result<TranscodeReport, TranscodeError> {
        let began = Instant::now();
        let answer = self.inner.transcode(source, output, events).await;
        let outcome = match &answer {
            Ok(_) => "done",
            Err(TranscodeError::Rejected(_)) => "rejected",
            Err(TranscodeError::TimedOut(_)) => "timed_out",
            Err(TranscodeError::Failed(_)) => "failed",
        };
        self.figures.media.transcoded(outcome, began.elapsed());
        answer
    }
}
