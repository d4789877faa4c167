//! Every metric, with its meaning and its bound: what `GET /metrics` may show and nothing else.

use std::fmt::Write as _;

/// How a metric moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// The word of the exposition format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name; counters end in `_total` on the wire, histograms in `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Why it cannot have more than so many series.
    pub bound: &'static str,
}

macro_rules! metrics {
    ($($name:literal $kind:ident [$labels:literal] $meaning:literal; $bound:literal,)*) => {
        /// All metrics, by name within each subject.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            labels: $labels,
            meaning: $meaning,
            bound: $bound,
        },)*];
    };
}

metrics! {
    "vitrine_http_requests" Counter ["route, method, status"]
        "Requests that were answered. `status` is the class, such as `2xx`";
        "routes × methods they answer × 5; unknown paths are one route, wrong methods one method",
    "vitrine_http_request_duration_seconds" Histogram ["route, method"]
        "From the head of a request to the head of its answer; media stream on behind it";
        "routes × methods they answer, 12 buckets",
    "vitrine_http_requests_in_flight" Gauge [""]
        "Requests whose answer's head is not sent yet"; "1",
    "vitrine_http_shed" Counter ["pool"]
        "Requests refused at once because too many were in flight"; "2: `browsing`, `buying`",
    "vitrine_http_timeouts" Counter [""]
        "Requests that took longer than `server.request_timeout_ms`"; "1",
    "vitrine_feed_stage_duration_seconds" Histogram ["stage"]
        "Time in one stage of the feed's pipeline"; "6 stages, 12 buckets",
    "vitrine_feed_stage_candidates" Counter ["stage"]
        "Candidates left after a stage, summed over pages"; "6 stages",
    "vitrine_feed_candidates" Counter ["source"]
        "Candidates that a source brought, before the same clip of two sources is merged"; "6 sources",
    "vitrine_feed_served" Counter ["source"]
        "Clips on new pages, by the source that brought them"; "6 sources",
    "vitrine_feed_pages" Counter ["degraded"]
        "New pages; `degraded` when a source or the scorer failed"; "2: `true`, `false`",
    "vitrine_feed_index_clips" Gauge [""]
        "Clips in this node's index"; "1",
    "vitrine_store_call_duration_seconds" Histogram ["store, call, outcome"]
        "Calls to stores. A `conflict` is a condition that did not hold; `unknown` may have been done";
        "4 stores × 5 calls × 5 outcomes at most, 12 buckets",
    "vitrine_jobs" Gauge ["state"]
        "Jobs in the queue; a parked one was given up"; "3: `waiting`, `leased`, `parked`",
    "vitrine_change_log_lag" Gauge [""]
        "Entries of the change log that this node's index has not taken in"; "1",
    "vitrine_event_log_lag" Gauge [""]
        "Entries of the event log that this node's index has not taken in"; "1",
    "vitrine_freshness_microseconds" Gauge ["effect, quantile"]
        "From an accepted event to its effect, over the last ten minutes at most: in the `viewer_state`, in the `index`, or in the `model`";
        "3 effects × 4 quantiles",
    "vitrine_model_views" Gauge [""]
        "Views that this node's model has learned from, those of the stored model that it began with included"; "1",
    "vitrine_model_sound" Gauge [""]
        "1 while what was learned is ranked by, 0 while it makes no sense and explicit estimates stand in"; "1",
    "vitrine_model_put_back" Gauge [""]
        "How often this node put a stored model back because what it had learned made no sense"; "1",
    "vitrine_vitals_failures" Counter [""]
        "Scrapes at which queue or logs could not be read; their figures are then those of the scrape before"; "1",
    "vitrine_orders_placed" Counter [""]
        "Orders written by this node"; "1",
    "vitrine_captured_minor_units" Counter ["currency"]
        "Money of captures as the journal has them, in minor units"; "currencies that are sold in",
    "vitrine_payment_captures" Counter ["outcome"]
        "Answers of providers to captures; a repeated question counts again"; "3: `captured`, `refused`, `unknown`",
    "vitrine_payment_voids" Counter ["outcome"]
        "Answers of providers to giving money back; a repeated question counts again"; "2: `voided`, `unknown`",
    "vitrine_payment_authorizations" Counter ["outcome"]
        "Answers of providers to reserving money"; "4: `authorized`, `declined`, `requires_action`, `unknown`",
    "vitrine_payment_declines" Counter ["reason"]
        "Payments that a provider declined"; "5 reasons",
    "vitrine_holds" Counter ["fate"]
        "Holds of stock: `held`, `refused`, and how they ended: `posted`, `released`, `expired`"; "5",
    "vitrine_invariant_violations" Gauge ["law"]
        "What breaks a law between stores, at the last audit; at most 20 are counted. Not 0 means that books or stock are wrong";
        "3 laws",
    "vitrine_invariant_checked_records" Gauge ["law"]
        "Records that the last audit looked at"; "3 laws",
    "vitrine_audits" Counter ["outcome"]
        "Audits of all laws by this node"; "2: `done`, `failed`",
    "vitrine_events" Counter ["fate"]
        "Events that clients sent"; "3: `accepted`, `duplicate`, `rejected`",
    "vitrine_transcodes" Counter ["outcome"]
        "Transcodes that ended; a `rejected` source is at fault itself"; "4: `done`, `rejected`, `timed_out`, `failed`",
    "vitrine_transcode_duration_seconds" Histogram [""]
        "Time of transcodes that were done"; "1, 10 buckets",
    "vitrine_trace_spans" Counter ["fate"]
        "Spans of requests that were sampled. `dropped`: the collector was away, or more waited than `traces.queue_spans_max`";
        "2: `exported`, `dropped`",
    "vitrine_build_info" Gauge ["version"]
        "Always 1; the label says which release runs"; "1",
    "process_cpu_seconds" Counter [""]
        "Processor time of all threads"; "1",
    "process_resident_memory_bytes" Gauge [""]
        "Memory in use"; "1",
    "process_open_fds" Gauge [""]
        "Open file descriptors"; "1",
    "process_max_fds" Gauge [""]
        "File descriptors that may be open"; "1",
}

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Names of the metric's series as queries write them.
pub fn series(metric: &Metric) -> Vec<String> {
    let ends: &[&str] = match metric.kind {
        Kind::Counter => &["_total"],
        Kind::Gauge => &[""],
        Kind::Histogram => &["_bucket", "_sum", "_count"],
    };
    ends.iter().map(|end| format!("{}{end}", metric.name)).collect()
}

/// The list as it stands in `schema/metrics.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\nWhat `GET /metrics` shows. Made by `vitrine config --metrics`; not edited by hand.\n\n\
         Labels come from closed sets: no series names an account, a clip, a product or an address.\n\n\
         | metric | kind | labels | meaning | series |\n|---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let end = if metric.kind == Kind::Counter { "_total" } else { "" };
        let Metric { name, kind, labels, meaning, bound } = metric;
        let kind = kind.as_str();
        writeln!(text, "| `{name}{end}` | {kind} | {labels} | {meaning} | {bound} |")
            .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/metrics.md");
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, markdown(), "write the output of `vitrine config --metrics` there");
    }
}
