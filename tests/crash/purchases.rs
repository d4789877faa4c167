//! A buyer who buys the same thing again and again, and repeats each request until it is answered.

use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use crate::traffic::Client;
use crate::traffic::Traffic;

/// Units to begin with: more than any run buys.
const UNITS: u64 = 1_000_000;
/// Repetitions of a request that is still being worked on after a crash, at the end.
const TRIES_MAX: u32 = 200;

#[derive(Default)]
struct Bought {
    variant: Option<String>,
    stocked: bool,
    /// The order of each purchase that was acknowledged, by its number.
    orders: Vec<String>,
    facts: u64,
}

/// One merchant with one variant, and its one buyer.
pub struct Purchases {
    merchant: String,
    buyer: String,
    bought: Mutex<Bought>,
}

impl Purchases {
    pub fn new(merchant: String, buyer: String) -> Self {
        Self { merchant, buyer, bought: Mutex::default() }
    }

    /// A keyed request; `None` when it was not answered, or is still being worked on.
    async fn keyed(
        &self,
        client: &Client,
        who: &str,
        at: &str,
        key: &str,
        body: Value,
    ) -> Option<Value> {
        let request =
            client.request(Method::POST, at, who).header("Idempotency-Key", key).json(&body);
        let answer = client.send(request).await?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        if status == 503 || (status == 409 && text.contains("idempotency_in_progress")) {
            return None;
        }
        assert!(status == 200 || status == 201, "{at}: {status} {text}");
        self.bought.lock().facts += 1;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The variant, made and stocked once however often this is begun.
    async fn variant(&self, client: &Client) -> Option<String> {
        let known = self.bought.lock().variant.clone();
        let variant = if let Some(variant) = known {
            variant
        } else {
            let body = json!({ "title": "Mug", "category": "home/kitchen", "variants": [
                { "sku": "M", "title": "Oak", "price": { "amount": 1_999, "currency": "USD" } }] });
            let made = self.keyed(client, &self.merchant, "/v1/products", "mug", body).await?;
            let variant = made["variants"][0]["id"].as_str().unwrap().to_owned();
            self.bought.lock().variant = Some(variant.clone());
            variant
        };
        if !self.bought.lock().stocked {
            let body = json!({ "variant_id": variant, "delta": UNITS, "reason": "restock" });
            let at = "/v1/inventory/adjustments";
            self.keyed(client, &self.merchant, at, "stock", body).await?;
            self.bought.lock().stocked = true;
        }
        Some(variant)
    }

    /// Buys one unit under the keys of purchase `number`; answers the order.
    async fn buy(&self, client: &Client, variant: &str, number: usize) -> Option<String> {
        let body = json!({
            "lines": [{ "variant_id": variant, "quantity": 1 }], "email": "vera@shop.example",
            "shipping_address": { "name": "Vera Lund", "line1": "1 Pine Road", "city": "Portland",
                "region": "OR", "postal_code": "97201", "country": "US" },
            "shipping_option": "standard",
        });
        let key = format!("open-{number}");
        let checkout = self.keyed(client, &self.buyer, "/v1/checkouts", &key, body).await?;
        let at = format!("/v1/checkouts/{}/complete", checkout["id"].as_str().unwrap());
        let body = json!({ "payment": { "provider": "sandbox", "method": "pm_approve" } });
        let done = self.keyed(client, &self.buyer, &at, &format!("pay-{number}"), body).await?;
        Some(done["order"]["id"].as_str().expect("an order is placed").to_owned())
    }
}

#[async_trait]
impl Traffic for Purchases {
    async fn step(&self, client: &Client) -> Option<()> {
        let variant = self.variant(client).await?;
        let number = self.bought.lock().orders.len();
        let order = self.buy(client, &variant, number).await?;
        self.bought.lock().orders.push(order);
        Some(())
    }

    async fn audit(&self, client: &Client) {
        let (variant, orders) = {
            let bought = self.bought.lock();
            (bought.variant.clone(), bought.orders.clone())
        };
        for order in orders.iter().rev().take(5) {
            let request = client.request(Method::GET, &format!("/v1/orders/{order}"), &self.buyer);
            let found = client.json(request, 200).await.expect("the server is up");
            assert_eq!(found["payment"]["state"], "captured", "{found}");
        }
        if let (Some(variant), Some(last)) = (variant, orders.last()) {
            let again = self.buy(client, &variant, orders.len() - 1).await;
            assert_eq!(again.as_ref(), Some(last), "a repetition finds the first order");
        }
    }

    async fn finish(&self, client: &Client) {
        let mut tries = 0;
        while self.step(client).await.is_none() {
            tries += 1;
            assert!(tries < TRIES_MAX, "the last purchase is never answered");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let (variant, orders) = {
            let bought = self.bought.lock();
            (bought.variant.clone().unwrap(), bought.orders.clone())
        };
        let at = format!("/v1/inventory/{variant}");
        let stock =
            client.json(client.request(Method::GET, &at, &self.merchant), 200).await.unwrap();
        // One unit an order, whatever was repeated: none oversold, none lost.
        assert_eq!(stock["on_hand"], json!(UNITS - orders.len() as u64), "{stock}");
        assert_eq!(stock["held"], json!(0), "{stock}");
    }

    fn facts(&self) -> u64 {
        self.bought.lock().facts
    }
}
