//! A collector of traces: OTLP over HTTP, decoded with the protocol's own types.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Spans that have not come by then will not come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What came in.
#[derive(Default)]
struct Taken {
    exports: u64,
    key: Option<String>,
    bytes: Vec<u8>,
    resources: Vec<KeyValue>,
    spans: Vec<Span>,
}

/// A listening collector; it goes when it is dropped.
pub struct Collector {
    /// What `traces.otlp_endpoint` must be.
    pub url: String,
    taken: Arc<Mutex<Taken>>,
    _serving: JoinSet<()>,
}

async fn take(State(taken): State<Arc<Mutex<Taken>>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body.as_ref()).expect("it is OTLP");
    let mut taken = taken.lock();
    taken.exports += 1;
    taken.key = headers.get("x-key").map(|key| key.to_str().unwrap().to_owned());
    taken.bytes.extend_from_slice(&body);
    for group in request.resource_spans {
        taken.resources = group.resource.expect("spans tell where they are from").attributes;
        taken.spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
}

impl Collector {
    /// Takes whatever comes.
    pub async fn start() -> Self {
        let taken = Arc::new(Mutex::new(Taken::default()));
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, taken, _serving: serving }
    }

    /// Connections are accepted by the kernel, and nobody ever answers.
    pub async fn hanging() -> (String, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (format!("http://{}", listener.local_addr().unwrap()), listener)
    }

    /// How many exports came.
    pub fn exports(&self) -> u64 {
        self.taken.lock().exports
    }

    /// The header `x-key` of the last export.
    pub fn key(&self) -> Option<String> {
        self.taken.lock().key.clone()
    }

    /// All bytes that came.
    pub fn bytes(&self) -> Vec<u8> {
        self.taken.lock().bytes.clone()
    }

    /// What the last export said of its origin.
    pub fn resource(&self, key: &str) -> Option<String> {
        find(&self.taken.lock().resources, key)
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Span> {
        self.taken.lock().spans.clone()
    }

    /// Waits for a span.
    pub async fn span(&self, is_wanted: impl Fn(&Span) -> bool) -> Span {
        let began = Instant::now();
        loop {
            if let Some(span) = self.spans().into_iter().find(|span| is_wanted(span)) {
                return span;
            }
            assert!(began.elapsed() < PATIENCE, "it did not come; there are {:#?}", self.spans());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// An attribute as text.
pub fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let value = found.value.as_ref()?.value.as_ref()?;
    if let Value::IntValue(number) = value {
        return Some(number.to_string());
    }
    let Value::StringValue(text) = value else { panic!("{key} is {value:?}") };
    Some(text.clone())
}
