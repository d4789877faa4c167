//! What viewers do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::event::{Event, EventKind};
use crate::domain::id::EventId;
use crate::domain::limits::EVENTS_PER_BATCH_MAX;
use crate::http::Api;
use crate::http::extract::{Body, Viewer, parse_json};
use crate::http::fields::{Checks, parse_rfc3339};
use crate::http::problem::Problem;
use crate::services::engagement::Engagement;
use crate::telemetry::figures::Figures;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(post_events))
}

/// A batch of events, at most 500.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PostEvents {
    /// In the order in which they happened.
    #[schema(value_type = Vec<EventBody>)]
    events: Vec<Box<RawValue>>,
}

/// One thing that happened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventBody {
    /// A new UUID per event; one that was sent before is dropped.
    #[schema(example = "0198c0de-0000-7000-8000-000000000001")]
    id: String,
    /// `impression`, `watch`, `like`, `unlike`, `save`, `share`, `follow`, `not_interested`,
    /// `hide_creator`, `report`, `tag_impression`, `tag_tap`, `preview_open`, `variant_select`,
    /// `add_to_cart` or `checkout_start`.
    #[serde(rename = "type")]
    #[schema(example = "watch")]
    kind: String,
    /// The clip; only `follow` and `hide_creator` may name a `creator_id` instead.
    clip_id: Option<String>,
    /// Who is followed or hidden.
    creator_id: Option<String>,
    /// Which product, for the events of the shop.
    product_id: Option<String>,
    /// The page on which it was shown.
    slate_id: Option<String>,
    /// The place on that page.
    position: Option<u32>,
    /// For `watch`: time on screen, all loops together.
    watch_ms: Option<u32>,
    /// For `watch`: full repetitions.
    loops: Option<u32>,
    /// RFC 3339, by the client's clock.
    occurred_at: String,
}

impl EventBody {
    fn check(self) -> Result<Event, Problem> {
        let mut checks = Checks::new();
        let id = uuid::Uuid::parse_str(&self.id);
        if id.is_err() {
            checks.refuse("/id", "is a UUID");
        }
        let kind = EventKind::from_word(&self.kind);
        if kind.is_none() {
            checks.refuse("/type", "is no known type of event");
        }
        let kind = match kind {
            Some(EventKind::Watch { .. }) => {
                if self.watch_ms.is_none() {
                    checks.refuse("/watch_ms", "is needed for `watch`");
                }
                let (watch_ms, loops) = (self.watch_ms, self.loops);
                let watch_ms = watch_ms.unwrap_or_default();
                Some(EventKind::Watch { watch_ms, loops: loops.unwrap_or_default() })
            }
            other => other,
        };
        let occurred_at = parse_rfc3339(&self.occurred_at);
        if occurred_at.is_none() {
            checks.refuse("/occurred_at", "is an RFC 3339 time such as 2026-01-31T12:00:00Z");
        }
        let clip = self.clip_id.map(|text| checks.parse("/clip_id", &text));
        let creator = self.creator_id.map(|text| checks.parse("/creator_id", &text));
        let product = self.product_id.map(|text| checks.parse("/product_id", &text));
        let slate = self.slate_id.map(|text| checks.parse("/slate_id", &text));
        checks.done()?;
        Ok(Event {
            id: EventId(id.map_or(0, |id| id.as_u128())),
            kind: kind.unwrap_or(EventKind::Impression),
            clip: clip.flatten(),
            creator: creator.flatten(),
            product: product.flatten(),
            slate: slate.flatten(),
            position: self.position,
            occurred_at: occurred_at.unwrap_or_default(),
        })
    }
}

/// What became of a batch.
#[derive(Serialize, ToSchema)]
struct EventsTaken {
    /// New events; they are durable and act on the caller's next page.
    accepted: usize,
    /// Events that were there already.
    duplicates: usize,
    /// Events that were not taken; sending them again does not help.
    rejected: Vec<EventRejected>,
    /// `GET /v1/feed?after=<watermark>` reflects the batch, on any node.
    watermark: String,
}

/// An event that was not taken.
#[derive(Serialize, ToSchema)]
struct EventRejected {
    /// Its place in the batch, from 0.
    index: usize,
    /// A stable word.
    code: String,
    /// What is wrong.
    detail: String,
}

/// Takes in what the caller did. Each event is judged for itself; 202 means that the good ones are
/// durable.
#[utoipa::path(post, path = "/v1/events", tag = "viewer", security(("bearer" = [])),
    request_body = PostEvents, responses((status = 202, body = EventsTaken)))]
async fn post_events(
    State(engagement): State<Arc<Engagement>>,
    State(figures): State<Arc<Figures>>,
    Viewer(caller): Viewer,
    Body(body): Body<PostEvents>,
) -> Result<(StatusCode, Json<EventsTaken>), Problem> {
    if body.events.len() > EVENTS_PER_BATCH_MAX {
        let detail = format!("has at most {EVENTS_PER_BATCH_MAX} events");
        return Err(Problem::field("/events", detail));
    }
    let (mut events, mut places, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for (index, raw) in body.events.iter().enumerate() {
        match parse_json::<EventBody>(raw.get().as_bytes()).and_then(EventBody::check) {
            Ok(event) => {
                events.push(event);
                places.push(index);
            }
            Err(problem) => {
                let detail = problem.errors().join("; ");
                rejected.push(EventRejected { index, code: "invalid_event".into(), detail });
            }
        }
    }
    let taken = engagement.take(caller.account, events).await?;
    rejected.extend(taken.rejected.iter().map(|(place, refusal)| EventRejected {
        index: places[*place],
        code: refusal.code().into(),
        detail: refusal.to_string(),
    }));
    rejected.sort_unstable_by_key(|one| one.index);
    let (accepted, duplicates) = (taken.accepted, taken.duplicates);
    figures.events(accepted, duplicates, rejected.len());
    let watermark = taken.watermark.to_string();
    Ok((StatusCode::ACCEPTED, Json(EventsTaken { accepted, duplicates, rejected, watermark })))
}
