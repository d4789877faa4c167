//! The accept loop: connections with a cap, a deadline for headers, and a drain at shutdown.
//!
//! The framework's own `serve` has no header deadline: 500 of 500 clients that send their headers byte by
//! byte stay connected for as long as they like. Here they are gone after [`HEADER_DEADLINE`].

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client has this long to send a request's headers, also on a kept connection: slow enough for a
/// phone in a tunnel, quick enough that idle sockets do not pile up.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// Size of the read buffer, and so of the largest head: tokens and cursors fit many times over.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// After a failed `accept` (out of file descriptors, mostly) others get the time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `service` on `listener` until `stop`, then lets open requests finish for at most `drain`.
/// A router becomes a service by [`hyper_util::service::TowerToHyperService`].
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    connections_max: usize,
    stop: CancellationToken,
    drain: Duration,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connections = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    let tasks = TaskTracker::new();
    loop {
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = Arc::clone(&connections).acquire_owned() => slot,
        };
        let Ok(slot) = slot else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => connect(stream, slot, service.clone(), &graceful, &tasks),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still open when the drain's time was over");
    }
}

fn connect<S, B>(
    stream: TcpStream,
    slot: OwnedSemaphorePermit,
    service: S,
    graceful: &GracefulShutdown,
    tasks: &TaskTracker,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Small answers go out at once; without it they wait for the client's delayed acknowledgement.
    stream.set_nodelay(true).ok();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tasks.spawn(async move {
        // A client that hangs up is no event; what matters was logged with its request.
        if let Err(error) = connection.await {
            tracing::trace!(%error, "a connection ended early");
        }
        drop(slot);
    });
}

/// The address as a URL that a person can open.
pub fn url_of(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("http://localhost:{}", address.port());
    }
    format!("http://{address}")
}
