//! Threads that serve connections. Each has a runtime, a pool of upstream connections and a recorder of its own: a call
//! stays on the thread that accepted it, and no call waits for another thread to be woken.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use crate::exchange::{Connection, Gateway, Lane, Peer};
use crate::http1::body::WireBody;
use crate::http1::head::HEAD_BYTES_MAX;
use crate::http1::io::Stream;
use crate::http1::server::HEAD_READ_TIMEOUT;
use crate::proxy_protocol::{self, PROXY_HEADER_BYTES_MAX, ProxyHeader, ProxyHeaderError};
use crate::{http1, tls};

/// Time that a client has for the TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a client has for the first bytes that tell HTTP/2 from HTTP/1.1.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(75);
/// How a client begins HTTP/2 without TLS (RFC 9113, section 3.4), as far as tells it from any method of HTTP/1.1.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";
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
    let (stop, stopping) = watch::channel(false);
    let lane = gateway.lane();
    let http2 = Arc::new(http_builder());
    // Closed when the last connection has dropped its end.
    let (connected, mut all_gone) = mpsc::channel::<Infallible>(1);
    while let Some(Accepted { stream, address, slot }) = accepted.recv().await {
        let server = Server {
            gateway: Arc::clone(&gateway),
            http2: Arc::clone(&http2),
            watcher: graceful.watcher(),
            stopping: stopping.clone(),
            acceptor: acceptor.clone(),
            lane: lane.clone(),
        };
        let (open, connected) = (Arc::clone(&open), connected.clone());
        tokio::spawn(async move {
            let metrics = server.gateway.metrics().clone();
            metrics.connections.inc();
            match TcpStream::from_std(stream) {
                Ok(stream) => server.serve(stream, address).await,
                Err(error) => tracing::warn!(%error, "a connection cannot be watched"),
            }
            metrics.connections.dec();
            open.fetch_sub(1, Ordering::Relaxed);
            drop((slot, connected));
        });
    }
    drop(connected);
    stop.send_replace(true);
    let ended = async {
        graceful.shutdown().await;
        all_gone.recv().await
    };
    if tokio::time::timeout(gateway.settings().shutdown_grace, ended).await.is_err() {
        tracing::warn!("some connections did not end within the shutdown grace time and are cut");
    }
    gateway.finish_records().await;
}

/// What serves HTTP/2, and HTTP/1.1 where connections are upgraded, with the limits of this gateway.
pub fn http_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_READ_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES_MAX as u32);
    builder
}

/// What serves one connection.
struct Server {
    gateway: Arc<Gateway>,
    http2: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
    stopping: watch::Receiver<bool>,
    acceptor: Option<TlsAcceptor>,
    lane: Lane,
}

impl Server {
    // What few connections need stands in boxes, so that thousands that wait take little memory.
    async fn serve(self, mut stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        // An IPv4 client on a dual-stack socket is recorded with its IPv4 address.
        let connected_ip = address.ip().to_canonical();
        let settings = self.gateway.settings();
        let mut ip = connected_ip;
        if settings.expects_proxy_header && settings.trusted_proxies.contains(connected_ip) {
            match Box::pin(ip_behind_proxy(&mut stream, connected_ip)).await {
                Some(told) => ip = told,
                None => return,
            }
        }
        match self.acceptor.clone() {
            None => self.serve_plain(stream, Peer { ip, connected_ip, tls: None, origin: None }).await,
            Some(acceptor) => Box::pin(self.serve_tls(acceptor, stream, ip, connected_ip)).await,
        }
    }

    async fn serve_plain(self, stream: TcpStream, peer: Peer) {
        match tokio::time::timeout(PREFACE_TIMEOUT, begins_http2(&stream)).await {
            Ok(Ok(true)) => Box::pin(self.serve_http2(stream, peer)).await,
            Ok(Ok(false)) => self.serve_http1(Stream::Plain(stream), peer).await,
            Ok(Err(error)) => tracing::debug!(ip = %peer.ip, %error, "a connection broke before its first request"),
            Err(_) => tracing::debug!(ip = %peer.ip, "a connection said nothing"),
        }
    }

    async fn serve_tls(self, acceptor: TlsAcceptor, stream: TcpStream, ip: IpAddr, connected_ip: IpAddr) {
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let session = stream.get_ref().1;
                let (details, is_http2) = (tls::details(session), session.alpn_protocol() == Some(b"h2"));
                let peer = Peer { ip, connected_ip, tls: Some(details), origin: None };
                if is_http2 {
                    Box::pin(self.serve_http2(stream, peer)).await;
                } else {
                    Box::pin(self.serve_http1(Stream::Other(Box::new(stream)), peer)).await;
                }
            }
            Ok(Err(error)) => tracing::debug!(%ip, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%ip, "TLS handshake took too long"),
        }
    }

    async fn serve_http1(self, stream: Stream, peer: Peer) {
        let connection = Arc::new(Connection { peer, lane: self.lane });
        let gateway = self.gateway;
        let answer = |head, body: WireBody| Arc::clone(&gateway).answer_to(head, body.into(), Arc::clone(&connection));
        if let Err(error) = http1::server::serve(stream, self.stopping, answer).await {
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn serve_http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let connection = Arc::new(Connection { peer, lane: self.lane });
        let gateway = self.gateway;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(gateway.serve(request, connection).await) }
        });
        let served = self.http2.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = self.watcher.watch(served).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// The address that the PROXY header of a trusted proxy tells, or the proxy's own if it tells none; `None` if there is no
/// header to be had.
async fn ip_behind_proxy(stream: &mut TcpStream, proxy: IpAddr) -> Option<IpAddr> {
    match tokio::time::timeout(PREFACE_TIMEOUT, take_proxy_header(stream)).await {
        Ok(Ok(header)) => return Some(header.source.unwrap_or(proxy)),
        Ok(Err(error)) => tracing::warn!(%proxy, %error, "a connection of a proxy is closed"),
        Err(_) => tracing::warn!(%proxy, "a connection of a proxy is closed: no PROXY header came"),
    }
    None
}

/// Why no PROXY header could be taken.
#[derive(Debug, thiserror::Error)]
enum ProxyHeaderFailure {
    /// The connection broke.
    #[error("it broke: {0}")]
    Io(#[from] std::io::Error),
    /// What came is no header.
    #[error(transparent)]
    Header(#[from] ProxyHeaderError),
}

/// Takes the PROXY header from the front of a connection, and nothing behind it.
async fn take_proxy_header(stream: &mut TcpStream) -> Result<ProxyHeader, ProxyHeaderFailure> {
    let mut start = [0; PROXY_HEADER_BYTES_MAX];
    let mut seen_before = 0;
    loop {
        let seen = stream.peek(&mut start).await?;
        if let Some(header) = proxy_protocol::parse(&start[..seen])? {
            stream.read_exact(&mut start[..header.header_bytes]).await?;
            return Ok(header);
        }
        if seen == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        if seen == seen_before {
            // Some of it came: the rest is on its way, and peeking again at once would spin.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        seen_before = seen;
    }
}

/// Looks at the first bytes of a connection without taking them.
async fn begins_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut start = [0; HTTP2_PREFACE.len()];
    loop {
        let seen = stream.peek(&mut start).await?;
        if seen == HTTP2_PREFACE.len() || !HTTP2_PREFACE.starts_with(&start[..seen]) || seen == 0 {
            return Ok(start[..seen] == *HTTP2_PREFACE);
        }
        // Some of it came: the rest is on its way, and peeking again at once would spin.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
