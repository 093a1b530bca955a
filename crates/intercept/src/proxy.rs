//! The forward proxy, and listeners in front of local endpoints.
//!
//! A CONNECT to an AWS endpoint is opened: TLS ends here, with a certificate of the run's authority, and each request in
//! it goes through the gateway to the host that the program asked for. A CONNECT to any other host is tunnelled, and
//! nothing of it is read. A request with an absolute URL goes through the gateway if it is for AWS or signed, and is
//! passed on unrecorded otherwise.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_wire::RequestHead;
use aws_wire::sigv4::{self, Presented};
use gateway::body::AnswerBody;
use gateway::exchange::{Connection, Lane, Peer};
use gateway::upstream::UpstreamUrl;
use gateway::{Gateway, answer, http_builder, tls};
use http::uri::Scheme;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::authority::{EphemeralAuthority, bare_host, is_loopback};
use crate::environment::Endpoint;
use crate::intercepted_hosts::InterceptedHosts;
use crate::replayed::Replayed;
use crate::summary::HostCounts;
use crate::tunnel_target::TunnelTarget;

/// Time that a client has for the TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time to reach a host that is tunnelled to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept, most often for want of file descriptors: connections that end free some.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);
/// First byte of a TLS connection: a handshake record. Source: RFC 8446, section 5.1.
const TLS_HANDSHAKE: u8 = 22;

/// Connections that the proxy did not record.
#[derive(Debug, Default)]
pub struct Unrecorded {
    /// Tunnelled, because their host is not to be recorded.
    pub tunnelled: HostCounts,
    /// Broken off by the program, which does not trust the run's certificates.
    pub distrusted: HostCounts,
}

/// The proxy of one run.
pub struct InterceptProxy {
    gateway: Arc<Gateway>,
    lane: Lane,
    authority: EphemeralAuthority,
    hosts: InterceptedHosts,
    /// Endpoints behind our own listeners, by the listener's port: programs may reach them through the proxy as well.
    local_endpoints: Mutex<HashMap<u16, Arc<UpstreamUrl>>>,
    unrecorded: Mutex<Unrecorded>,
    http: auto::Builder<TokioExecutor>,
}

impl InterceptProxy {
    /// A proxy over a gateway whose routes go to the origin. To be called on the runtime that is to serve.
    pub fn new(gateway: Arc<Gateway>, authority: EphemeralAuthority, hosts: InterceptedHosts) -> Arc<Self> {
        let lane = gateway.lane();
        Arc::new(Self {
            gateway,
            lane,
            authority,
            hosts,
            local_endpoints: Mutex::default(),
            unrecorded: Mutex::default(),
            http: http_builder(),
        })
    }

    /// Starts the forward proxy on a free port of this machine; gives the port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn listen(self: &Arc<Self>) -> io::Result<u16> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let port = listener.local_addr()?.port();
        let proxy = Arc::clone(self);
        tokio::spawn(accept(listener, move |stream, ip| Arc::clone(&proxy).serve_proxy(stream, ip)));
        Ok(port)
    }

    /// Starts a recording listener in front of a local endpoint, on the same host and with TLS if the endpoint has it;
    /// gives the port.
    ///
    /// # Errors
    /// No port is free, or the endpoint's name can stand in no certificate.
    pub async fn listen_before(self: &Arc<Self>, endpoint: &Endpoint) -> io::Result<u16> {
        let host = bare_host(endpoint.target.host()).to_owned();
        let ip = host.parse::<IpAddr>().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let origin = Arc::new(endpoint.origin().ok_or_else(|| io::Error::other("the endpoint is no URL"))?);
        let listener = TcpListener::bind(SocketAddr::from((ip, 0))).await?;
        let port = listener.local_addr()?.port();
        self.local_endpoints.lock().insert(port, Arc::clone(&origin));
        let (proxy, has_tls) = (Arc::clone(self), endpoint.has_tls);
        tokio::spawn(accept(listener, move |stream, ip| {
            let (proxy, origin, host) = (Arc::clone(&proxy), Arc::clone(&origin), host.clone());
            async move {
                if has_tls {
                    proxy.serve_tls(stream, ip, &host, origin).await;
                } else {
                    proxy.serve_requests(stream, Peer { ip, connected_ip: ip, tls: None, origin: Some(origin) }).await;
                }
            }
        }));
        Ok(port)
    }

    /// Takes what was counted of connections that were not recorded.
    pub fn take_unrecorded(&self) -> Unrecorded {
        std::mem::take(&mut self.unrecorded.lock())
    }

    /// The certificate that programs must trust.
    pub fn certificate_pem(&self) -> String {
        self.authority.certificate_pem()
    }

    /// Serves a connection to the proxy itself.
    async fn serve_proxy(self: Arc<Self>, stream: TcpStream, ip: IpAddr) {
        let service = service_fn(move |request: Request<Incoming>| {
            let proxy = Arc::clone(&self);
            async move { Ok::<_, Infallible>(proxy.answer(request, ip).await) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.preserve_header_case(true);
        if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await {
            tracing::debug!(%error, "a connection to the proxy ended");
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, ip: IpAddr) -> Response<AnswerBody> {
        if request.method() == Method::CONNECT {
            return self.connect(request, ip).await;
        }
        let Some((scheme, target)) = absolute_target(&request) else {
            return answer::plain(
                400,
                "This is the proxy of `opentrail record`: it takes CONNECT and absolute URLs.\n",
            );
        };
        let origin = match self.local_endpoint(&target) {
            Some(origin) => origin,
            None => match target.origin(scheme) {
                Ok(origin) => Arc::new(origin),
                Err(error) => return answer::plain(400, &format!("{error}\n")),
            },
        };
        let is_recorded =
            self.local_endpoint(&target).is_some() || self.hosts.contains_plain(&target) || is_signed(&request);
        let peer = Peer { ip, connected_ip: ip, tls: None, origin: Some(origin) };
        let connection = Arc::new(Connection { peer, lane: self.lane.clone() });
        if is_recorded {
            Arc::clone(&self.gateway).serve(request, connection).await
        } else {
            Arc::clone(&self.gateway).serve_unrecorded(request, connection).await
        }
    }

    /// The endpoint behind one of our own listeners.
    fn local_endpoint(&self, target: &TunnelTarget) -> Option<Arc<UpstreamUrl>> {
        is_loopback(target.host()).then(|| self.local_endpoints.lock().get(&target.port()).cloned())?
    }

    async fn connect(self: Arc<Self>, mut request: Request<Incoming>, ip: IpAddr) -> Response<AnswerBody> {
        let authority = request.uri().authority().map(|authority| authority.as_str()).unwrap_or_default();
        let target = match TunnelTarget::parse(authority) {
            Ok(target) => target,
            Err(error) => return answer::plain(400, &format!("{error}\n")),
        };
        let upgrade = hyper::upgrade::on(&mut request);
        if self.local_endpoint(&target).is_some() || self.hosts.contains(&target) {
            tokio::spawn(async move {
                match upgrade.await {
                    Ok(upgraded) => self.intercept(upgraded, ip, target).await,
                    Err(error) => tracing::debug!(%target, %error, "a tunnel was given up"),
                }
            });
            return established();
        }
        self.unrecorded.lock().tunnelled.count(target.host());
        match self.reach(&target).await {
            Ok(outer) => {
                tokio::spawn(async move {
                    match upgrade.await {
                        Ok(upgraded) => tunnel(TokioIo::new(upgraded), outer).await,
                        Err(error) => tracing::debug!(%target, %error, "a tunnel was given up"),
                    }
                });
                established()
            }
            Err(error) => answer::plain(502, &format!("OpenTrail cannot reach {target}: {error}.\n")),
        }
    }

    async fn reach(&self, target: &TunnelTarget) -> io::Result<TcpStream> {
        let place = self.gateway.settings().detours.place_of(target.host(), target.port());
        let parent = self.gateway.settings().parent_proxy.as_ref();
        let parent = parent.filter(|parent| place.is_none() && parent.leads_to(target.host()));
        let next = match (place, parent) {
            (Some(place), _) => place.to_string(),
            (None, Some(parent)) => parent.authority().to_string(),
            (None, None) => target.to_string(),
        };
        let mut stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&next)).await??;
        stream.set_nodelay(true)?;
        if let Some(parent) = parent {
            parent.open_tunnel(&mut stream, &target.to_string()).await?;
        }
        Ok(stream)
    }

    /// Opens a tunnel, whatever it carries: TLS, plain HTTP, or something else, which is tunnelled after all.
    async fn intercept(self: Arc<Self>, upgraded: Upgraded, ip: IpAddr, target: TunnelTarget) {
        let stream = match Replayed::after_first_bytes(TokioIo::new(upgraded)).await {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%target, %error, "a tunnel carried nothing"),
        };
        let origin_for = |scheme| self.local_endpoint(&target).or_else(|| target.origin(scheme).ok().map(Arc::new));
        match stream.first_byte() {
            None => {}
            Some(TLS_HANDSHAKE) => {
                let Some(origin) = origin_for("https") else { return };
                let host = bare_host(target.host()).to_owned();
                self.serve_tls(stream, ip, &host, origin).await;
            }
            Some(letter) if letter.is_ascii_uppercase() => {
                let origin = origin_for("http");
                self.serve_requests(stream, Peer { ip, connected_ip: ip, tls: None, origin }).await;
            }
            Some(_) => {
                self.unrecorded.lock().tunnelled.count(target.host());
                match self.reach(&target).await {
                    Ok(outer) => tunnel(stream, outer).await,
                    Err(error) => tracing::debug!(%target, %error, "cannot be reached"),
                }
            }
        }
    }

    async fn serve_tls(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        ip: IpAddr,
        host: &str,
        origin: Arc<UpstreamUrl>,
    ) {
        let config = match self.authority.server_config(host) {
            Ok(config) => config,
            Err(error) => return tracing::warn!(host, %error, "no certificate"),
        };
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => {
                let details = tls::details(stream.get_ref().1);
                self.serve_requests(stream, Peer { ip, connected_ip: ip, tls: Some(details), origin: Some(origin) })
                    .await;
            }
            Ok(Err(error)) => {
                self.unrecorded.lock().distrusted.count(host);
                tracing::debug!(host, %error, "TLS handshake failed");
            }
            Err(_) => tracing::debug!(host, "TLS handshake took too long"),
        }
    }

    /// Serves the requests of one connection, all of which go to the peer's origin.
    async fn serve_requests(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let connection = Arc::new(Connection { peer, lane: self.lane.clone() });
        let gateway = &self.gateway;
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, connection) = (Arc::clone(gateway), Arc::clone(&connection));
            async move { Ok::<_, Infallible>(gateway.serve(request, connection).await) }
        });
        if let Err(error) = self.http.serve_connection(TokioIo::new(stream), service).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// Accepts connections until the task is ended with its runtime.
async fn accept<F, S>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream, IpAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                tokio::spawn(serve(stream, address.ip().to_canonical()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            }
        }
    }
}

async fn tunnel(mut inner: impl AsyncRead + AsyncWrite + Unpin, mut outer: TcpStream) {
    if let Err(error) = copy_bidirectional(&mut inner, &mut outer).await {
        tracing::debug!(%error, "a tunnel ended");
    }
}

fn established() -> Response<AnswerBody> {
    Response::new(AnswerBody::whole(bytes::Bytes::new(), None))
}

/// Scheme and place of a request with an absolute URL.
fn absolute_target(request: &Request<Incoming>) -> Option<(&'static str, TunnelTarget)> {
    let uri = request.uri();
    let (scheme, port) = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => ("https", 443),
        Some(scheme) if *scheme == Scheme::HTTP => ("http", 80),
        _ => return None,
    };
    let port = uri.port_u16().unwrap_or(port);
    Some((scheme, TunnelTarget::parse(&format!("{}:{port}", uri.host()?)).ok()?))
}

/// Whether a request bears credentials of AWS, in whatever form.
fn is_signed(request: &Request<Incoming>) -> bool {
    let uri = request.uri();
    let head =
        RequestHead { method: request.method(), path: uri.path(), query: uri.query(), headers: request.headers() };
    matches!(
        sigv4::parse(&head),
        Ok(Presented::Header(_) | Presented::PresignedQuery(_) | Presented::SigV4A { .. } | Presented::SigV2 { .. })
    )
}
