//! `GET /metrics`: each figure moves by what happened, and nothing that clients choose makes series.
//! Each node counts what it does itself, so all requests of a test go to one.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::json;
use vitrine::app::Settings;
use vitrine::domain::account::Scope;
use vitrine::telemetry::catalog::{METRICS, find};

use crate::support::feed::uuid_text;
use crate::support::{Answer, TestApp, settings};

/// Series with their values, of which only whole ones are compared.
type Sample = BTreeMap<String, i64>;

async fn exposition(app: &TestApp) -> String {
    let answer = app.get(&app.operator(), "/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let content_type = answer.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
    assert!(answer.text.ends_with("# EOF\n"));
    answer.text
}

async fn sample(app: &TestApp) -> Sample {
    let text = exposition(app).await;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse::<f64>().unwrap() as i64)
    };
    lines.map(pair).collect()
}

/// What changed between two samples, times and the scrape itself left out.
fn moved(before: &Sample, after: &Sample) -> BTreeMap<String, i64> {
    let still = |series: &str| {
        series.starts_with("process_")
            || series.contains("/metrics")
            || series.contains("_seconds_")
            || series.starts_with("vitrine_store_")
    };
    let change = |(series, value): (&String, &i64)| {
        let change = value - before.get(series).copied().unwrap_or(0);
        (change != 0 && !still(series)).then(|| (series.clone(), change))
    };
    after.iter().filter_map(change).collect()
}

fn expected(changes: &[(&str, i64)]) -> BTreeMap<String, i64> {
    changes.iter().map(|(series, change)| ((*series).to_owned(), *change)).collect()
}

#[tokio::test]
async fn only_operators_read_the_figures_unless_they_are_open() {
    let app = TestApp::new().await.at_one_node();
    assert_eq!(app.get(&app.nobody(), "/metrics").await.problem(401), "unauthenticated");
    assert_eq!(app.get(&app.viewer("vera"), "/metrics").await.problem(403), "insufficient_scope");
    let both = app.actor("op", &[Scope::Viewer, Scope::Operator]);
    assert_eq!(app.get(&both, "/metrics").await.status, 200);
    let open = TestApp::with_settings(&Settings { metrics_open: true, ..settings() }).await;
    assert_eq!(open.get(&open.nobody(), "/metrics").await.status, 200);
}

#[tokio::test]
async fn one_request_counts_once() {
    let app = TestApp::new().await.at_one_node();
    let vera = app.viewer("vera");
    let before = sample(&app).await;
    app.get(&vera, "/v1/orders").await.expect(200);
    let after = sample(&app).await;
    let requests = r#"vitrine_http_requests_total{route="/v1/orders",method="GET",status="2xx"}"#;
    assert_eq!(moved(&before, &after), expected(&[(requests, 1)]));
    let took = r#"vitrine_http_request_duration_seconds_count{route="/v1/orders",method="GET"}"#;
    assert_eq!(after[took], 1);
    assert_eq!(after["vitrine_http_requests_in_flight"], 1, "the scrape itself");

    app.get(&app.nobody(), "/v1/orders").await.problem(401);
    let refused = r#"vitrine_http_requests_total{route="/v1/orders",method="GET",status="4xx"}"#;
    assert_eq!(moved(&after, &sample(&app).await), expected(&[(refused, 1)]));
}

#[tokio::test]
async fn a_purchase_counts_once_however_often_it_is_asked_for() {
    let app = TestApp::new().await.at_one_node();
    let goods = app.goods(1_999, 5).await;
    let vera = app.viewer("vera");
    let before = sample(&app).await;
    let id = app.opened(&vera, &goods, 2, "o1").await;
    app.opened(&vera, &goods, 2, "o1").await;
    app.complete(&vera, &id, "pm_approve", "p1").await.expect(200);
    app.complete(&vera, &id, "pm_approve", "p1").await.expect(200);
    let mut changes = moved(&before, &sample(&app).await);
    let beside = ["http", "_lag", "freshness"];
    changes.retain(|series, _| !beside.iter().any(|word| series.contains(word)));
    let purchase = expected(&[
        (r#"vitrine_holds_total{fate="held"}"#, 1),
        (r#"vitrine_holds_total{fate="posted"}"#, 1),
        ("vitrine_orders_placed_total", 1),
        (r#"vitrine_captured_minor_units_total{currency="USD"}"#, 4_497),
        (r#"vitrine_payment_authorizations_total{outcome="authorized"}"#, 1),
        (r#"vitrine_payment_captures_total{outcome="captured"}"#, 1),
    ]);
    assert_eq!(changes, purchase);

    let before = sample(&app).await;
    let id = app.opened(&vera, &goods, 1, "o2").await;
    app.complete(&vera, &id, "pm_decline", "p2").await;
    app.open(&vera, &goods, 90, "o3").await;
    let changes = moved(&before, &sample(&app).await);
    assert_eq!(changes[r#"vitrine_payment_declines_total{reason="declined"}"#], 1);
    assert_eq!(changes[r#"vitrine_holds_total{fate="refused"}"#], 1);
    assert!(!changes.contains_key("vitrine_orders_placed_total"), "{changes:?}");
}

#[tokio::test]
async fn feed_and_events_are_counted() {
    let app = TestApp::new().await.at_one_node();
    let clips = app.publish_many(3, 2).await;
    let vera = app.viewer("vera");
    let before = sample(&app).await;
    let page = app.feed(&vera, "?limit=2").await;
    let event = json!({
        "id": uuid_text(1), "type": "like", "clip_id": clips[0],
        "occurred_at": "2026-01-01T00:00:00Z"
    });
    let batch = json!({ "events": [event.clone(), event, 7] });
    app.post(&vera, "/v1/events", batch).await.expect(202);
    let after = sample(&app).await;
    let changes = moved(&before, &after);
    assert_eq!(changes[r#"vitrine_feed_pages_total{degraded="false"}"#], 1);
    for fate in ["accepted", "duplicate", "rejected"] {
        assert_eq!(changes[&format!("vitrine_events_total{{fate=\"{fate}\"}}")], 1);
    }
    let served: i64 = sum(&changes, "vitrine_feed_served_total");
    assert_eq!(served, page["items"].as_array().unwrap().len() as i64);
    assert!(sum(&changes, "vitrine_feed_candidates_total") >= 3, "{changes:?}");
    assert_eq!(after["vitrine_feed_index_clips"], 3);
    assert_eq!(after["vitrine_event_log_lag"], 0);
    let stages = r#"vitrine_feed_stage_duration_seconds_count{stage="score"}"#;
    assert_eq!(after[stages], 1);
}

fn sum(sample: &Sample, metric: &str) -> i64 {
    let ours = sample.iter().filter(|(series, _)| series.starts_with(metric));
    ours.map(|(_, value)| value).sum()
}

#[tokio::test]
async fn lag_and_queue_are_read_at_each_scrape() {
    use vitrine::domain::change::Change;
    use vitrine::domain::id::{ClipId, JobId};
    use vitrine::domain::job::JobKind;
    use vitrine::ports::clock::Clock;
    let app = TestApp::new().await.at_one_node();
    let clip = ClipId::from_bits(7);
    app.backends.changes.append(&[Change::ClipPublished(clip)]).await.unwrap();
    let (id, kind) = (JobId::from_bits(7), JobKind::Transcode(clip));
    app.backends.jobs.enqueue(id, kind, app.clock.now()).await.unwrap();
    let seen = sample(&app).await;
    assert_eq!(seen["vitrine_change_log_lag"], 1);
    assert_eq!(seen[r#"vitrine_jobs{state="waiting"}"#], 1);
    app.settle().await;
    assert_eq!(sample(&app).await["vitrine_change_log_lag"], 0);
}

/// A round of requests with ids, subjects, methods and paths of their own.
async fn visit(app: &TestApp, number: u32) {
    let viewer = app.viewer(&format!("viewer-{number}"));
    let id = format!("{number:026}");
    for path in [
        format!("/v1/clips/clip_{id}"),
        format!("/v1/products/prd_{id}"),
        format!("/v1/checkouts/chk_{id}"),
        format!("/no/such/{number}"),
        "/v1/feed".to_owned(),
    ] {
        app.get(&viewer, &path).await;
    }
    let method = Method::from_bytes(format!("BREW{number}").as_bytes()).unwrap();
    app.request(&viewer, method.clone(), "/v1/feed", &[], None).await;
    app.request(&viewer, method, &format!("/{number}"), &[], None).await;
    let event = json!({ "id": uuid_text(u128::from(number)), "type": format!("kind-{number}") });
    app.post(&viewer, "/v1/events", json!({ "events": [event] })).await;
}

#[tokio::test]
async fn what_clients_choose_makes_no_series() {
    let app = TestApp::new().await.at_one_node();
    visit(&app, 1).await;
    sample(&app).await; // So that the scrape's own series are there too.
    let before: BTreeSet<String> = sample(&app).await.into_keys().collect();
    for number in 2..40 {
        visit(&app, number).await;
    }
    let after: BTreeSet<String> = sample(&app).await.into_keys().collect();
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(after.len() < 600, "{} series", after.len());
}

#[tokio::test]
async fn every_metric_is_listed_and_every_listed_one_is_shown() {
    let app = TestApp::new().await.at_one_node();
    let goods = app.goods(1_999, 5).await;
    let vera = app.viewer("vera");
    let id = app.opened(&vera, &goods, 1, "o1").await;
    app.complete(&vera, &id, "pm_decline", "p1").await;
    app.complete(&vera, &id, "pm_approve", "p2").await;
    app.publish_many(2, 1).await;
    app.feed(&vera, "").await;
    app.app.api.figures.shop.audited("journal_balances", 1, 0); // As the audit of a running node does.
    let text = exposition(&app).await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let shown: BTreeMap<&str, &str> = types.collect();
    for (name, kind) in &shown {
        let metric = find(name).unwrap_or_else(|| panic!("`{name}` is not in the catalog"));
        assert_eq!(metric.kind.as_str(), *kind, "{name}");
    }
    for metric in METRICS {
        assert!(shown.contains_key(metric.name), "`{}` is listed and not shown", metric.name);
    }
}

#[tokio::test]
async fn an_answer_tells_how_many_calls_it_took() {
    let app = TestApp::new().await.at_one_node();
    let goods = app.goods(1_999, 5).await;
    let vera = app.viewer("vera");
    let path = format!("/v1/products/{}", goods.product);
    let answer = app.get(&vera, &path).await;
    let timing = answer.headers["server-timing"].to_str().unwrap();
    let store = if crate::IS_CLUSTER { "cql" } else { "embedded" };
    assert!(timing.contains(&format!("{store};dur=")) && timing.contains("read"), "{timing}");
    let quiet = TestApp::with_settings(&Settings { show_calls: false, ..settings() }).await;
    let answer = quiet.get(&quiet.viewer("vera"), "/v1/orders").await;
    assert!(!answer.headers.contains_key("server-timing"));
}

/// The calls to stores that a node of a cluster has to make over the network, such as `cql 1 read`.
fn asked(answer: &Answer) -> String {
    let entries = answer.headers.get_all("server-timing").iter();
    let entries = entries.flat_map(|text| text.to_str().unwrap().split("\", ")).map(str::to_owned);
    let calls = entries.filter_map(|entry| {
        let (store, rest) = entry.split_once(';')?;
        let (_, calls) = rest.split_once("desc=\"")?;
        let is_remote = ["cql", "redis"].contains(&store);
        is_remote.then(|| format!("{store} {}", calls.trim_end_matches('"')))
    });
    calls.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_warm_page_and_a_sheet_take_few_calls() {
    let app = TestApp::new().await.at_one_node();
    let goods = app.goods(1_999, 5).await;
    app.publish_many(9, 2).await;
    let vera = app.viewer("vera");
    let sheet = format!("/v1/products/{}/preview", goods.product);
    app.get(&vera, "/v1/feed?limit=3").await.expect(200);
    app.get(&vera, &sheet).await.expect(200);
    let page = app.get(&vera, "/v1/feed?limit=3").await;
    assert_eq!(asked(&page), "", "a first page");
    let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let next = app.get(&vera, &format!("/v1/feed?limit=3&cursor={next}")).await;
    let few = if crate::IS_CLUSTER { "redis 1 command" } else { "" };
    assert_eq!(asked(&next), few, "a further page");
    let few = if crate::IS_CLUSTER { "cql 1 read" } else { "" };
    assert_eq!(asked(&app.get(&vera, &sheet).await), few, "a sheet");
}
