//! The contract of the object store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpClient as _;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use tokio::task::JoinSet;
use vitrine::adapters::s3::{Checksums, S3Config, S3Objects};
use vitrine::adapters::s3_server;
use vitrine::ports::error::StoreError;
use vitrine::ports::objects::ByteRange;
use vitrine::ports::objects::ObjectKey;
use vitrine::ports::objects::ObjectPrefix;
use vitrine::ports::objects::ObjectRead;
use vitrine::ports::objects::ObjectStore;

use crate::backends;

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn prefix(text: &str) -> ObjectPrefix {
    ObjectPrefix::parse(text).unwrap()
}

/// Bytes that differ from place to place.
fn pattern(len: usize) -> Bytes {
    (0..len).map(|index| (index.wrapping_mul(31) ^ (index >> 9)) as u8).collect()
}

async fn collect(read: ObjectRead) -> Result<Vec<u8>, StoreError> {
    read.bytes
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

async fn bytes_of(store: &dyn ObjectStore, at: &ObjectKey) -> Option<Vec<u8>> {
    match store.get(at, None).await.unwrap() {
        Some(read) => Some(collect(read).await.unwrap()),
        None => None,
    }
}

/// Everything under the prefix, page by page.
async fn list(store: &dyn ObjectStore, under: &ObjectPrefix, limit: u32) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_prefix(under, after.as_ref(), limit).await.unwrap();
        assert!(page.objects.len() <= limit as usize);
        keys.extend(page.objects.into_iter().map(|entry| entry.key.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => return keys,
        }
    }
}

/// Whether a server can have both `a` and `a/b`, as S3 can. One that keeps objects as plain files cannot,
/// and no key of this engine needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    LikeS3,
    OfPlainFiles,
}

/// Runs every case over `store`, beneath a prefix of its own that is empty again at the end.
async fn object_store_contract(store: Arc<dyn ObjectStore>, kind: Server) {
    let base = format!("contract-{}", std::process::id());
    round_trip(&*store, &base).await;
    absence(&*store, &base).await;
    ranges(&*store, &base).await;
    large_objects(&*store, &base).await;
    odd_keys(&*store, &base, kind).await;
    overwriting_is_atomic(&store, &base, kind).await;
    lists_are_ordered_and_paged(&store, &base).await;
    while store.delete_prefix(&prefix(&format!("{base}/")), 1_000).await.unwrap() == 1_000 {}
    assert_eq!(list(&*store, &prefix(&base), 10).await, [""; 0]);
}

async fn round_trip(store: &dyn ObjectStore, base: &str) {
    let at = key(&format!("{base}/round/trip.m4s"));
    for bytes in [pattern(100_000), Bytes::new(), Bytes::from_static(b"x")] {
        store.put(&at, "video/iso.segment", bytes.clone()).await.unwrap();
        let read = store.get(&at, None).await.unwrap().unwrap();
        assert_eq!(read.range, 0..bytes.len() as u64);
        assert_eq!(read.meta.len, bytes.len() as u64);
        assert_eq!(read.meta.content_type, "video/iso.segment");
        let head = store.head(&at).await.unwrap().unwrap();
        assert_eq!(head, read.meta);
        assert!(!head.etag.is_empty() && !head.etag.contains('"'));
        assert_eq!(collect(read).await.unwrap(), bytes);
    }
    let before = store.head(&at).await.unwrap().unwrap();
    store.put(&at, "text/plain", Bytes::from_static(b"y")).await.unwrap();
    let after = store.head(&at).await.unwrap().unwrap();
    assert_ne!(before.etag, after.etag, "other bytes, other etag");
    assert_eq!(after.content_type, "text/plain");
}

async fn absence(store: &dyn ObjectStore, base: &str) {
    let nowhere = key(&format!("{base}/nowhere/at/all"));
    assert!(store.get(&nowhere, None).await.unwrap().is_none());
    assert!(store.get(&nowhere, Some(ByteRange::From(3))).await.unwrap().is_none());
    assert!(store.get(&nowhere, Some(ByteRange::Last(0))).await.unwrap().is_none());
    assert!(store.head(&nowhere).await.unwrap().is_none());
    store.delete(&nowhere).await.unwrap();

    let gone = key(&format!("{base}/gone"));
    store.put(&gone, "text/plain", Bytes::from_static(b"x")).await.unwrap();
    store.delete(&gone).await.unwrap();
    assert!(store.get(&gone, None).await.unwrap().is_none());
    assert!(store.head(&gone).await.unwrap().is_none());
    let missing = std::path::Path::new("/nowhere/at/all");
    let refused = store.put_file(&gone, "text/plain", missing).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

async fn ranges(store: &dyn ObjectStore, base: &str) {
    let (at, empty) = (key(&format!("{base}/ranges")), key(&format!("{base}/empty")));
    let bytes = pattern(200_000);
    store.put(&at, "video/mp4", bytes.clone()).await.unwrap();
    store.put(&empty, "video/mp4", Bytes::new()).await.unwrap();
    let wanted = [
        ByteRange::From(0),
        ByteRange::From(199_999),
        ByteRange::From(200_000),
        ByteRange::From(u64::MAX / 4),
        ByteRange::Span(0, 1),
        ByteRange::Span(65_535, 65_537),
        ByteRange::Span(100, 1 << 40),
        ByteRange::Span(5, 5),
        ByteRange::Span(300_000, 300_010),
        ByteRange::Last(1),
        ByteRange::Last(0),
        ByteRange::Last(1 << 40),
    ];
    for range in wanted {
        let read = store.get(&at, Some(range)).await.unwrap().unwrap();
        let expected = range.within(200_000);
        assert_eq!(read.range, expected, "{range:?}");
        assert_eq!(read.meta.len, 200_000, "{range:?}");
        let expected = &bytes[expected.start as usize..expected.end as usize];
        assert_eq!(collect(read).await.unwrap(), expected, "{range:?}");

        let nothing = store.get(&empty, Some(range)).await.unwrap().unwrap();
        assert!(nothing.range.is_empty(), "{range:?}");
        assert_eq!(collect(nothing).await.unwrap(), b"", "{range:?}");
    }
}

async fn large_objects(store: &dyn ObjectStore, base: &str) {
    let bytes = pattern(12 * 1024 * 1024 + 17);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let (first, second) = (key(&format!("{base}/large/1")), key(&format!("{base}/large/2")));
    let sent = store.put_file(&first, "video/mp4", file.path()).await.unwrap();
    assert_eq!(sent, bytes.len() as u64);
    store.put(&second, "video/mp4", bytes.clone()).await.unwrap();
    for at in [&first, &second] {
        let head = store.head(at).await.unwrap().unwrap();
        assert_eq!((head.len, head.content_type.as_str()), (sent, "video/mp4"));
        assert!(bytes_of(store, at).await.unwrap() == bytes, "{at} is not what was put");
        // Across the seam of two parts.
        let seam = 5 * 1024 * 1024;
        let range = ByteRange::Span(seam - 3, seam + 3);
        let read = store.get(at, Some(range)).await.unwrap().unwrap();
        let expected = &bytes[seam as usize - 3..seam as usize + 3];
        assert_eq!(collect(read).await.unwrap(), expected);
    }
    let small = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(small.path(), b"small").unwrap();
    assert_eq!(store.put_file(&first, "text/plain", small.path()).await.unwrap(), 5);
    assert_eq!(bytes_of(store, &first).await.unwrap(), b"small");
}

async fn odd_keys(store: &dyn ObjectStore, base: &str, kind: Server) {
    let mut names = vec!["a", "b/c/d", "a.o", "a.d", "a-/x", "A", "...", "it's(1)*!", "k=v+1@~,_"];
    if kind == Server::LikeS3 {
        names.extend(["a/b", "a/b/c", "a.d/x"]);
    }
    let keys: Vec<ObjectKey> =
        names.iter().map(|name| key(&format!("{base}/odd/{name}"))).collect();
    for at in &keys {
        store.put(at, "text/plain", Bytes::from(at.to_string())).await.unwrap();
    }
    for at in &keys {
        assert_eq!(bytes_of(store, at).await.unwrap(), at.as_str().as_bytes());
    }
    let sorted: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    let under = prefix(&format!("{base}/odd/"));
    assert_eq!(list(store, &under, 3).await, sorted.iter().cloned().collect::<Vec<_>>());
    store.delete(&keys[0]).await.unwrap();
    assert_eq!(bytes_of(store, &keys[1]).await.unwrap(), keys[1].as_str().as_bytes());
    // A prefix is a text, not a folder.
    let beginning = prefix(&format!("{base}/odd/a."));
    let begins = names.iter().filter(|name| name.starts_with("a.")).count();
    assert_eq!(list(store, &beginning, 10).await.len(), begins);
    for traversal in ["../x", "a/../../x", "/etc/passwd", "a\0b", "a//b"] {
        assert!(ObjectKey::parse(traversal).is_err(), "{traversal}");
    }
}

/// Readers never see half of one object and half of another, nor a missing object. A server that reads an
/// object's checksum and its bytes one after the other may mix the two up while it is replaced: then the
/// reader is told so, and given nothing.
async fn overwriting_is_atomic(store: &Arc<dyn ObjectStore>, base: &str, kind: Server) {
    let at = key(&format!("{base}/atomic"));
    let version = |n: u8| Bytes::from(vec![n; 150_000 + usize::from(n) * 1_000]);
    store.put(&at, "text/plain", version(0)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (store, at, done) = (Arc::clone(store), at.clone(), Arc::clone(&done));
        readers.spawn(async move {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let read = store.get(&at, None).await.unwrap().unwrap();
                let len = read.meta.len;
                let bytes = match collect(read).await {
                    Err(StoreError::Corrupt { .. }) if kind == Server::OfPlainFiles => continue,
                    bytes => bytes.unwrap(),
                };
                assert_eq!(bytes.len() as u64, len);
                assert_eq!(bytes, version(bytes[0]), "a mix of two objects");
                reads += 1;
            }
            reads
        });
    }
    for n in 1..=20 {
        store.put(&at, "text/plain", version(n)).await.unwrap();
        assert_eq!(bytes_of(&**store, &at).await.unwrap()[0], n, "what is put is read");
    }
    done.store(true, Ordering::Relaxed);
    let reads: u32 = readers.join_all().await.into_iter().sum();
    assert!(reads > 0);
}

async fn lists_are_ordered_and_paged(store: &Arc<dyn ObjectStore>, base: &str) {
    let keys: Vec<ObjectKey> =
        (0..1_100).map(|n| key(&format!("{base}/many/{:02}/{n:04}", n % 7))).collect();
    let puts = keys.iter().map(|at| store.put(at, "text/plain", Bytes::from_static(b"abc")));
    futures_util::stream::iter(puts)
        .buffer_unordered(16)
        .try_for_each(|()| async { Ok(()) })
        .await
        .unwrap();
    let sorted: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    let sorted: Vec<String> = sorted.into_iter().collect();
    let under = prefix(&format!("{base}/many/"));
    for limit in [1_000, 5_000, 333] {
        assert!(list(&**store, &under, limit).await == sorted, "pages of {limit}");
    }
    let page = store.list_prefix(&under, None, 1).await.unwrap();
    assert_eq!(page.objects[0].len, 3);
    let head = store.head(&page.objects[0].key).await.unwrap().unwrap();
    let skew = page.objects[0].last_modified.since_ms(head.last_modified);
    assert!(skew.abs() < 1_000, "list and head agree to the second");

    assert_eq!(store.delete_prefix(&under, 300).await.unwrap(), 300);
    assert!(list(&**store, &under, 1_000).await == sorted[300..]);
    assert_eq!(store.delete_prefix(&under, 1_000).await.unwrap(), 800);
    assert_eq!(store.delete_prefix(&under, 1_000).await.unwrap(), 0);
}

#[tokio::test]
async fn our_server_without_a_port() {
    let root = tempfile::tempdir().unwrap();
    object_store_contract(Arc::new(backends::in_process(root.path())), Server::LikeS3).await;
}

#[tokio::test]
async fn our_server_over_tcp() {
    let server = backends::TcpServer::start().await;
    object_store_contract(Arc::new(server.store()), Server::LikeS3).await;
}

#[tokio::test]
async fn an_outside_s3() {
    let store = S3Objects::new(&backends::outside().await, None);
    store.ping().await.unwrap();
    object_store_contract(Arc::new(store), Server::OfPlainFiles).await;
}

#[tokio::test]
async fn an_outside_s3_without_checksums() {
    let config = backends::outside().await;
    let config = S3Config { checksums: Checksums::WhenRequired, ..config };
    object_store_contract(Arc::new(S3Objects::new(&config, None)), Server::OfPlainFiles).await;
}

/// A server that does not answer costs the deadline, not more, and says that it is unavailable.
#[tokio::test]
async fn deadlines_hold() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut config = backends::client_config(&url);
    config.attempt_timeout = Duration::from_millis(100);
    config.operation_timeout = Duration::from_millis(300);
    let store = S3Objects::new(&config, None);
    let at = key("a");
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        assert!(matches!(store.head(&at).await, Err(StoreError::Unavailable(_))));
        let put = store.put(&at, "text/plain", Bytes::from_static(b"x")).await;
        assert!(matches!(put, Err(StoreError::OutcomeUnknown(_))));
    });
    waited.await.expect("within the deadline");
}

/// Passes requests on, but loses the answer to the first request that completes an upload.
#[derive(Clone, Debug)]
struct LosesAnAnswer {
    inner: SharedHttpConnector,
    lost: Arc<AtomicBool>,
}

impl HttpConnector for LosesAnAnswer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        let completes = request.method() == "POST" && request.uri().contains("uploadId=");
        HttpConnectorFuture::new(async move {
            let response = this.inner.call(request).await;
            if completes && !this.lost.swap(true, Ordering::Relaxed) {
                return Err(ConnectorError::io("connection reset".into()));
            }
            response
        })
    }
}

/// The client repeats the completion and is told that there is no such upload; the object is there.
#[tokio::test]
async fn a_lost_answer_does_not_fail_a_large_upload() {
    let root = tempfile::tempdir().unwrap();
    let server = s3_server::in_process_http_client(backends::open(root.path()));
    let lost = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&lost);
    let http_client = http_client_fn(move |settings, components| {
        let inner = server.http_connector(settings, components);
        SharedHttpConnector::new(LosesAnAnswer { inner, lost: Arc::clone(&seen) })
    });
    let config = backends::client_config("http://s3.internal");
    let store = S3Objects::new(&config, Some(http_client));
    let bytes = pattern(6 * 1024 * 1024);
    store.put(&key("a"), "video/mp4", bytes.clone()).await.unwrap();
    assert!(lost.load(Ordering::Relaxed));
    assert!(bytes_of(&store, &key("a")).await.unwrap() == bytes);
}
