//! Chromium through its driver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// How long a condition may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(40);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// A browser with one page.
pub struct Browser {
    client: Client,
    driver: Driver,
    profile: tempfile::TempDir,
}

/// The driver's process, ended with its browser.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by `make test`");
        let output = BufReader::new(process.stdout.take().unwrap());
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once("started successfully on port ")?;
                rest.trim_end_matches('.').parse().ok()
            })
            .expect("the driver says its port");
        Self { process, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Browser {
    /// A headless window of that size.
    pub async fn open((width, height): (u32, u32), more: &[&str]) -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().unwrap();
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--autoplay-policy=no-user-gesture-required".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts");
        Self { client, driver, profile }
    }

    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Runs a script and answers what it returns.
    pub async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until a script returns true.
    pub async fn until(&self, what: &str, script: &str) {
        let all = async {
            while self.script(script).await != Value::Bool(true) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if tokio::time::timeout(DEADLINE, all).await.is_err() {
            let page = self.script("return document.body.innerText").await;
            let log = self.complaints().await;
            panic!("not in time: {what}\npage: {page}\nconsole: {log:?}");
        }
    }

    pub async fn appears(&self, id: &str) {
        let script = format!(
            "return [...document.querySelectorAll('[data-testid={id}]')].some((e) => e.checkVisibility())"
        );
        self.until(&format!("`{id}` appears"), &script).await;
    }

    /// Waits for an element and clicks it where a finger would.
    pub async fn click(&self, id: &str) {
        self.appears(id).await;
        self.until(
            &format!("`{id}` is enabled"),
            &format!("return !document.querySelector('[data-testid={id}]').disabled"),
        )
        .await;
        let at = format!("[data-testid={id}]");
        let all = async {
            // A sheet that is still sliding covers it for a moment.
            while self.client.find(Locator::Css(&at)).await.unwrap().click().await.is_err() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        tokio::time::timeout(DEADLINE, all)
            .await
            .unwrap_or_else(|_| panic!("`{id}` stays covered"));
    }

    /// Clicks the one that is shown now, of several in the page.
    pub async fn click_visible(&self, id: &str) {
        let script = format!(
            "const e = [...document.querySelectorAll('[data-testid=clip][data-active=true] \
             [data-testid={id}]')].find((e) => e.checkVisibility({{ visibilityProperty: true, \
             opacityProperty: true }})); if (!e) return false; e.click(); return true"
        );
        self.until(&format!("a visible `{id}`"), &script).await;
    }

    pub async fn fill(&self, id: &str, text: &str) {
        self.appears(id).await;
        let field = self.client.find(Locator::Css(&format!("[data-testid={id}]"))).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub async fn choose(&self, id: &str, value: &str) {
        let field = self.client.find(Locator::Css(&format!("[data-testid={id}]"))).await.unwrap();
        field.select_by_value(value).await.unwrap();
    }

    pub async fn text(&self, id: &str) -> String {
        self.appears(id).await;
        let found = self.client.find(Locator::Css(&format!("[data-testid={id}]"))).await.unwrap();
        found.text().await.unwrap()
    }

    /// Presses a key on whatever has the focus.
    pub async fn press(&self, key: &str) {
        let script = format!(
            "(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', \
             {{ key: {key:?}, code: {key:?}, bubbles: true, cancelable: true }}))"
        );
        self.script(&script).await;
    }

    /// Waits until scrolling has come to rest.
    pub async fn settle(&self) {
        let script = "const f = document.querySelector('[data-testid=feed]'); const y = f.scrollTop; \
            const still = window.lastY === y; window.lastY = y; return still";
        self.until("scrolling rests", script).await;
    }

    /// Errors on the console, but for the refusal that the test provokes.
    pub async fn complaints(&self) -> Vec<String> {
        let session = self.client.session_id().await.unwrap().unwrap();
        let url = format!("http://127.0.0.1:{}/session/{session}/se/log", self.driver.port);
        let request = reqwest::Client::new().post(url).json(&json!({ "type": "browser" }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let entries = answer["value"].as_array().expect("the driver keeps a log").iter();
        let severe = entries.filter(|entry| entry["level"] == "SEVERE");
        let texts = severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        texts.filter(|text| !text.contains("status of 402")).collect()
    }

    pub async fn close(self) {
        drop(self.client.clone().close().await);
    }
}

impl Drop for Browser {
    /// A failed test must not leave a browser behind: the driver's end does not end it.
    fn drop(&mut self) {
        let profile = format!("user-data-dir={}", self.profile.path().display());
        drop(Command::new("pkill").args(["-KILL", "-f", &profile]).status());
    }
}
