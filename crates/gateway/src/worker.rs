//! Threads that serve connections. Each has a runtime, a pool of upstream connections and a recorder of its own: a call
//! stays on the thread that accepted it, and no call waits for another thread to be woken.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use crate::exchange::{Connection, Gateway, Lane, Peer};
use crate::tls;

/// Time that a client has for the head of its next request, idle time on a kept-alive connection included.
const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Time that a client has for the TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a request head. AWS allows 8 KiB of query and 8 KiB of user metadata; presigned URLs add tokens.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Stack of a worker, bytes: deep JSON and XML are read on it.
const STACK_BYTES: usize = 4 * 1024 * 1024;
/// Threads for file work of all workers together. Each keeps freed memory of its own, so that more of them make large
/// transfers less flat, and a disk gains nothing from more.
const BLOCKING_THREADS_MAX: usize = 16;

/// An accepted connection.
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) address: SocketAddr,
    /// Its place among the connections that may be open at once.
    pub(crate) slot: OwnedSemaphorePermit,
}

/// All workers of a listener.
pub(crate) struct Workers {
    workers: Vec<Worker>,
}

struct Worker {
    connections: mpsc::UnboundedSender<Accepted>,
    /// Connections that it serves.
    open: Arc<AtomicUsize>,
    /// Resolves when its last connection has ended.
    ended: oneshot::Receiver<()>,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no thread or no event queue.
    pub(crate) fn start(gateway: &Arc<Gateway>, acceptor: Option<&TlsAcceptor>) -> std::io::Result<Self> {
        let count = gateway.settings().workers.max(1);
        let blocking_threads = (BLOCKING_THREADS_MAX / count).max(2);
        let start = |number| Worker::start(number, blocking_threads, Arc::clone(gateway), acceptor.cloned());
        Ok(Self { workers: (0..count).map(start).collect::<Result<_, _>>()? })
    }

    /// Gives a connection to the worker that has the fewest.
    pub(crate) fn serve(&self, accepted: Accepted) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed)) else { return };
        worker.open.fetch_add(1, Ordering::Relaxed);
        if worker.connections.send(accepted).is_err() {
            tracing::error!("a worker of the gateway is gone; this is a defect");
        }
    }

    /// Lets open exchanges finish within the grace time of the settings, then ends the threads.
    pub(crate) async fn stop(self) {
        let (senders, ends): (Vec<_>, Vec<_>) =
            self.workers.into_iter().map(|worker| (worker.connections, worker.ended)).unzip();
        drop(senders);
        for end in ends {
            // An error means that the thread is gone already.
            let _ = end.await;
        }
    }
}

impl Worker {
    fn start(
        number: usize,
        blocking_threads: usize,
        gateway: Arc<Gateway>,
        acceptor: Option<TlsAcceptor>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(blocking_threads)
            .build()?;
        let (connections, accepted) = mpsc::unbounded_channel();
        let (at_end, ended) = oneshot::channel();
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        std::thread::Builder::new().name(format!("gateway-{number}")).stack_size(STACK_BYTES).spawn(move || {
            runtime.block_on(work(gateway, acceptor, accepted, count));
            // Nobody waits when the whole process ends.
            let _ = at_end.send(());
        })?;
        Ok(Self { connections, open, ended })
    }
}

/// The life of a worker: it ends when the listener has dropped its end and the last connection is done.
async fn work(
    gateway: Arc<Gateway>,
    acceptor: Option<TlsAcceptor>,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    open: Arc<AtomicUsize>,
) {
    let graceful = GracefulShutdown::new();
    let lane = gateway.lane();
    let builder = Arc::new(http_builder());
    while let Some(Accepted { stream, address, slot }) = accepted.recv().await {
        let server = Server {
            gateway: Arc::clone(&gateway),
            builder: Arc::clone(&builder),
            watcher: graceful.watcher(),
            acceptor: acceptor.clone(),
            lane: lane.clone(),
        };
        let open = Arc::clone(&open);
        tokio::spawn(async move {
            let metrics = server.gateway.metrics().clone();
            metrics.connections.inc();
            match TcpStream::from_std(stream) {
                Ok(stream) => server.serve(stream, address).await,
                Err(error) => tracing::warn!(%error, "a connection cannot be watched"),
            }
            metrics.connections.dec();
            open.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    if tokio::time::timeout(gateway.settings().shutdown_grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end within the shutdown grace time and are cut");
    }
    gateway.finish_records().await;
}

/// What serves HTTP/1.1 and HTTP/2 with the limits of this gateway.
pub fn http_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .preserve_header_case(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES_MAX as u32);
    builder
}

/// What serves one connection.
struct Server {
    gateway: Arc<Gateway>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
    acceptor: Option<TlsAcceptor>,
    lane: Lane,
}

impl Server {
    async fn serve(self, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        // An IPv4 client on a dual-stack socket is recorded with its IPv4 address.
        let ip = address.ip().to_canonical();
        let Some(acceptor) = self.acceptor.clone() else {
            return self.serve_http(stream, Peer { ip, tls: None, origin: None }).await;
        };
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let details = tls::details(stream.get_ref().1);
                self.serve_http(stream, Peer { ip, tls: Some(details), origin: None }).await;
            }
            Ok(Err(error)) => tracing::debug!(%ip, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%ip, "TLS handshake took too long"),
        }
    }

    async fn serve_http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let connection = Arc::new(Connection { peer, lane: self.lane });
        let gateway = self.gateway;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(gateway.serve(request, connection).await) }
        });
        let served = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = self.watcher.watch(served).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
