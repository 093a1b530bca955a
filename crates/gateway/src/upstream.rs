//! Upstreams: the services that calls are forwarded to.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use parking_lot::Mutex;
use tower::ServiceExt;

use crate::body::RequestBody;
use crate::connector::UpstreamConnector;
use crate::settings::GatewaySettings;

/// Longest time that an idle connection to an upstream is kept for the next call. Short enough to be gone before the
/// common servers close it from their side (nginx 75 s, Node 5 s, most others 60 s or more).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Most idle connections that are kept per upstream.
const POOL_IDLE_CONNECTIONS_MAX: usize = 1024;

/// Where an upstream is: a base URL of scheme and authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    scheme: Scheme,
    authority: Authority,
}

/// The text is not the URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an upstream: {reason}; expected a form such as http://127.0.0.1:5000")]
pub struct UpstreamUrlError {
    text: String,
    reason: &'static str,
}

impl UpstreamUrl {
    /// Parses `http://host[:port]` or `https://host[:port]`.
    ///
    /// # Errors
    /// Another scheme, no host, user information, or a path: paths are forwarded as received, because signatures cover
    /// them.
    pub fn parse(text: &str) -> Result<Self, UpstreamUrlError> {
        let error = |reason| UpstreamUrlError { text: text.to_owned(), reason };
        let uri: Uri = text.parse().map_err(|_| error("it is not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::HTTP,
            Some("https") => Scheme::HTTPS,
            _ => return Err(error("its scheme is neither http nor https")),
        };
        let authority = uri.authority().cloned().ok_or_else(|| error("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(error("it holds user information"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(error("it has a path, which signatures do not allow to be changed"));
        }
        Ok(Self { scheme, authority })
    }

    /// Where a connection goes.
    fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

impl std::fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// An upstream did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection; the call did not reach it.
    #[error("no connection to the upstream {upstream}")]
    Unreachable {
        /// Its URL.
        upstream: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke before the answer's head; the call may have taken effect.
    #[error("the upstream {upstream} closed the connection before it answered")]
    Broken {
        /// Its URL.
        upstream: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The client stopped sending its body.
    #[error("the client went away before it had sent its whole request")]
    ClientGone,
    /// No answer in time; the call may have taken effect.
    #[error("the upstream {upstream} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// Its URL.
        upstream: String,
        /// The time that it had.
        after: Duration,
    },
    /// The request cannot be written for an upstream.
    #[error("the request cannot be forwarded: {reason}")]
    Unforwardable {
        /// Why.
        reason: String,
    },
}

/// A client for all upstreams. Cheap to clone; its connections belong to the runtime that it is used on.
#[derive(Clone)]
pub struct UpstreamClient {
    connector: HttpsConnector<UpstreamConnector>,
    response_timeout: Duration,
    pool: Arc<Pool>,
}

impl UpstreamClient {
    /// A client with the time-outs, the trust and the detours of the settings. To be made on the runtime that it is used
    /// on.
    pub fn new(settings: &GatewaySettings) -> Self {
        let connector = UpstreamConnector::new(settings.connect_timeout, settings.detours.clone());
        let builder = HttpsConnectorBuilder::new();
        let builder = match &settings.upstream_tls {
            Some(tls) => builder.with_tls_config(rustls::ClientConfig::clone(tls)),
            None => builder.with_webpki_roots(),
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(connector);
        Self { connector, response_timeout: settings.response_timeout, pool: Pool::start() }
    }

    /// Forwards a request and waits for the head of the answer.
    ///
    /// Method, path, query, end-to-end headers and body go on as received.
    ///
    /// # Errors
    /// As [`UpstreamError`] tells them apart: whether the call may have taken effect.
    pub async fn send(
        &self,
        upstream: &UpstreamUrl,
        head: &mut http::request::Parts,
        body: RequestBody,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let request = forwarded(upstream, head, body)?;
        let answer = tokio::time::timeout(self.response_timeout, self.answer(upstream, request)).await;
        answer.unwrap_or_else(|_| {
            Err(UpstreamError::TimedOut { upstream: upstream.to_string(), after: self.response_timeout })
        })
    }

    async fn answer(
        &self,
        upstream: &UpstreamUrl,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        loop {
            let pooled = self.pool.take(upstream);
            let is_reused = pooled.is_some();
            let mut sender = match pooled {
                Some(sender) => sender,
                None => Box::pin(self.connect(upstream)).await?,
            };
            if let Err(error) = sender.ready().await {
                if is_reused {
                    continue;
                }
                return Err(explain(upstream, error));
            }
            match sender.try_send_request(request).await {
                Ok(mut response) => {
                    remove_hop_by_hop(response.headers_mut());
                    let lease = Lease { sender, upstream: upstream.clone(), pool: Arc::clone(&self.pool) };
                    return Ok(response.map(|body| UpstreamBody { body, lease: Some(lease) }));
                }
                // A kept connection that the upstream closed at this moment: nothing of the request was written, so
                // that it goes to the next one.
                Err(mut error) => match error.take_message().filter(|_| is_reused) {
                    Some(unsent) => request = unsent,
                    None => return Err(explain(upstream, error.into_error())),
                },
            }
        }
    }

    async fn connect(&self, upstream: &UpstreamUrl) -> Result<SendRequest<RequestBody>, UpstreamError> {
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| UpstreamError::Unreachable {
            upstream: upstream.to_string(),
            source,
        };
        let stream = self.connector.clone().oneshot(upstream.uri()).await.map_err(unreachable)?;
        let mut builder = http1::Builder::new();
        builder.preserve_header_case(true);
        let (sender, connection) = builder.handshake(stream).await.map_err(|error| unreachable(error.into()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
        Ok(sender)
    }
}

/// The request as the upstream gets it.
fn forwarded(
    upstream: &UpstreamUrl,
    head: &mut http::request::Parts,
    body: RequestBody,
) -> Result<Request<RequestBody>, UpstreamError> {
    let unforwardable = |reason: String| UpstreamError::Unforwardable { reason };
    let mut target = http::uri::Parts::default();
    target.path_and_query = Some(head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from_parts(target).map_err(|error| unforwardable(error.to_string()))?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = head.headers.clone();
    // Holds the case in which the header names came, and is of no use to the record.
    *request.extensions_mut() = std::mem::take(&mut head.extensions);
    remove_hop_by_hop(request.headers_mut());
    if !request.headers().contains_key(HOST) {
        let host = HeaderValue::from_str(upstream.authority.as_str());
        request.headers_mut().insert(HOST, host.map_err(|error| unforwardable(error.to_string()))?);
    }
    Ok(request)
}

/// Body of an upstream's answer; its connection takes the next call once it is read to its end.
#[derive(Debug)]
pub struct UpstreamBody {
    body: Incoming,
    lease: Option<Lease>,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // An answer that nobody reads to its end takes its connection with it.
        if let Some(lease) = self.lease.take().filter(|_| self.body.is_end_stream()) {
            lease.pool.put_back(lease.upstream, lease.sender);
        }
    }
}

/// A connection that is answering.
#[derive(Debug)]
struct Lease {
    sender: SendRequest<RequestBody>,
    upstream: UpstreamUrl,
    pool: Arc<Pool>,
}

/// Connections that wait for the next call.
#[derive(Debug, Default)]
struct Pool {
    idle: Mutex<HashMap<UpstreamUrl, Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

impl Idle {
    fn is_usable(&self) -> bool {
        !self.sender.is_closed() && self.since.elapsed() < POOL_IDLE_TIMEOUT
    }
}

impl Pool {
    /// A pool, and the task that closes what waits too long. It ends with the pool.
    fn start() -> Arc<Self> {
        let pool = Arc::new(Self::default());
        let weak = Arc::downgrade(&pool);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(POOL_IDLE_TIMEOUT / 2).await;
                let Some(pool) = weak.upgrade() else { break };
                pool.idle.lock().retain(|_, connections| {
                    connections.retain(Idle::is_usable);
                    !connections.is_empty()
                });
            }
        });
        pool
    }

    /// The connection that was used last: it is the least likely to be closed by now.
    fn take(&self, upstream: &UpstreamUrl) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.idle.lock();
        let connections = idle.get_mut(upstream)?;
        while let Some(candidate) = connections.pop() {
            if candidate.is_usable() {
                return Some(candidate.sender);
            }
        }
        None
    }

    fn put_back(&self, upstream: UpstreamUrl, sender: SendRequest<RequestBody>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock();
        let connections = idle.entry(upstream).or_default();
        if connections.len() < POOL_IDLE_CONNECTIONS_MAX {
            connections.push(Idle { sender, since: Instant::now() });
        }
    }
}

fn explain(upstream: &UpstreamUrl, error: hyper::Error) -> UpstreamError {
    // The only user of this connection is the request's body.
    if error.is_user() {
        return UpstreamError::ClientGone;
    }
    UpstreamError::Broken { upstream: upstream.to_string(), source: error }
}

/// Removes the headers that belong to one connection only (RFC 9110, section 7.6.1).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [TRANSFER_ENCODING, UPGRADE, TE, TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_urls_have_no_path() {
        for text in ["http://127.0.0.1:5000", "https://s3.example.org", "http://[::1]:4566/"] {
            UpstreamUrl::parse(text).expect(text);
        }
        for text in ["", "127.0.0.1:5000", "ftp://h", "http://h/path", "http://u:p@h", "http://h/?q=1"] {
            UpstreamUrl::parse(text).expect_err(text);
        }
    }

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Drop"),
            ("x-drop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("host", "h"),
            ("x-amz-date", "d"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-amz-date"]);
    }
}
