//! Something to sell, and buyers who repeat a request until it is answered.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Actor, Answer};
use crate::server::Home;

/// A product with one variant on the shelf.
pub struct Goods {
    pub merchant: Actor,
    pub product: String,
    pub variant: String,
}

impl Goods {
    /// Puts units on the shelf, by way of a node.
    pub async fn new(home: &Home, node: &str, units: u64) -> Self {
        let merchant = home.actor("nord", &["merchant"]).await;
        let body = json!({ "title": "Camp mug", "category": "home/kitchen", "variants": [
            { "sku": "M", "title": "Oak", "price": { "amount": 1_999, "currency": "USD" } }] });
        let made = merchant.keyed(node, "/v1/products", "mug", &body).await.expect(201);
        let product = made["id"].as_str().unwrap().to_owned();
        let variant = made["variants"][0]["id"].as_str().unwrap().to_owned();
        let goods = Self { merchant, product, variant };
        goods.adjust(node, "begin", units as i64).await;
        goods
    }

    /// Adds units or takes some away.
    pub async fn adjust(&self, node: &str, key: &str, delta: i64) {
        let body = json!({ "variant_id": self.variant, "delta": delta, "reason": "count" });
        self.merchant.keyed(node, "/v1/inventory/adjustments", key, &body).await.expect(200);
    }

    /// The stock as (on hand, held).
    pub async fn stock(&self, node: &str) -> (u64, u64) {
        let path = format!("/v1/inventory/{}", self.variant);
        let level = self.merchant.get(node, &path).await.expect(200);
        (level["on_hand"].as_u64().unwrap(), level["held"].as_u64().unwrap())
    }

    /// A checkout of one unit.
    pub fn order(&self) -> Value {
        json!({
            "lines": [{ "variant_id": self.variant, "quantity": 1 }], "email": "vera@shop.example",
            "shipping_address": { "name": "Vera Lund", "line1": "1 Pine Road", "city": "Portland",
                "region": "OR", "postal_code": "97201", "country": "US" },
            "shipping_option": "standard",
        })
    }
}

/// Pays with the sandbox's good card.
pub fn pay() -> Value {
    json!({ "payment": { "provider": "sandbox", "method": "pm_approve" } })
}

/// Repeats a keyed request, at each node in turn, until it is answered. A 503 (a 504 on a machine that
/// is too busy), a first request that still runs and a broken connection are no answers.
pub async fn insist(
    who: &Actor,
    nodes: &[&str],
    (path, key, body): (&str, &str, &Value),
    within: Duration,
) -> Answer {
    let began = Instant::now();
    let mut last = String::new();
    for node in nodes.iter().cycle() {
        assert!(began.elapsed() < within, "{path} is not answered within {within:?}: {last}");
        let request = who.request(reqwest::Method::POST, node, path).json(body);
        match who.send(request.header("Idempotency-Key", key)).await {
            Ok(answer) if answer.status >= 500 || answer.text.contains("_in_progress") => {
                assert!(answer.headers.contains_key("retry-after"), "{}", answer.text);
                last = answer.text;
            }
            Ok(answer) => return answer,
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("nodes are not none")
}

/// The books balance, and all laws between the stores hold.
pub async fn check_books(home: &Home, node: &str) {
    let operator = home.actor("operator", &["operator"]).await;
    let laws = operator.get(node, "/v1/ops/invariants").await.expect(200);
    assert_eq!(laws["holds"], true, "{laws}");
    let balance = operator.get(node, "/v1/ops/trial-balance").await.expect(200);
    assert_eq!(balance["balanced"], true, "{balance}");
}
