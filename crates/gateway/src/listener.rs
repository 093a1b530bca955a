//! Accepts connections, with or without TLS, and serves HTTP/1.1 and HTTP/2 on them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use model::TlsDetails;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::exchange::{Gateway, Peer};
use crate::tls;

/// Time that a client has for the head of its next request, idle time on a kept-alive connection included.
const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Time that a client has for the TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, most often for want of file descriptors: connections that end free some.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Most bytes of a request head. AWS allows 8 KiB of query and 8 KiB of user metadata; presigned URLs add tokens.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A bound socket, ready to serve.
pub struct Listener {
    socket: TcpListener,
    acceptor: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds an address; port 0 picks a free one.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<rustls::ServerConfig>>) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket, acceptor: tls.map(TlsAcceptor::from) })
    }

    /// The bound address.
    ///
    /// # Errors
    /// The socket is gone.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections until `shutdown` ends, then lets open exchanges finish within the grace time of the
    /// settings.
    pub async fn serve(self, gateway: Arc<Gateway>, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(gateway.settings().connections_max));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .preserve_header_case(true)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_READ_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX);
        builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES_MAX as u32);
        let builder = Arc::new(builder);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut shutdown => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                    continue;
                }
            };
            let connection = Connection {
                gateway: Arc::clone(&gateway),
                builder: Arc::clone(&builder),
                watcher: graceful.watcher(),
                acceptor: self.acceptor.clone(),
            };
            tokio::spawn(async move {
                let metrics = connection.gateway.metrics().clone();
                metrics.connections.inc();
                connection.serve(stream, address.ip()).await;
                metrics.connections.dec();
                drop(slot);
            });
        }
        drop(self.socket);
        if tokio::time::timeout(gateway.settings().shutdown_grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not end within the shutdown grace time and are cut");
        }
        gateway.finish_records().await;
    }
}

struct Connection {
    gateway: Arc<Gateway>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    watcher: hyper_util::server::graceful::Watcher,
    acceptor: Option<TlsAcceptor>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, ip: IpAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        // An IPv4 client on a dual-stack socket is recorded with its IPv4 address.
        let ip = ip.to_canonical();
        let Some(acceptor) = self.acceptor.clone() else {
            return self.serve_http(stream, Peer { ip, tls: None }).await;
        };
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let details: TlsDetails = tls::details(stream.get_ref().1);
                self.serve_http(stream, Peer { ip, tls: Some(details) }).await;
            }
            Ok(Err(error)) => tracing::debug!(%ip, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%ip, "TLS handshake took too long"),
        }
    }

    async fn serve_http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let peer = Arc::new(peer);
        let gateway = self.gateway;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let peer = Arc::clone(&peer);
            async move { Ok::<_, Infallible>(gateway.serve(request, peer).await) }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
