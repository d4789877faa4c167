//! The figures of this node, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::extract::Operator;
use crate::http::problem::Problem;
use crate::http::{Api, ServerInfo};
use crate::services::vitals::{VitalSigns, Vitals};
use crate::telemetry::figures::{self, CONTENT_TYPE, Figures};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

impl From<VitalSigns> for figures::Vitals {
    fn from(signs: VitalSigns) -> Self {
        Self {
            jobs_waiting: signs.jobs.waiting,
            jobs_leased: signs.jobs.leased,
            jobs_parked: signs.jobs.parked,
            change_lag: signs.change_lag,
            event_lag: signs.event_lag,
            index_clips: signs.index_clips,
        }
    }
}

/// The figures of this node as OpenMetrics text; `schema/metrics.md` lists them. It takes an operator's
/// token, unless `metrics.open` is set or only this machine can reach the server.
#[utoipa::path(get, path = "/metrics", tag = "operator", security((), ("bearer" = [])),
    responses((status = 200, content_type = "application/openmetrics-text", body = String)))]
async fn metrics(
    State(server): State<Arc<ServerInfo>>,
    State(vitals): State<Arc<Vitals>>,
    State(figures): State<Arc<Figures>>,
    caller: Result<Operator, Problem>,
) -> Result<Response, Problem> {
    if !server.metrics_open {
        caller?;
    }
    // A store that fails must not hide what else is known: that is when it is looked at.
    let signs = vitals.read().await.inspect_err(|error| tracing::warn!(%error, "no vital signs"));
    figures.set_vitals(signs.ok().map(Into::into));
    for (effect, lags) in vitals.lags() {
        let quantiles = [("0.5", lags.p50), ("0.9", lags.p90), ("0.99", lags.p99), ("1", lags.max)];
        figures.set_freshness(effect.as_str(), quantiles);
    }
    let model = vitals.model();
    figures.set_model(model.views, model.is_sound, model.put_back);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], figures.exposition()).into_response())
}
