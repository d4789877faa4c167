//! What our S3 server promises besides the port: durability, presigned URLs, CORS, hostile keys.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_sdk_s3::types::CompletedMultipartUpload;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use vitrine::adapters::s3_server;
use vitrine::domain::time::DAY_MS;
use vitrine::ports::objects::ObjectKey;
use vitrine::ports::objects::ObjectStore as _;

use crate::backends;
use crate::backends::BUCKET;
use crate::backends::TcpServer;

/// A bare client of our server in this process, over `root`.
fn client(root: &Path) -> Client {
    let http_client = s3_server::in_process_http_client(backends::open(root));
    backends::bare_client("http://s3.internal", Some(http_client))
}

async fn put(client: &Client, key: &str, bytes: &'static [u8]) {
    let put = client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(bytes));
    put.send().await.unwrap();
}

async fn get(client: &Client, key: &str) -> Option<Bytes> {
    match client.get_object().bucket(BUCKET).key(key).send().await {
        Ok(output) => Some(output.body.collect().await.unwrap().into_bytes()),
        Err(error) => {
            assert_eq!(error.code(), Some("NoSuchKey"));
            None
        }
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn objects_outlive_the_server() {
    let root = tempfile::tempdir().unwrap();
    let key = ObjectKey::parse("clips/1/master.m3u8").unwrap();
    let first = backends::in_process(root.path());
    first.put(&key, "application/vnd.apple.mpegurl", Bytes::from_static(b"#EXTM3U")).await.unwrap();
    let before = first.head(&key).await.unwrap();
    assert!(backends::open_at(root.path(), backends::NOW).is_err(), "one process at a time");
    drop(first);
    let second = backends::in_process(root.path());
    assert_eq!(second.head(&key).await.unwrap(), before);
    assert_eq!(before.unwrap().last_modified, backends::NOW);
}

/// A crash leaves a half-written file behind: the old object stands, the leftover goes.
#[tokio::test]
async fn a_crash_amid_a_put_leaves_the_old_object() {
    let root = tempfile::tempdir().unwrap();
    put(&client(root.path()), "a", b"old").await;
    let leftover = root.path().join("tmp/17");
    std::fs::write(&leftover, b"ne").unwrap();
    assert_eq!(get(&client(root.path()), "a").await.unwrap(), "old");
    assert!(!leftover.exists());
}

/// So does a client that goes away, or sends less than it said.
#[tokio::test]
async fn a_broken_body_leaves_the_old_object() {
    let root = tempfile::tempdir().unwrap();
    let client = client(root.path());
    put(&client, "a", b"old").await;
    let body = |pieces: Vec<Result<&'static str, std::io::Error>>| {
        let frames = pieces.into_iter().map(|piece| Ok(http_body::Frame::data(piece?.into())));
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        ByteStream::from_body_1_x::<_, std::io::Error>(body)
    };
    for pieces in [vec![Ok("new"), Err(std::io::Error::other("gone"))], vec![Ok("new")]] {
        let request = client.put_object().bucket(BUCKET).key("a").content_length(10);
        let request = request.body(body(pieces)).customize().disable_payload_signing();
        assert!(request.send().await.is_err());
    }
    assert_eq!(get(&client, "a").await.unwrap(), "old");
    assert_eq!(names(&root.path().join("tmp")), BTreeSet::new());
}

#[tokio::test]
async fn stale_multipart_uploads_go_and_young_ones_stay() {
    let root = tempfile::tempdir().unwrap();
    let client = client(root.path());
    client.create_multipart_upload().bucket(BUCKET).key("a").send().await.unwrap();
    drop(client);
    let uploads = root.path().join("multipart");
    drop(backends::open(root.path()));
    assert_eq!(names(&uploads).len(), 1);
    let touched = std::fs::metadata(&uploads).unwrap().modified().unwrap();
    let touched_ms = touched.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let later = vitrine::domain::time::Timestamp::from_unix_ms(touched_ms + 2 * DAY_MS);
    drop(backends::open_at(root.path(), later).unwrap());
    assert_eq!(names(&uploads).len(), 0);
}

#[tokio::test]
async fn any_key_of_s3_is_kept_apart_and_inside() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("data");
    let client = client(&root);
    let keys = [
        "a",
        "a/b",
        "a/",
        "a//b",
        "A",
        "a b",
        "ä/ö",
        "a\u{308}",
        "q?x=1&y",
        "h#x",
        "100%",
        "%2e%2e",
        "+plus",
        "back\\slash",
        "😀",
        "dot/./x",
        "..",
        "../../escape",
        "x/../../../escape",
        ".o",
    ];
    for key in keys {
        let body = ByteStream::from(key.as_bytes().to_vec());
        client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    }
    for key in keys {
        assert_eq!(get(&client, key).await.as_deref(), Some(key.as_bytes()), "{key}");
    }
    let listed = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let listed: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    let sorted: BTreeSet<&str> = keys.into();
    assert_eq!(listed, sorted.into_iter().collect::<Vec<_>>());
    assert_eq!(names(outer.path()), ["data".to_owned()].into());
    assert_eq!(names(&root.join("objects")), [BUCKET.to_owned()].into());
    for key in keys {
        client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }
    assert_eq!(names(&root.join("objects").join(BUCKET)), BTreeSet::new(), "no folder is left");
    let long = client.put_object().bucket(BUCKET).key("a".repeat(300)).send().await;
    assert_eq!(long.unwrap_err().code(), Some("KeyTooLongError"));
    let nowhere = client.put_object().bucket("nowhere").key("a").send().await;
    assert_eq!(nowhere.unwrap_err().code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn checksums_and_conditions_are_honoured() {
    let root = tempfile::tempdir().unwrap();
    let client = client(root.path());
    let put = || client.put_object().bucket(BUCKET).key("a").body(ByteStream::from_static(b"abc"));
    for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Sha256] {
        put().checksum_algorithm(algorithm).send().await.unwrap();
    }
    let wrong = put().checksum_crc32("AAAAAA==").send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("BadDigest"));
    let wrong = put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("BadDigest"));
    let exists = put().if_none_match("*").send().await.unwrap_err();
    assert_eq!(exists.code(), Some("PreconditionFailed"));
    let other = put().if_match("\"00\"").send().await.unwrap_err();
    assert_eq!(other.code(), Some("PreconditionFailed"));
    let md5 = "\"900150983cd24fb0d6963f7d28e17f72\"";
    put().if_match(md5).send().await.unwrap();
    let get = client.get_object().bucket(BUCKET).key("a");
    let same = get.clone().if_none_match(md5).send().await.unwrap_err();
    assert_eq!(same.raw_response().unwrap().status().as_u16(), 304);
    assert_eq!(get.if_match(md5).send().await.unwrap().e_tag(), Some(md5));
}

#[tokio::test]
async fn copies_keep_or_replace_their_headers() {
    let root = tempfile::tempdir().unwrap();
    let client = client(root.path());
    let body = ByteStream::from_static(b"abc");
    let put = client.put_object().bucket(BUCKET).key("a b").body(body);
    put.content_type("text/plain").metadata("note", "mine").send().await.unwrap();
    let copy = client.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/a%20b"));
    copy.key("x/y").send().await.unwrap();
    let copied = client.get_object().bucket(BUCKET).key("x/y").send().await.unwrap();
    assert_eq!(copied.content_type(), Some("text/plain"));
    assert_eq!(copied.metadata().unwrap()["note"], "mine");
    assert_eq!(copied.body.collect().await.unwrap().into_bytes(), "abc");
}

#[tokio::test]
async fn multipart_uploads_are_checked() {
    let root = tempfile::tempdir().unwrap();
    let client = client(root.path());
    let created = client.create_multipart_upload().bucket(BUCKET).key("a").send().await.unwrap();
    let id = created.upload_id().unwrap();
    let mut parts = Vec::new();
    for number in 1..=2 {
        let part = client.upload_part().bucket(BUCKET).key("a").upload_id(id);
        let part = part.part_number(number).body(ByteStream::from_static(b"small"));
        let etag = part.send().await.unwrap().e_tag;
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
    }
    let complete = |key: &str, parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = client.complete_multipart_upload().bucket(BUCKET).key(key);
        request.upload_id(id).multipart_upload(parts).send()
    };
    let small = complete("a", parts.clone()).await.unwrap_err();
    assert_eq!(small.code(), Some("EntityTooSmall"));
    let backwards = parts.iter().rev().cloned().collect();
    let backwards = complete("a", backwards).await.unwrap_err();
    assert_eq!(backwards.code(), Some("InvalidPartOrder"));
    let foreign = complete("b", parts.clone()).await.unwrap_err();
    assert_eq!(foreign.code(), Some("NoSuchUpload"));
    assert_eq!(get(&client, "a").await, None);
    let listed = client.list_parts().bucket(BUCKET).key("a").upload_id(id).send().await.unwrap();
    assert_eq!(listed.parts().len(), 2);
    complete("a", parts[..1].to_vec()).await.unwrap();
    assert_eq!(get(&client, "a").await.unwrap(), "small");
    let abort = client.abort_multipart_upload().bucket(BUCKET).key("a").upload_id(id);
    assert_eq!(abort.send().await.unwrap_err().code(), Some("NoSuchUpload"));
    assert_eq!(names(&root.path().join("multipart")), BTreeSet::new());
}

fn http_client() -> reqwest::Client {
    // Whoever comes second finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn for_a_minute() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_mins(1)).unwrap()
}

#[tokio::test]
async fn presigned_urls_work_with_any_http_client() {
    let server = TcpServer::start().await;
    let client = backends::bare_client(&server.url(), None);
    let http = http_client();

    let put = client.put_object().bucket(BUCKET).key("clips/ü 1.mp4").content_type("video/mp4");
    let put = put.presigned(for_a_minute()).await.unwrap();
    let request = http.put(put.uri()).header("content-type", "video/mp4").body("0123456789");
    assert_eq!(request.send().await.unwrap().status(), 200);

    let get = client.get_object().bucket(BUCKET).key("clips/ü 1.mp4");
    let signed = get.clone().presigned(for_a_minute()).await.unwrap();
    let all = http.get(signed.uri()).send().await.unwrap();
    assert_eq!((all.status().as_u16(), &all.headers()["content-type"] == "video/mp4"), (200, true));
    assert_eq!(all.headers()["accept-ranges"], "bytes");
    assert_eq!(all.text().await.unwrap(), "0123456789");

    for (range, status, text) in
        [("bytes=2-4", 206, "234"), ("bytes=-3", 206, "789"), ("bytes=8-99", 206, "89")]
    {
        let part = http.get(signed.uri()).header("range", range).send().await.unwrap();
        assert_eq!(part.status(), status, "{range}");
        assert_eq!(part.text().await.unwrap(), text, "{range}");
    }
    let outside = http.get(signed.uri()).header("range", "bytes=10-").send().await.unwrap();
    assert_eq!(outside.status(), 416);
    assert_eq!(outside.headers()["content-range"], "bytes */10");

    let other_key = signed.uri().replace("clips/", "clops/");
    let other_method = http.delete(signed.uri()).send().await.unwrap();
    assert_eq!(other_method.status(), 403);
    let unsigned = format!("{}/{BUCKET}/clips/x", server.url());
    let mut tampered = signed.uri().to_owned();
    let last = tampered.pop().unwrap();
    tampered.push(if last == '0' { '1' } else { '0' });
    let long_ago = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let expired = PresigningConfig::builder().start_time(long_ago);
    let expired = expired.expires_in(Duration::from_mins(1)).build().unwrap();
    let expired = get.presigned(expired).await.unwrap().uri().to_owned();
    for url in [tampered, other_key, unsigned, expired] {
        assert_eq!(http.get(&url).send().await.unwrap().status(), 403, "{url}");
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask() {
    let server = TcpServer::start().await;
    let http = http_client();
    let url = format!("{}/{BUCKET}/a", server.url());
    let preflight = |origin: &'static str| {
        http.request(reqwest::Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "content-type")
            .send()
    };
    let allowed = preflight("https://shop.example").await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://shop.example");
    assert!(allowed.headers()["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
    let foreign = preflight("https://elsewhere.example").await.unwrap();
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    assert!(server.root.path().join("objects").join(BUCKET).is_dir());
}
