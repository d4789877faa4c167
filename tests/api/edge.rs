//! What holds for every route: problem documents, ids, traces, CORS, the description of the API.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn unknown_paths_and_methods_answer_problem_documents() {
    let app = TestApp::new().await;
    assert_eq!(app.get(&app.nobody(), "/v1/nothing").await.problem(404), "not_found");
    let answer = app.delete(&app.nobody(), "/livez").await;
    assert_eq!(answer.problem(405), "method_not_allowed");
    assert!(answer.headers.contains_key("allow"));
}

#[tokio::test]
async fn a_request_keeps_its_id_and_trace() {
    let app = TestApp::new().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = [("x-request-id", "mine-1"), ("traceparent", trace)];
    let answer = app.request(&app.nobody(), Method::GET, "/v1/creators/me", &sent, None).await;
    assert_eq!(answer.expect(401)["request_id"], "mine-1");
    assert_eq!(answer.headers["x-request-id"], "mine-1");
    assert!(answer.headers["traceparent"].to_str().unwrap().starts_with(&trace[..36]));
}

#[tokio::test]
async fn bad_bodies_are_refused_with_the_reason() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let unknown = json!({ "handel": "mina" });
    let answer = app.put(&mina, "/v1/creators/me", unknown).await.expect(400);
    assert!(answer["errors"][0]["detail"].as_str().unwrap().contains("handel"), "{answer}");

    let plain = [("content-type", "text/plain")];
    let answer = app.request(&mina, Method::PUT, "/v1/creators/me", &plain, None).await;
    assert_eq!(answer.problem(415), "unsupported_media_type");

    let json = [("content-type", "application/json")];
    let answer = app.request(&mina, Method::PUT, "/v1/creators/me", &json, None).await;
    assert_eq!(answer.problem(400), "invalid_request");

    let huge = json!({ "display_name": "x".repeat(600 * 1024) });
    let answer = app.put(&mina, "/v1/creators/me", huge).await;
    assert_eq!(answer.problem(413), "body_too_large");
}

#[tokio::test]
async fn any_origin_may_ask() {
    let app = TestApp::new().await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/creators/me")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization")
        .body(Body::empty())
        .unwrap();
    let answer = app.send(preflight).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization");
}

#[tokio::test]
async fn the_api_describes_itself() {
    let app = TestApp::new().await;
    let document = app.get(&app.nobody(), "/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let put = &document["paths"]["/v1/creators/me"]["put"];
    assert!(put["responses"]["default"]["content"]["application/problem+json"].is_object());
    assert_eq!(app.get(&app.nobody(), "/docs/").await.status, 200);
}
