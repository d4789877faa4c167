//! What our S3 client does beyond the port: styles of addresses, checksums, patience, signed links.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use parking_lot::Mutex;
use vitrine::adapters::s3::{Checksums, S3Config, S3Objects};
use vitrine::ports::error::StoreError;
use vitrine::ports::objects::{ObjectKey, ObjectStore as _};

use crate::backends;
use crate::backends::TcpServer;

/// A server that gives every request the same answer, and remembers what it was asked.
#[derive(Clone, Debug, Default)]
struct Fixed {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    asked: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicU32>,
}

impl HttpConnector for Fixed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.asked.lock().push(request.uri().to_owned());
        let status = self.status.try_into().unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(self.body));
        for (name, value) in &self.headers {
            response.headers_mut().insert(*name, *value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Fixed {
    fn store(&self, config: &S3Config) -> S3Objects {
        let this = self.clone();
        let client: SharedHttpClient =
            http_client_fn(move |_, _| SharedHttpConnector::new(this.clone()));
        S3Objects::new(config, Some(client))
    }
}

fn key() -> ObjectKey {
    ObjectKey::parse("clips/1/a.m4s").unwrap()
}

#[tokio::test]
async fn the_bucket_stands_in_the_path_or_in_the_host() {
    let cases = [
        (Some("https://s3.example.com"), true, "https://s3.example.com/vitrine/clips/1/a.m4s"),
        (Some("https://s3.example.com"), false, "https://vitrine.s3.example.com/clips/1/a.m4s"),
        (Some("http://127.0.0.1:9000"), true, "http://127.0.0.1:9000/vitrine/clips/1/a.m4s"),
        (None, false, "https://vitrine.s3.eu-central-1.amazonaws.com/clips/1/a.m4s"),
    ];
    for (endpoint, path_style, expected) in cases {
        let endpoint = endpoint.map(str::to_owned);
        let config = S3Config::new(endpoint, "eu-central-1", "vitrine", "access", "secret");
        let server = Fixed { status: 404, ..Fixed::default() };
        let store = server.store(&S3Config { path_style, ..config });
        assert!(store.head(&key()).await.unwrap().is_none());
        assert_eq!(server.asked.lock().as_slice(), [expected]);
        let link = store.presigned_get(&key(), Duration::from_mins(1)).await.unwrap();
        assert!(link.starts_with(&format!("{expected}?")), "{link}");
    }
}

/// The server keeps the checksum of `abc`; what comes is checked against it.
#[tokio::test]
async fn a_body_that_was_changed_on_the_way_is_damaged() {
    let read = async |body: &'static str, checksums: Checksums| {
        let headers = vec![("content-length", "3"), ("x-amz-checksum-crc32", "NSRBwg==")];
        let server = Fixed { status: 200, headers, body, ..Fixed::default() };
        let config = backends::client_config("http://s3.internal");
        let store = server.store(&S3Config { checksums, ..config });
        let read = store.get(&key(), None).await.unwrap().unwrap();
        read.bytes.try_collect::<Vec<Bytes>>().await.map(|bytes| bytes.concat())
    };
    assert_eq!(read("abc", Checksums::WhenSupported).await.unwrap(), b"abc");
    let damaged = read("abd", Checksums::WhenSupported).await;
    match damaged {
        Err(StoreError::Corrupt { table: "objects", key, detail }) => {
            assert_eq!(key, "vitrine/clips/1/a.m4s");
            assert!(detail.contains("checksum"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read("abd", Checksums::WhenRequired).await.unwrap(), b"abd", "as configured");
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again_and_not_for_ever() {
    for (status, tries) in [(503, 3), (500, 3), (403, 1), (400, 1)] {
        let server = Fixed { status, ..Fixed::default() };
        let store = server.store(&backends::client_config("http://s3.internal"));
        let began = tokio::time::Instant::now();
        let put = store.put(&key(), "text/plain", Bytes::from_static(b"abc")).await;
        let refused = matches!(put, Err(StoreError::Unavailable(_)));
        assert_eq!(refused, status != 500, "{status}: {put:?}");
        assert!(refused || matches!(put, Err(StoreError::OutcomeUnknown(_))));
        assert_eq!(server.count.load(Ordering::Relaxed), tries, "{status}");
        assert!(began.elapsed() < Duration::from_secs(10), "{status}");
    }
}

/// A bucket that is missing is an operator's mistake, not a missing object.
async fn a_missing_bucket_is_said(config: &S3Config) {
    let store =
        S3Objects::new(&S3Config { bucket: "nowhere-at-all".into(), ..config.clone() }, None);
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.get(&key(), None).await, Err(StoreError::Unavailable(_))));
    let put = store.put(&key(), "text/plain", Bytes::from_static(b"abc")).await;
    assert!(matches!(put, Err(StoreError::Unavailable(_))), "{put:?}");
    let stranger = S3Objects::new(&S3Config { secret_key: "wrong".into(), ..config.clone() }, None);
    assert!(matches!(stranger.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(stranger.get(&key(), None).await, Err(StoreError::Unavailable(_))));
}

async fn links_need_no_keys(config: &S3Config) {
    // Whoever comes second finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let store = S3Objects::new(config, None);
    let minute = Duration::from_mins(1);
    let put = store.presigned_put(&key(), "video/mp4", 10, minute).await.unwrap();
    let send = |kind: &'static str, body: &'static str| {
        http.put(&put).header("content-type", kind).body(body).send()
    };
    assert_eq!(send("text/html", "0123456789").await.unwrap().status(), 403, "signed type");
    assert_eq!(send("video/mp4", "0123").await.unwrap().status(), 403, "signed length");
    assert_eq!(send("video/mp4", "0123456789").await.unwrap().status(), 200);
    let head = store.head(&key()).await.unwrap().unwrap();
    assert_eq!((head.len, head.content_type.as_str()), (10, "video/mp4"));

    let get = store.presigned_get(&key(), minute).await.unwrap();
    assert_eq!(http.get(&get).send().await.unwrap().text().await.unwrap(), "0123456789");
    let part = http.get(&get).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap().as_str()), (206, "234"));
    assert_eq!(http.delete(&get).send().await.unwrap().status(), 403);
    let other = get.replace("a.m4s", "b.m4s");
    assert_eq!(http.get(other).send().await.unwrap().status(), 403);
    let ages = store.presigned_get(&key(), Duration::from_hours(24 * 30)).await;
    assert!(ages.is_err(), "S3 allows a week");
}

#[tokio::test]
async fn our_server_tells_mistakes_and_takes_links() {
    let server = TcpServer::start().await;
    let config = backends::client_config(&server.url());
    a_missing_bucket_is_said(&config).await;
    links_need_no_keys(&config).await;
}

#[tokio::test]
async fn an_outside_s3_tells_mistakes_and_takes_links() {
    let config = backends::outside().await;
    a_missing_bucket_is_said(&config).await;
    links_need_no_keys(&config).await;
}
