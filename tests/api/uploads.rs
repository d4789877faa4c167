//! Resumable uploads as a tus client sees them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::Method;
use sha1_of::sha1_base64;
use tokio::sync::Notify;
use vitrine::adapters::s3::S3Spool;
use vitrine::domain::id::{AccountId, UploadId};
use vitrine::domain::time::{DAY_MS, Timestamp};
use vitrine::domain::upload::UploadMetadata;
use vitrine::ports::error::StoreError;
use vitrine::ports::upload_spool::UploadSpool as _;
use vitrine::ports::uploads::{UploadRecord, UploadStore};
use vitrine::services::uploads::{
    ChecksumVerdict, UploadPolicy, Uploads, UploadsError, source_key,
};

use crate::support::{Actor, Answer, TestApp};

const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");
const STREAM: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

mod sha1_of {
    use base64::Engine as _;

    pub fn sha1_base64(bytes: &[u8]) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        base64::engine::general_purpose::STANDARD.encode(digest.as_ref())
    }
}

async fn open(app: &TestApp, actor: &Actor, length: usize) -> String {
    let length = length.to_string();
    let headers = [TUS, ("Upload-Length", &length), ("Upload-Metadata", "filename YS5tcDQ=")];
    let answer = app.request(actor, Method::POST, "/v1/uploads", &headers, None).await;
    answer.expect(201);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn append(app: &TestApp, actor: &Actor, at: &str, offset: usize, bytes: &[u8]) -> Answer {
    let offset = offset.to_string();
    let headers = [TUS, STREAM, ("Upload-Offset", &offset)];
    app.send_bytes(actor, Method::PATCH, at, &headers, bytes.to_vec()).await
}

async fn offset(app: &TestApp, actor: &Actor, at: &str) -> String {
    let answer = app.request(actor, Method::HEAD, at, &[TUS], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.headers["upload-offset"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_upload_grows_in_pieces_and_tells_how_far_it_is() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let at = open(&app, &mina, 10).await;
    let answer = append(&app, &mina, &at, 0, b"hello").await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["upload-offset"].as_bytes()),
        (204, &b"5"[..])
    );
    assert_eq!(append(&app, &mina, &at, 3, b"lo").await.problem(409), "upload_offset_mismatch");
    assert_eq!(append(&app, &mina, &at, 5, b"world!").await.problem(413), "body_too_large");
    assert_eq!(offset(&app, &mina, &at).await, "5");
    assert_eq!(append(&app, &mina, &at, 5, b"world").await.status, 204);
    assert_eq!(offset(&app, &mina, &at).await, "10");
    let head = app.request(&mina, Method::HEAD, &at, &[TUS], None).await;
    assert_eq!(head.headers["upload-metadata"], "filename YS5tcDQ=");
    assert_eq!(head.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_collection_does_not_matter() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let headers = [TUS, STREAM, ("Upload-Length", "3")];
    let answer =
        app.send_bytes(&mina, Method::POST, "/v1/uploads/", &headers, b"abc".to_vec()).await;
    answer.expect(201);
    assert_eq!(answer.headers["upload-offset"], "3");
    let about = app.request(&mina, Method::OPTIONS, "/v1/uploads", &[], None).await;
    assert_eq!(about.headers["tus-version"], "1.0.0");
    assert!(about.headers["tus-extension"].to_str().unwrap().contains("creation-with-upload"));
}

#[tokio::test]
async fn a_wrong_checksum_keeps_nothing() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let at = open(&app, &mina, 5).await;
    let right = format!("sha1 {}", sha1_base64(b"hello"));
    let headers = [TUS, STREAM, ("Upload-Offset", "0"), ("Upload-Checksum", right.as_str())];
    let wrong = app.send_bytes(&mina, Method::PATCH, &at, &headers, b"hellO".to_vec()).await;
    assert_eq!(wrong.problem(460), "checksum_mismatch");
    assert_eq!(offset(&app, &mina, &at).await, "0");
    let fine = app.send_bytes(&mina, Method::PATCH, &at, &headers, b"hello".to_vec()).await;
    assert_eq!(fine.status, 204);
}

#[tokio::test]
async fn uploads_are_private_bounded_and_end() {
    let app = TestApp::new().await;
    let (mina, theo) = (app.creator("mina"), app.creator("theo"));
    let at = open(&app, &mina, 5).await;
    assert_eq!(append(&app, &theo, &at, 0, b"x").await.problem(404), "not_found");

    let big = (65_usize << 20).to_string();
    let headers = [TUS, ("Upload-Length", big.as_str())];
    let answer = app.request(&mina, Method::POST, "/v1/uploads", &headers, None).await;
    assert_eq!(answer.problem(413), "body_too_large");
    for _ in 0..4 {
        open(&app, &mina, 1).await;
    }
    let headers = [TUS, ("Upload-Length", "1")];
    let answer = app.request(&mina, Method::POST, "/v1/uploads", &headers, None).await;
    assert_eq!(answer.problem(429), "too_many");

    assert_eq!(app.request(&mina, Method::DELETE, &at, &[TUS], None).await.status, 204);
    let gone = app.request(&mina, Method::HEAD, &at, &[TUS], None).await;
    assert_eq!(gone.status, 404);

    let late = open(&app, &mina, 5).await;
    app.clock.advance_ms(DAY_MS);
    let gone = append(&app, &app.creator("mina"), &late, 0, b"x").await;
    assert_eq!(gone.problem(410), "upload_gone");
    let dropped = app.app.api.uploads.expire(app.backends.clock.now(), 100).await.unwrap();
    assert_eq!(dropped, 5);
}

#[tokio::test]
async fn the_protocols_version_is_asked_for() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let headers = [("Upload-Length", "1")];
    let answer = app.request(&mina, Method::POST, "/v1/uploads", &headers, None).await;
    assert_eq!(answer.problem(412), "unsupported_tus_version");
    let answer = app.request(&mina, Method::POST, "/v1/uploads", &[TUS], None).await;
    assert_eq!(answer.expect(400)["errors"][0]["pointer"], "/upload-length");
}

/// Records of uploads whose sixth byte is first written down when the test says so.
struct Held {
    inner: Arc<dyn UploadStore>,
    is_armed: AtomicBool,
    reached: Notify,
    go_on: Notify,
}

#[async_trait::async_trait]
impl UploadStore for Held {
    async fn get(&self, id: UploadId) -> Result<Option<UploadRecord>, StoreError> {
        self.inner.get(id).await
    }

    async fn put(&self, record: &UploadRecord) -> Result<(), StoreError> {
        if record.upload.offset() == 6 && self.is_armed.swap(false, Ordering::Relaxed) {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
        self.inner.put(record).await
    }

    async fn remove(&self, id: UploadId) -> Result<(), StoreError> {
        self.inner.remove(id).await
    }

    async fn open_of(&self, owner: AccountId, limit: usize) -> Result<usize, StoreError> {
        self.inner.open_of(owner, limit).await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadRecord>, StoreError> {
        self.inner.expired(now, limit).await
    }
}

/// A client loses its connection after the bytes were flushed and tries again before they are recorded.
#[tokio::test]
async fn a_second_append_cannot_cut_off_what_the_first_is_recording() {
    let app = TestApp::new().await;
    let held = Held {
        inner: Arc::clone(&app.backends.uploads),
        is_armed: true.into(),
        reached: Notify::new(),
        go_on: Notify::new(),
    };
    let held = Arc::new(held);
    let policy = UploadPolicy { bytes_max: 100, ttl_ms: DAY_MS, per_account_max: 5 };
    let backends = &app.backends;
    let uploads = Arc::new(Uploads::new(
        Arc::clone(&held) as _,
        Arc::clone(&backends.spool),
        Arc::clone(&backends.objects),
        Arc::clone(&backends.clock),
        Arc::clone(&backends.entropy),
        policy,
    ));
    let mina = app.creator("mina").id;
    let id = uploads.create(mina, 10, UploadMetadata::default()).await.unwrap().id;
    let append = |offset: u64, bytes: &'static [u8]| {
        let bytes = futures_util::stream::iter([Ok(Bytes::from_static(bytes))]);
        uploads.append(mina, id, offset, Box::pin(bytes), None)
    };
    let second = async {
        held.reached.notified().await;
        let refused = append(0, b"abc").await;
        held.go_on.notify_one();
        refused
    };
    let (first, second) = tokio::join!(append(0, b"abcdef"), second);
    assert_eq!(first.unwrap().upload.offset(), 6);
    assert!(matches!(second, Err(UploadsError::Busy)), "{second:?}");
    let whole = append(6, b"ghij").await.unwrap();
    assert!(whole.stored);
}

#[tokio::test]
async fn refusals_speak_the_protocol_too() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let missing = "/v1/uploads/upl_01h455vb4pex5vsknk084sn02q";
    for actor in [&mina, &app.nobody()] {
        let answer = app.request(actor, Method::HEAD, missing, &[TUS], None).await;
        assert!(answer.status.is_client_error());
        assert_eq!(answer.headers["tus-resumable"], "1.0.0");
    }
    let old = [("Tus-Resumable", "0.2.2"), ("Upload-Length", "5")];
    let answer = app.request(&mina, Method::POST, "/v1/uploads", &old, None).await;
    assert_eq!(answer.problem(412), "unsupported_tus_version");
    assert_eq!(answer.headers["tus-version"], "1.0.0");
}

#[tokio::test]
async fn a_refused_creation_leaves_nothing_behind() {
    let app = TestApp::new().await;
    let mina = app.creator("mina");
    let wrong = format!("sha1 {}", sha1_base64(b"other"));
    for _ in 0..3 {
        let headers = [TUS, STREAM, ("Upload-Length", "5"), ("Upload-Checksum", &wrong)];
        let bytes = b"hello".to_vec();
        let answer = app.send_bytes(&mina, Method::POST, "/v1/uploads", &headers, bytes).await;
        assert_eq!(answer.problem(460), "checksum_mismatch");
        let headers = [TUS, STREAM, ("Upload-Length", "5")];
        let bytes = b"hello, hello".to_vec();
        let answer = app.send_bytes(&mina, Method::POST, "/v1/uploads", &headers, bytes).await;
        assert_eq!(answer.problem(413), "body_too_large");
    }
    open(&app, &mina, 5).await; // Five may be unfinished; six were refused.
}

/// An engine of a cluster, as far as uploads are concerned: its own spool over the common bucket.
fn node(app: &TestApp, name: &str) -> (Arc<Uploads>, S3Spool) {
    let backends = &app.backends;
    let directory = app.directory.path().join(name);
    let spool = S3Spool::open(Arc::clone(&backends.objects), directory).unwrap();
    let uploads = Uploads::new(
        Arc::clone(&backends.uploads),
        Arc::new(spool.clone()),
        Arc::clone(&backends.objects),
        Arc::clone(&backends.clock),
        Arc::clone(&backends.entropy),
        UploadPolicy { bytes_max: 100, ttl_ms: DAY_MS, per_account_max: 5 },
    );
    (Arc::new(uploads), spool)
}

/// A client whose connection hangs goes on at another node, and one ends its upload there. What the
/// first node gets in the end neither counts nor stays.
#[tokio::test]
async fn any_node_goes_on_with_an_upload() {
    let app = TestApp::new().await;
    let ((one, spool), (two, _)) = (node(&app, "one"), node(&app, "two"));
    let mina = app.creator("mina").id;
    for is_ended in [false, true] {
        let id = one.create(mina, 10, UploadMetadata::default()).await.unwrap().id;
        let append = async |node: &Arc<Uploads>, offset: u64, bytes: &'static [u8]| {
            let bytes = futures_util::stream::iter([Ok(Bytes::from_static(bytes))]);
            node.append(mina, id, offset, Box::pin(bytes), None).await
        };
        assert_eq!(append(&one, 0, b"abc").await.unwrap().upload.offset(), 3);
        assert_eq!(append(&two, 3, b"def").await.unwrap().upload.offset(), 6);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (began, begun) = tokio::sync::oneshot::channel();
        let late = async move {
            began.send(()).unwrap();
            Ok(receiver.await.unwrap())
        };
        let late = Box::pin(futures_util::stream::once(late));
        let overtaking = async {
            begun.await.unwrap();
            if is_ended {
                two.terminate(mina, id).await.unwrap();
            } else {
                assert!(append(&two, 6, b"ghij").await.unwrap().stored);
            }
            sender.send(Bytes::from_static(b"----")).unwrap();
        };
        let (first, ()) = tokio::join!(one.append(mina, id, 6, late, None), overtaking);
        assert!(matches!(first, Err(UploadsError::Busy)), "{first:?}");
        assert_eq!(spool.sweep(None, 10).await.unwrap(), [], "nothing stays behind");
        let object = app.backends.objects.get(&source_key(id), None).await.unwrap();
        assert_eq!(object.is_none(), is_ended);
        if let Some(object) = object {
            let bytes: Vec<Bytes> = object.bytes.try_collect().await.unwrap();
            assert_eq!(bytes.concat(), b"abcdefghij");
        }
    }
}

/// Every byte is there, and one node dies between the last of them and the object.
#[tokio::test]
async fn any_node_completes_an_upload_and_repeats_are_harmless() {
    let app = TestApp::new().await;
    let ((one, _), (two, spool)) = (node(&app, "one"), node(&app, "two"));
    let mina = app.creator("mina").id;
    let id = one.create(mina, 6, UploadMetadata::default()).await.unwrap().id;
    let bytes = |bytes: &'static [u8]| {
        Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(bytes))]))
    };
    let wrong: ChecksumVerdict = Box::new(|| false);
    let refused = one.append(mina, id, 0, bytes(b"xxxx"), Some(wrong)).await;
    assert!(matches!(refused, Err(UploadsError::ChecksumMismatch)));
    let record = two.append(mina, id, 0, bytes(b"abc"), None).await.unwrap();
    spool.append(id, record.version + 1, 3, bytes(b"def"), 6).await.unwrap();
    let mut record = record;
    record.upload = record.upload.received(3, 6).unwrap();
    record.version += 1;
    app.backends.uploads.put(&record).await.unwrap();
    let (first, second) =
        tokio::join!(one.append(mina, id, 6, bytes(b""), None), two.get(mina, id));
    assert!(first.unwrap().stored && second.is_ok());
    assert!(two.append(mina, id, 6, bytes(b""), None).await.unwrap().stored);
    let object = app.backends.objects.get(&source_key(id), None).await.unwrap().unwrap();
    let bytes: Vec<Bytes> = object.bytes.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"abcdef");
}
