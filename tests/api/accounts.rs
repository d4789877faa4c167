//! Profiles and guests.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_account_comes_into_being_on_first_use_and_keeps_its_names() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let fresh = app.get(&mina, "/v1/creators/me").await.expect(200);
    assert_eq!(fresh["id"], mina.id.to_string());
    assert!(fresh["handle"].as_str().unwrap().starts_with("user-"));

    let edit = json!({ "handle": "mina.makes", "display_name": "Mina" });
    app.put(&mina, "/v1/creators/me", edit).await.expect(200);
    app.put(&mina, "/v1/creators/me", json!({ "market": "DE" })).await.expect(200);
    let kept = app.get(&mina, "/v1/creators/me").await.expect(200);
    assert_eq!((&kept["handle"], &kept["market"]), (&json!("mina.makes"), &json!("DE")));
}

#[tokio::test]
async fn a_shop_has_a_name_of_its_own() {
    let app = TestApp::new().await;
    let nord = app.merchant("nord");
    app.put(&nord, "/v1/merchants/me", json!({ "display_name": "Nord Goods" })).await.expect(200);
    let shop = app.get(&nord, "/v1/merchants/me").await.expect(200);
    assert_eq!(shop["display_name"], "Nord Goods");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let edit = json!({ "handle": "No Spaces", "display_name": "", "market": "Germany" });
    let problem = app.put(&mina, "/v1/creators/me", edit).await.expect(400);
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/handle", "/display_name", "/market"]);
}

#[tokio::test]
async fn scopes_and_tokens_are_checked() {
    let app = TestApp::new().await;
    let viewer = app.viewer("vera");
    assert_eq!(app.get(&viewer, "/v1/creators/me").await.problem(403), "insufficient_scope");
    let nobody = app.nobody();
    let answer = app.get(&nobody, "/v1/creators/me").await;
    assert_eq!(answer.problem(401), "unauthenticated");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_guest_gets_a_token_that_works() {
    let app = TestApp::new().await;
    let answer = app.post(&app.nobody(), "/v1/guest-tokens", json!({})).await.expect(201);
    let token = answer["token"].as_str().unwrap();
    assert!(app.app.api.access.authenticate(token).is_ok());
}
