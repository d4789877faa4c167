//! A whole engine over a temporary directory, with a merchant's goods, for the shop's benches.

#![expect(dead_code, reason = "each bench uses a part of it")]

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use vitrine::app::{App, Backends, Opened, Settings, assemble, cluster, open};
use vitrine::config::Config;
use vitrine::domain::account::Scope;

/// The allocator of the `vitrine` command: what is measured is what is shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An engine with its directory, which goes with it.
pub struct Shop {
    pub app: App,
    pub backends: Backends,
    pub settings: Settings,
    _directory: tempfile::TempDir,
}

impl Shop {
    /// Opens an engine over an empty directory, with every commit on disk.
    pub async fn open() -> Self {
        Self::open_with("").await
    }

    /// Opens an engine over an empty directory with this configuration file: over a cluster where it
    /// names one, whose tables are made first.
    pub async fn open_with(file: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data").display().to_string();
        let path = directory.path().join("vitrine.toml");
        std::fs::write(&path, file).expect("a temporary file");
        let config =
            Config::load(Some(&path), &[("data.directory", data)]).expect("sound settings");
        if cluster::is_configured(&config) {
            cluster::migrate(&config, &mut |_| {}).await.expect("a cluster that answers");
        }
        let Opened { backends, background, .. } = open(&config).await.expect("an empty directory");
        for work in background {
            #[expect(clippy::disallowed_methods, reason = "the bench ends with its process")]
            tokio::spawn((work.run)(CancellationToken::new()));
        }
        let mut settings = Settings::new(&config, "http://bench.local");
        settings.http.in_flight_max = 100_000;
        settings.http.checkouts_in_flight_max = 100_000;
        settings.http.request_timeout = Duration::from_mins(1);
        Self { app: assemble(&backends, &settings), backends, settings, _directory: directory }
    }

    /// A bearer token.
    pub fn token(&self, subject: &str, scopes: &[Scope]) -> String {
        let issued = self.app.api.access.issue(subject, scopes, 86_400_000);
        issued.expect("our own key").token
    }

    /// Products of `merchant`, each with `variants` variants and plenty of stock; answers the ids of
    /// the product and its variants.
    pub async fn goods(&self, merchant: &str, variants: usize) -> (String, Vec<String>) {
        let token = self.token(merchant, &[Scope::Viewer, Scope::Merchant]);
        let variant = |index: usize| {
            json!({
                "sku": format!("SKU-{index}"), "title": format!("Oak {index}"),
                "options": { "colour": "oak" }, "price": { "amount": 1999, "currency": "USD" }
            })
        };
        let body = json!({
            "title": "Camp mug", "description": "Holds tea. ".repeat(20), "brand": "Nord",
            "category": "home/kitchen", "image_urls": ["/media/mug.jpg"],
            "variants": (0..variants).map(variant).collect::<Vec<_>>(),
        });
        let made = call(&self.app.router, Method::POST, "/v1/products", &token, "", Some(&body));
        let made = made.await.1;
        let ids: Vec<String> = made["variants"]
            .as_array()
            .expect("variants")
            .iter()
            .map(|variant| variant["id"].as_str().expect("an id").to_owned())
            .collect();
        for id in &ids {
            let body = json!({ "variant_id": id, "delta": 100_000_000, "reason": "restock" });
            let path = "/v1/inventory/adjustments";
            let done = call(&self.app.router, Method::POST, path, &token, id, Some(&body)).await;
            assert_eq!(done.0, StatusCode::OK, "{}", done.1);
        }
        (made["id"].as_str().expect("an id").to_owned(), ids)
    }

    /// Opens a checkout of one unit of `variant`; answers its id.
    pub async fn open_checkout(&self, token: &str, key: &str, variant: &str) -> String {
        let body = json!({
            "lines": [{ "variant_id": variant, "quantity": 1 }],
            "email": "vera@shop.example", "shipping_option": "standard",
            "shipping_address": { "name": "Vera Viewer", "line1": "1 Main St",
                "city": "Springfield", "region": "OR", "postal_code": "97477", "country": "US" }
        });
        let router = &self.app.router;
        let path = "/v1/checkouts";
        let (status, open) = call(router, Method::POST, path, token, key, Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "{open}");
        open["id"].as_str().expect("an id").to_owned()
    }

    /// Pays a checkout with the sandbox.
    pub async fn pay(&self, token: &str, key: &str, checkout: &str) {
        let path = format!("/v1/checkouts/{checkout}/complete");
        let body = json!({ "payment": { "provider": "sandbox", "method": "pm_approve" } });
        let router = &self.app.router;
        let (status, done) = call(router, Method::POST, &path, token, key, Some(&body)).await;
        assert_eq!(status, StatusCode::OK, "{done}");
    }
}

/// One request with its answer as JSON.
pub async fn call(
    router: &Router,
    method: Method,
    path: &str,
    token: &str,
    key: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    if !key.is_empty() {
        request = request.header("Idempotency-Key", key);
    }
    let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
    let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
    let answer = router.clone().oneshot(request.expect("a request")).await.expect("infallible");
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.expect("a body in memory").to_bytes();
    (parts.status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Processor time of this process so far, user and system, in milliseconds. The kernel counts in
/// hundredths of a second, so measure seconds, not moments.
pub fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let tail = stat.rsplit_once(") ").expect("the name ends").1;
    let ticks: Vec<u64> =
        tail.split(' ').skip(11).take(2).map(|text| text.parse().expect("ticks")).collect();
    ticks.iter().sum::<u64>() * 10
}

/// A line of a table.
pub fn row(table: &mut String, cells: &[String]) {
    writeln!(table, "| {} |", cells.join(" | ")).expect("memory");
}
