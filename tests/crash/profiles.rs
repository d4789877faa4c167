//! A creator who changes the name again and again.

use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;

use crate::traffic::Client;
use crate::traffic::Traffic;

const PROFILE: &str = "/v1/creators/me";

#[derive(Clone, Copy, Default)]
struct Names {
    /// The number of the last name that was asked for.
    asked: u64,
    /// The number of the last one that was acknowledged.
    acknowledged: u64,
    facts: u64,
}

/// Names are numbers that grow.
pub struct Profiles {
    token: String,
    names: Mutex<Names>,
}

impl Profiles {
    pub fn new(token: String) -> Self {
        Self { token, names: Mutex::default() }
    }
}

#[async_trait]
impl Traffic for Profiles {
    async fn step(&self, client: &Client) -> Option<()> {
        let number = {
            let mut names = self.names.lock();
            names.asked += 1;
            names.asked
        };
        let body = json!({ "display_name": format!("name-{number}") });
        let request = client.request(Method::PUT, PROFILE, &self.token).json(&body);
        client.json(request, 200).await?;
        let mut names = self.names.lock();
        names.acknowledged = number;
        names.facts += 1;
        Some(())
    }

    async fn audit(&self, client: &Client) {
        let request = client.request(Method::GET, PROFILE, &self.token);
        let profile = client.json(request, 200).await.expect("the server is up");
        let name = profile["display_name"].as_str().unwrap();
        let number = name.strip_prefix("name-").map_or(0, |number| number.parse().unwrap());
        let Names { asked, acknowledged, .. } = *self.names.lock();
        assert!(
            (acknowledged..=asked).contains(&number),
            "name {acknowledged} was acknowledged and {asked} asked for, {number} is there"
        );
    }

    async fn finish(&self, client: &Client) {
        self.step(client).await.expect("the server is up");
        self.audit(client).await;
        let Names { asked, acknowledged, .. } = *self.names.lock();
        assert_eq!(asked, acknowledged);
    }

    fn facts(&self) -> u64 {
        self.names.lock().facts
    }
}
