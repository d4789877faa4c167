//! The log: lines of a request carry its id, and none carries what people would not want there.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use vitrine::domain::limits::HOLD_TTL_MS;
use vitrine::telemetry::LogFormat;
use vitrine::telemetry::log::subscriber;

use crate::support::TestApp;
use crate::support::shop::{order_of, pay};

/// A log in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn lines_carry_the_request_and_nothing_about_people() {
    let lines = Lines::default();
    let log = subscriber("vitrine=trace", LogFormat::Json, false, lines.clone()).unwrap();
    let _installed = tracing::subscriber::set_default(log);
    // With one log in the process, the first thread that comes by decides for all whether a line is
    // wanted, and other tests have no log. With two it is asked every time.
    let _second =
        tracing::Dispatch::new(subscriber("off", LogFormat::Json, false, lines.clone()).unwrap());
    let app = TestApp::new().await;
    let goods = app.goods(1_999, 5).await;
    let vera = app.viewer("vera-the-subject");
    let order = order_of(&serde_json::json!([{ "variant_id": goods.variant, "quantity": 1 }]));
    let sent = [("x-request-id", "request-7"), ("idempotency-key", "key-7")];
    let open = app.request(&vera, Method::POST, "/v1/checkouts", &sent, Some(order)).await;
    let id = open.expect(201)["id"].as_str().unwrap().to_owned();
    app.complete(&vera, &id, "pm_approve", "p1").await.expect(200);
    let other = app.opened(&vera, &goods, 1, "o2").await;
    app.complete(&vera, &other, "pm_decline", "p2").await;
    app.clock.advance_ms(HOLD_TTL_MS + 1);
    app.reconcile().await;
    let wrong =
        serde_json::json!({ "email": "wrong@shop.example", "nickname": "Vee", "pay": pay("x") });
    app.post_keyed(&vera, "/v1/checkouts", "o3", wrong).await.problem(400);

    let text = lines.text();
    let parsed: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let ours = |line: &&Value| {
        line["span"]["request_id"] == "request-7" || line["request_id"] == "request-7"
    };
    let of_request: Vec<&Value> = parsed.iter().filter(ours).collect();
    let answered = of_request.iter().any(|line| line["status"] == 201);
    assert!(answered && of_request.len() > 1, "{of_request:?}");
    let token = vera.token().unwrap();
    let private = [
        "vera@shop.example",
        "wrong@shop.example",
        "Vera Viewer",
        "1 Main St",
        "97477",
        "Vee",
        "vera-the-subject",
        "key-7",
        token.as_str(),
        &vera.id.to_string(),
    ];
    for word in private {
        let leak = text.lines().find(|line| line.contains(word));
        assert!(leak.is_none(), "`{word}` is in the log: {leak:?}");
    }
}
