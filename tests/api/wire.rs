//! What only bytes on a socket can tell: when answers leave, and what malformed requests get.

use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vitrine::http::server;

use crate::support::TestApp;

/// Far above what an answer takes, far below the server's deadline for the head of a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a listening server, which ends with the set.
async fn connect(app: &TestApp) -> (TcpStream, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = TowerToHyperService::new(app.app.router.clone());
    let mut serving = JoinSet::new();
    serving.spawn(server::serve(listener, service, 8, CancellationToken::new(), Duration::ZERO));
    (TcpStream::connect(address).await.unwrap(), serving)
}

/// What comes back for `bytes` while the connection stays open, up to the end of a head.
async fn answer_to(bytes: &[u8]) -> String {
    let app = TestApp::new().await;
    let (mut stream, _server) = connect(&app).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        let mut piece = [0; 4096];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(len) => answer.extend_from_slice(&piece[..len]),
            }
        }
    };
    drop(tokio::time::timeout(PATIENCE, read).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_answer_leaves_at_once_whatever_follows_its_request() {
    let whole = b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n";
    for rest in [&b""[..], b"\r\n", b"GET /li"] {
        let answer = answer_to(&[whole, rest].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "followed by {rest:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_malformed_request_is_told_so() {
    let long = [b"GET /livez HTTP/1.1\r\nx: ".to_vec(), vec![b'x'; 200_000]].concat();
    let cases: [(&[u8], &str); 4] = [
        (b"GET /livez HTTP/1.1\r\nHost: shop\r\nbad name: x\r\n\r\n", "400"),
        (b"POST /v1/guest-tokens HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "400"),
        (&long, "431"),
    ];
    for (bytes, status) in cases {
        let answer = answer_to(bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer:?}");
    }
}
