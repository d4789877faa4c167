//! The figures of a node: everything that `catalog` lists, as it is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::telemetry::calls::{Histograms, Labels, StoreCalls};
use crate::telemetry::catalog;
use crate::telemetry::process::Process;

/// What [`Figures::exposition`] answers with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From 1 ms to beyond the longest deadline, with the borders 50 and 250 ms that the alerts ask about.
const REQUEST_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];
/// From 10 µs to the sources' deadline and beyond.
const STAGE_BUCKETS: [f64; 12] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05,
    0.25,
];
/// From a second to the longest time for one transcode.
const TRANSCODE_BUCKETS: [f64; 10] = [1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 400.0, 900.0];

type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// Requests.
pub struct Http {
    requests: Family<RequestLabels, Counter>,
    took: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    shed: Counters<1>,
    timeouts: Counter,
}

type RouteLabels = [(&'static str, String); 2];
type RequestLabels = [(&'static str, String); 3];

/// A request that is under way; it counts until it is dropped.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Http {
    /// A request has begun.
    pub fn begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered. `route` is the pattern that matched, never the path; methods that no
    /// route has count as one.
    pub fn answered(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        let method = match method {
            _ if status == 405 => "other",
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        let (route, method) = match route {
            Some(route) => (route.to_owned(), method.to_owned()),
            None => ("unmatched".to_owned(), "other".to_owned()),
        };
        let class = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let labels = [("route", route), ("method", method)];
        self.took.get_or_create(&labels).observe(took.as_secs_f64());
        let [route, method] = labels;
        self.requests.get_or_create(&[route, method, ("status", class.to_owned())]).inc();
    }

    /// A request was refused because its pool was full.
    pub fn shed(&self, pool: &'static str) {
        self.shed.get_or_create(&[("pool", pool)]).inc();
    }

    /// A request took too long.
    pub fn timed_out(&self) {
        self.timeouts.inc();
    }
}

/// The feed.
pub struct Feed {
    stage_took: Histograms<1>,
    stage_candidates: Counters<1>,
    brought: Counters<1>,
    served: Counters<1>,
    pages: Counters<1>,
    index_clips: Gauge,
}

impl Feed {
    /// A stage of the pipeline has run.
    pub fn stage(&self, stage: &'static str, took: Duration, candidates: u64) {
        let labels = [("stage", stage)];
        self.stage_took.get_or_create(&labels).observe(took.as_secs_f64());
        self.stage_candidates.get_or_create(&labels).inc_by(candidates);
    }

    /// A source brought so many candidates.
    pub fn brought(&self, source: &'static str, candidates: u64) {
        self.brought.get_or_create(&[("source", source)]).inc_by(candidates);
    }

    /// A clip is on a new page.
    pub fn served(&self, source: &'static str) {
        self.served.get_or_create(&[("source", source)]).inc();
    }

    /// A new page was made.
    pub fn page(&self, degraded: bool) {
        self.pages.get_or_create(&[("degraded", if degraded { "true" } else { "false" })]).inc();
    }
}

/// Orders, money and stock.
pub struct Shop {
    orders: Counter,
    captured: Family<[(&'static str, String); 1], Counter>,
    captures: Counters<1>,
    voids: Counters<1>,
    authorizations: Counters<1>,
    declines: Counters<1>,
    holds: Counters<1>,
    violations: Gauges<1>,
    checked: Gauges<1>,
    audits: Counters<1>,
}

impl Shop {
    /// An order came into being.
    pub fn placed(&self) {
        self.orders.inc();
    }

    /// The journal has a capture of so much, in a currency of ISO 4217.
    pub fn captured(&self, currency: &str, minor: u64) {
        self.captured.get_or_create(&[("currency", currency.to_owned())]).inc_by(minor);
    }

    /// A provider answered a capture.
    pub fn capture(&self, outcome: &'static str) {
        self.captures.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A provider answered a void.
    pub fn void(&self, outcome: &'static str) {
        self.voids.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A provider answered an authorization.
    pub fn authorization(&self, outcome: &'static str) {
        self.authorizations.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A provider declined.
    pub fn declined(&self, reason: &'static str) {
        self.declines.get_or_create(&[("reason", reason)]).inc();
    }

    /// Something happened to a hold.
    pub fn hold(&self, fate: &'static str) {
        self.holds.get_or_create(&[("fate", fate)]).inc();
    }

    /// An audit looked at so many records under a law, and so many broke it.
    pub fn audited(&self, law: &'static str, checked: u64, violations: u64) {
        self.checked.get_or_create(&[("law", law)]).set(checked as i64);
        self.violations.get_or_create(&[("law", law)]).set(violations as i64);
    }

    /// An audit ended.
    pub fn audit(&self, outcome: &'static str) {
        self.audits.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// Transcodes.
pub struct Media {
    transcodes: Counters<1>,
    took: Histogram,
}

impl Media {
    /// A transcode ended; the time counts when it is done.
    pub fn transcoded(&self, outcome: &'static str, took: Duration) {
        self.transcodes.get_or_create(&[("outcome", outcome)]).inc();
        if outcome == "done" {
            self.took.observe(took.as_secs_f64());
        }
    }
}

/// What is read at each scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Jobs that wait, due or not.
    pub jobs_waiting: u64,
    /// Jobs in workers' hands.
    pub jobs_leased: u64,
    /// Jobs that were given up.
    pub jobs_parked: u64,
    /// Entries of the change log that are not taken in.
    pub change_lag: u64,
    /// Entries of the event log that are not taken in.
    pub event_lag: u64,
    /// Clips in the index.
    pub index_clips: u64,
}

/// All figures.
pub struct Figures {
    registry: Registry,
    /// Requests.
    pub http: Http,
    /// The feed.
    pub feed: Feed,
    /// Calls to stores.
    pub calls: StoreCalls,
    /// Orders, money and stock.
    pub shop: Shop,
    /// Transcodes.
    pub media: Media,
    events: Counters<1>,
    spans: Counters<1>,
    jobs: Gauges<1>,
    change_lag: Gauge,
    event_lag: Gauge,
    freshness: Gauges<2>,
    model_views: Gauge,
    model_sound: Gauge,
    model_put_back: Gauge,
    vitals_failures: Counter,
    process: ProcessFigures,
}

struct ProcessFigures {
    cpu_seconds: Counter<f64, AtomicU64>,
    resident_bytes: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
}

impl Default for Figures {
    fn default() -> Self {
        Self::new()
    }
}

/// Registers a metric under a name of the catalog.
fn listed<M: Metric + Clone>(registry: &mut Registry, name: &'static str, metric: M) -> M {
    let meaning = catalog::find(name).map_or("", |metric| metric.meaning);
    registry.register(name, meaning, metric.clone());
    metric
}

/// As [`listed`], with all series of one label there from the start: a rate over a counter that begins at
/// its first increment would miss that one.
fn words<M: Metric + TypedMetric + Clone + Default>(
    registry: &mut Registry,
    name: &'static str,
    label: &'static str,
    words: &[&'static str],
) -> Family<Labels<1>, M> {
    let family = Family::<Labels<1>, M>::default();
    for word in words {
        drop(family.get_or_create(&[(label, *word)]));
    }
    listed(registry, name, family)
}

impl Figures {
    /// Figures that are all zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let all = &mut registry;
        let build = Gauges::<1>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        listed(all, "vitrine_build_info", build);
        let calls = StoreCalls::default();
        listed(all, "vitrine_store_call_duration_seconds", calls.took.clone());
        Self {
            http: http(all),
            feed: feed(all),
            shop: shop(all),
            media: Media {
                transcodes: words(
                    all,
                    "vitrine_transcodes",
                    "outcome",
                    &["done", "rejected", "timed_out", "failed"],
                ),
                took: listed(
                    all,
                    "vitrine_transcode_duration_seconds",
                    Histogram::new(TRANSCODE_BUCKETS),
                ),
            },
            events: words(all, "vitrine_events", "fate", &["accepted", "duplicate", "rejected"]),
            spans: words(all, "vitrine_trace_spans", "fate", &["exported", "dropped"]),
            jobs: words(all, "vitrine_jobs", "state", &["waiting", "leased", "parked"]),
            change_lag: listed(all, "vitrine_change_log_lag", Gauge::default()),
            event_lag: listed(all, "vitrine_event_log_lag", Gauge::default()),
            freshness: listed(all, "vitrine_freshness_microseconds", Gauges::default()),
            model_views: listed(all, "vitrine_model_views", Gauge::default()),
            model_sound: listed(all, "vitrine_model_sound", Gauge::default()),
            model_put_back: listed(all, "vitrine_model_put_back", Gauge::default()),
            vitals_failures: listed(all, "vitrine_vitals_failures", Counter::default()),
            process: ProcessFigures {
                cpu_seconds: listed(all, "process_cpu_seconds", Counter::default()),
                resident_bytes: listed(all, "process_resident_memory_bytes", Gauge::default()),
                open_fds: listed(all, "process_open_fds", Gauge::default()),
                max_fds: listed(all, "process_max_fds", Gauge::default()),
            },
            calls,
            registry,
        }
    }

    /// A batch of events was judged.
    pub fn events(&self, accepted: usize, duplicates: usize, rejected: usize) {
        let fates = [("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)];
        for (fate, count) in fates {
            self.events.get_or_create(&[("fate", fate)]).inc_by(count as u64);
        }
    }

    /// Spans went to the collector, or nowhere.
    pub fn spans(&self, fate: &'static str, count: u64) {
        self.spans.get_or_create(&[("fate", fate)]).inc_by(count);
    }

    /// How learning stands.
    pub fn set_model(&self, views: u64, is_sound: bool, put_back: u64) {
        self.model_views.set(i64::try_from(views).unwrap_or(i64::MAX));
        self.model_sound.set(i64::from(is_sound));
        self.model_put_back.set(i64::try_from(put_back).unwrap_or(i64::MAX));
    }

    /// How long events took to an effect of late: quantiles by their names.
    pub fn set_freshness(&self, effect: &'static str, quantiles: [(&'static str, Duration); 4]) {
        for (quantile, took) in quantiles {
            let labels = [("effect", effect), ("quantile", quantile)];
            self.freshness.get_or_create(&labels).set(took.as_micros() as i64);
        }
    }

    /// What this scrape found; `None` if the stores could not tell.
    pub fn set_vitals(&self, vitals: Option<Vitals>) {
        let Some(vitals) = vitals else {
            self.vitals_failures.inc();
            return;
        };
        let states = [
            ("waiting", vitals.jobs_waiting),
            ("leased", vitals.jobs_leased),
            ("parked", vitals.jobs_parked),
        ];
        for (state, count) in states {
            self.jobs.get_or_create(&[("state", state)]).set(count as i64);
        }
        self.change_lag.set(vitals.change_lag as i64);
        self.event_lag.set(vitals.event_lag as i64);
        self.feed.index_clips.set(vitals.index_clips as i64);
    }

    /// All figures as OpenMetrics text.
    pub fn exposition(&self) -> String {
        let process = Process::read();
        self.process.cpu_seconds.inner().store(process.cpu_seconds.to_bits(), Ordering::Relaxed);
        self.process.resident_bytes.set(process.resident_bytes as i64);
        self.process.open_fds.set(process.open_fds as i64);
        self.process.max_fds.set(process.max_fds as i64);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

fn http(all: &mut Registry) -> Http {
    let took: Family<RouteLabels, Histogram, fn() -> Histogram> =
        Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS));
    Http {
        requests: listed(all, "vitrine_http_requests", Family::default()),
        took: listed(all, "vitrine_http_request_duration_seconds", took),
        in_flight: listed(all, "vitrine_http_requests_in_flight", Gauge::default()),
        shed: words(all, "vitrine_http_shed", "pool", &["browsing", "buying"]),
        timeouts: listed(all, "vitrine_http_timeouts", Counter::default()),
    }
}

fn feed(all: &mut Registry) -> Feed {
    let stage_took: Histograms<1> = Family::new_with_constructor(|| Histogram::new(STAGE_BUCKETS));
    Feed {
        stage_took: listed(all, "vitrine_feed_stage_duration_seconds", stage_took),
        stage_candidates: listed(all, "vitrine_feed_stage_candidates", Counters::default()),
        brought: listed(all, "vitrine_feed_candidates", Counters::default()),
        served: listed(all, "vitrine_feed_served", Counters::default()),
        pages: words(all, "vitrine_feed_pages", "degraded", &["true", "false"]),
        index_clips: listed(all, "vitrine_feed_index_clips", Gauge::default()),
    }
}

fn shop(all: &mut Registry) -> Shop {
    let outcomes = "outcome";
    Shop {
        orders: listed(all, "vitrine_orders_placed", Counter::default()),
        captured: listed(all, "vitrine_captured_minor_units", Family::default()),
        captures: words(
            all,
            "vitrine_payment_captures",
            outcomes,
            &["captured", "refused", "unknown"],
        ),
        voids: words(all, "vitrine_payment_voids", outcomes, &["voided", "unknown"]),
        authorizations: words(
            all,
            "vitrine_payment_authorizations",
            outcomes,
            &["authorized", "declined", "requires_action", "unknown"],
        ),
        declines: listed(all, "vitrine_payment_declines", Counters::default()),
        holds: words(
            all,
            "vitrine_holds",
            "fate",
            &["held", "refused", "posted", "released", "expired"],
        ),
        violations: listed(all, "vitrine_invariant_violations", Gauges::default()),
        checked: listed(all, "vitrine_invariant_checked_records", Gauges::default()),
        audits: words(all, "vitrine_audits", outcomes, &["done", "failed"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths_that_clients_invent_make_no_series() {
        let figures = Figures::new();
        let took = Duration::from_millis(1);
        figures.http.answered(Some("/v1/feed"), "BREW", 405, took);
        figures.http.answered(None, "GET", 404, took);
        let before = figures.exposition().lines().count();
        for number in 0..100 {
            figures.http.answered(Some("/v1/feed"), &format!("BREW{number}"), 405, took);
            figures.http.answered(None, &format!("GET{number}"), 404, took);
        }
        assert_eq!(figures.exposition().lines().count(), before);
    }

    #[test]
    fn nothing_is_shown_that_is_not_listed() {
        let text = Figures::new().exposition();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let metric = catalog::find(name).unwrap_or_else(|| panic!("{name} is not listed"));
            assert_eq!(metric.kind.as_str(), kind, "{name}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
