//! A stop takes the time that open requests are given, and little more, whatever clients do.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::choose_cryptography;
use crate::server::{DRAIN_MS, Server};

/// What a busy machine may add to the time that open requests are given.
const SLACK: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_fell_silent_does_not_hold_up_a_stop_and_keeps_its_bytes() {
    choose_cryptography();
    let mut server = Server::new();
    let token = server.token("mina", "creator");
    let (url, _) = server.start().await;
    let client = reqwest::Client::new();
    let tus = |request: reqwest::RequestBuilder| {
        request.bearer_auth(&token).header("Tus-Resumable", "1.0.0")
    };
    let opened = client.post(format!("{url}/v1/uploads")).header("Upload-Length", "1000");
    let opened = tus(opened).send().await.unwrap();
    let location = opened.headers()["location"].to_str().unwrap().to_owned();

    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 1000\r\n\
         Content-Type: application/offset+octet-stream\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.readable().await.unwrap(); // The server asks for the body: the append runs.
    stream.write_all(&[7; 300]).await.unwrap();

    let took = server.terminate();
    assert!(took < Duration::from_millis(DRAIN_MS) + SLACK, "the stop took {took:?}");

    let (url, _) = server.start().await;
    let found = tus(client.head(format!("{url}{location}"))).send().await.unwrap();
    assert_eq!(found.headers()["upload-offset"], "300");
    server.terminate();
    server.check();
}
