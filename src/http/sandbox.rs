//! The sandbox's bank: answers the challenge of a payment by hand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::id::PaymentId;
use crate::http::Api;
use crate::http::extract::{Body, PathId, Viewer};
use crate::http::problem::{Problem, ProblemKind};
use crate::ports::error::StoreError;
use crate::services::sandbox::{Answered, SandboxBank};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(answer_challenge))
}

/// What the buyer does at the bank.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeOutcome {
    /// Passes the challenge.
    Approve,
    /// Fails or refuses it.
    Refuse,
}

/// The answer to a challenge.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerChallenge {
    /// `approve` or `refuse`.
    outcome: ChallengeOutcome,
}

/// An answered challenge.
#[derive(Serialize, ToSchema)]
pub struct ChallengeView {
    /// `pay_…`
    payment_id: String,
    /// `approve` or `refuse`.
    outcome: ChallengeOutcome,
}

/// Answers the challenge of one of the caller's payments. Then complete the checkout again.
#[utoipa::path(post, path = "/v1/sandbox/payments/{id}/challenge", tag = "viewer",
    security(("bearer" = [])), params(("id" = String, Path)), request_body = AnswerChallenge,
    responses((status = 200, body = ChallengeView)))]
async fn answer_challenge(
    State(bank): State<Arc<SandboxBank>>,
    Viewer(caller): Viewer,
    PathId(payment): PathId<PaymentId>,
    Body(body): Body<AnswerChallenge>,
) -> Result<Json<ChallengeView>, Problem> {
    let approve = matches!(body.outcome, ChallengeOutcome::Approve);
    match bank.answer(caller.account, payment, approve).await? {
        Answered::Taken => {
            Ok(Json(ChallengeView { payment_id: payment.to_string(), outcome: body.outcome }))
        }
        Answered::Missing => Err(Problem::new(ProblemKind::NotFound, "no challenge waits here")),
        Answered::Otherwise => Err(StoreError::Conflict.into()),
    }
}
