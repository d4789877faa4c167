//! A bad network between nodes and a server: toxiproxy.

use std::time::Duration;

use serde_json::{Value, json};

use crate::servers::Servers;

/// A proxy before a server.
pub struct Proxy {
    http: reqwest::Client,
    api: String,
    /// Where nodes find the server behind it.
    pub address: String,
}

impl Proxy {
    /// A proxy of that name before `upstream` (`host:port`), which lets everything through.
    pub async fn new(servers: &Servers, name: &str, upstream: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let root = servers.variable("TOXIPROXY");
        let body = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream });
        let made = http.post(format!("{root}/proxies")).json(&body).send().await.unwrap();
        let made: Value = made.error_for_status().unwrap().json().await.unwrap();
        let address = made["listen"].as_str().unwrap().to_owned();
        Self { http, api: format!("{root}/proxies/{name}"), address }
    }

    async fn send(&self, path: &str, body: &Value) {
        let request = self.http.post(format!("{}{path}", self.api)).json(body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Lets everything through, or refuses connections and breaks those that are open.
    pub async fn open(&self, open: bool) {
        self.send("", &json!({ "enabled": open })).await;
    }

    /// Delays every answer.
    pub async fn delay(&self, delay: Duration) {
        let attributes = json!({ "latency": delay.as_millis() as u64 });
        let toxic = json!({ "name": "slow", "type": "latency", "attributes": attributes });
        self.send("/toxics", &toxic).await;
    }

    /// Ends the delay.
    pub async fn hurry(&self) {
        let request = self.http.delete(format!("{}/toxics/slow", self.api));
        request.send().await.unwrap().error_for_status().unwrap();
    }
}
