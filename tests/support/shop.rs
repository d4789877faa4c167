//! A merchant with something to sell, and buyers.

use serde_json::{Value, json};

use super::{Actor, Answer, TestApp};

/// A product with one variant on the shelf.
pub struct Goods {
    pub merchant: Actor,
    pub product: String,
    pub variant: String,
}

/// A product with one variant at that price, in cents.
pub fn mug(price: i64) -> Value {
    json!({
        "title": "Camp mug", "description": "Holds tea.", "brand": "Nord",
        "category": "home/kitchen", "image_urls": ["/media/mug.jpg"],
        "variants": [{
            "sku": "MUG-OAK", "title": "Oak", "options": { "colour": "oak" },
            "price": { "amount": price, "currency": "USD" }
        }]
    })
}

/// Where every parcel of these tests goes.
pub fn address() -> Value {
    json!({
        "name": "Vera Viewer", "line1": "1 Main St", "line2": null, "city": "Springfield",
        "region": "OR", "postal_code": "97477", "country": "US"
    })
}

/// A checkout of these lines.
pub fn order_of(lines: &Value) -> Value {
    json!({
        "lines": lines, "email": "vera@shop.example", "shipping_address": address(),
        "shipping_option": "standard"
    })
}

/// Pays with that method of the sandbox.
pub fn pay(method: &str) -> Value {
    json!({ "payment": { "provider": "sandbox", "method": method } })
}

impl TestApp {
    /// Puts `units` of a mug at `price` cents on the shelf.
    pub async fn goods(&self, price: i64, units: u32) -> Goods {
        let merchant = self.merchant("nord");
        let made = self.post(&merchant, "/v1/products", mug(price)).await.expect(201);
        let variant = made["variants"][0]["id"].as_str().unwrap().to_owned();
        self.restock(&merchant, &variant, units).await;
        Goods { merchant, product: made["id"].as_str().unwrap().to_owned(), variant }
    }

    /// Adds units.
    pub async fn restock(&self, merchant: &Actor, variant: &str, units: u32) -> Value {
        let body = json!({ "variant_id": variant, "delta": units, "reason": "restock" });
        let key = format!("restock-{variant}-{units}");
        self.post_keyed(merchant, "/v1/inventory/adjustments", &key, body).await.expect(200)
    }

    /// The stock as (on hand, held).
    pub async fn stock(&self, goods: &Goods) -> (u64, u64) {
        let path = format!("/v1/inventory/{}", goods.variant);
        let level = self.get(&goods.merchant, &path).await.expect(200);
        (level["on_hand"].as_u64().unwrap(), level["held"].as_u64().unwrap())
    }

    /// Opens a checkout for `quantity` of the goods.
    pub async fn open(&self, buyer: &Actor, goods: &Goods, quantity: u32, key: &str) -> Answer {
        let lines = json!([{ "variant_id": goods.variant, "quantity": quantity }]);
        self.post_keyed(buyer, "/v1/checkouts", key, order_of(&lines)).await
    }

    /// Pays a checkout.
    pub async fn complete(&self, buyer: &Actor, id: &str, method: &str, key: &str) -> Answer {
        let path = format!("/v1/checkouts/{id}/complete");
        self.post_keyed(buyer, &path, key, pay(method)).await
    }

    /// Opens a checkout that must open; answers its id.
    pub async fn opened(&self, buyer: &Actor, goods: &Goods, quantity: u32, key: &str) -> String {
        let open = self.open(buyer, goods, quantity, key).await.expect(201);
        open["id"].as_str().unwrap().to_owned()
    }

    /// Checks all laws between the stores and that the books balance.
    pub async fn check_books(&self) -> Value {
        let laws = self.get(&self.operator(), "/v1/ops/invariants").await.expect(200);
        assert_eq!(laws["holds"], true, "{laws}");
        let balance = self.get(&self.operator(), "/v1/ops/trial-balance").await.expect(200);
        assert_eq!(balance["balanced"], true, "{balance}");
        balance
    }
}
