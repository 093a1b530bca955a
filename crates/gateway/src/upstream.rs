//! Upstreams: the services that calls are forwarded to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use http_body::{Body, Frame, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tower::ServiceExt;

use crate::body::{BodyError, RequestBody};
use crate::connector::UpstreamConnector;
use crate::http1::body::WireBody;
use crate::http1::client::{SendError, UpstreamConnection};
use crate::http1::head::{AnswerHead, HeaderLines, Outgoing};
use crate::http1::io::Stream;
use crate::settings::GatewaySettings;

/// Longest time that an idle connection to an upstream is kept for the next call, in ticks of the pool. Short enough to be
/// gone before the common servers close it from their side (nginx 75 s, Node 5 s, most others 60 s or more).
const POOL_IDLE_TICKS: u64 = 4;

/// A tick of the pool. Its age is counted in them, because to ask for the time costs each call more than a count.
const POOL_TICK: Duration = Duration::from_secs(1);

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

    /// Host and port, as a Host header has them.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
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
        source: Box<dyn std::error::Error + Send + Sync>,
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
        let connector = UpstreamConnector::new(settings);
        let builder = HttpsConnectorBuilder::new();
        let builder = match &settings.upstream_tls {
            Some(tls) => builder.with_tls_config(rustls::ClientConfig::clone(tls)),
            // Named: where another crate of the process brings a second provider, there is no default one.
            None => builder
                .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
                .expect("the provider knows the default versions of TLS"),
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(connector);
        Self { connector, response_timeout: settings.response_timeout, pool: Pool::start() }
    }

    /// Forwards a request and waits for the head of the answer.
    ///
    /// Method, path, query, end-to-end headers and body go on as received, the headers in the lines in which they came
    /// where those are given.
    ///
    /// # Errors
    /// As [`UpstreamError`] tells them apart: whether the call may have taken effect.
    pub(crate) async fn send(
        &self,
        upstream: &Arc<UpstreamUrl>,
        head: &http::request::Parts,
        lines: Option<&HeaderLines>,
        mut body: RequestBody,
    ) -> Result<(AnswerHead, UpstreamBody), UpstreamError> {
        let outgoing = Outgoing { head, lines, host: upstream.authority() };
        loop {
            let pooled = self.pool.take(upstream);
            let is_reused = pooled.is_some();
            let connection = match pooled {
                Some(connection) => connection,
                None => Box::pin(self.connect(upstream)).await?,
            };
            let (pool, place) = (Arc::clone(&self.pool), Arc::clone(upstream));
            let put_back = move |connection| pool.put_back(&place, connection);
            match connection.send(&outgoing, &mut body, self.response_timeout, put_back).await {
                Ok((head, body)) => return Ok((head, UpstreamBody(body))),
                // The upstream closed a kept connection at this moment. A call that may be repeated goes to the next
                // one; of any other nobody knows whether it took effect.
                Err(SendError::Closed(_)) if is_reused && is_repeatable(head, &body) => {}
                Err(error) => return Err(self.explain(upstream, error)),
            }
        }
    }

    async fn connect(&self, upstream: &UpstreamUrl) -> Result<UpstreamConnection, UpstreamError> {
        let unreachable = |source| UpstreamError::Unreachable { upstream: upstream.to_string(), source };
        let stream = self.connector.clone().oneshot(upstream.uri()).await.map_err(unreachable)?;
        Ok(UpstreamConnection::new(match stream {
            MaybeHttpsStream::Http(stream) => Stream::Plain(stream.into_inner()),
            MaybeHttpsStream::Https(stream) => Stream::Other(Box::new(TokioIo::new(stream))),
        }))
    }

    fn explain(&self, upstream: &UpstreamUrl, error: SendError) -> UpstreamError {
        let upstream = upstream.to_string();
        match error {
            SendError::RequestBody(_) => UpstreamError::ClientGone,
            SendError::TimedOut => UpstreamError::TimedOut { upstream, after: self.response_timeout },
            error => UpstreamError::Broken { upstream, source: error.into() },
        }
    }
}

/// Whether a call may be sent again: it is safe by its method (RFC 9110, section 9.2.1), and its body is at hand.
fn is_repeatable(head: &http::request::Parts, body: &RequestBody) -> bool {
    matches!(body, RequestBody::Whole { trailers: None, .. }) && head.method.is_safe()
}

/// Body of an upstream's answer; its connection takes the next call once it is read to its end.
#[derive(Debug)]
pub struct UpstreamBody(WireBody);

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.get_mut().0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Connections that wait for the next call.
#[derive(Debug, Default)]
struct Pool(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By upstream. There are few, so that going through them costs less than a hash.
    idle: Vec<(Arc<UpstreamUrl>, Vec<Idle>)>,
    /// Ticks since the pool began.
    now: u64,
}

#[derive(Debug)]
struct Idle {
    connection: UpstreamConnection,
    /// The tick in which it was put back.
    since: u64,
}

impl Idle {
    fn is_usable(&self, now: u64) -> bool {
        self.connection.is_quiet() && now - self.since < POOL_IDLE_TICKS
    }
}

impl Pool {
    /// A pool, and the task that closes what waits too long. It ends with the pool.
    fn start() -> Arc<Self> {
        let pool = Arc::new(Self::default());
        let weak = Arc::downgrade(&pool);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(POOL_TICK).await;
                let Some(pool) = weak.upgrade() else { break };
                let waiting = &mut *pool.0.lock();
                waiting.now += 1;
                waiting.idle.retain_mut(|(_, connections)| {
                    connections.retain(|idle| idle.is_usable(waiting.now));
                    !connections.is_empty()
                });
            }
        });
        pool
    }

    /// The connection that was used last: it is the least likely to be closed by now.
    fn take(&self, upstream: &Arc<UpstreamUrl>) -> Option<UpstreamConnection> {
        let waiting = &mut *self.0.lock();
        let (_, connections) = waiting.idle.iter_mut().find(|(place, _)| is_same(place, upstream))?;
        while let Some(candidate) = connections.pop() {
            if candidate.is_usable(waiting.now) {
                return Some(candidate.connection);
            }
        }
        None
    }

    fn put_back(&self, upstream: &Arc<UpstreamUrl>, connection: UpstreamConnection) {
        let waiting = &mut *self.0.lock();
        let connection = Idle { connection, since: waiting.now };
        match waiting.idle.iter_mut().find(|(place, _)| is_same(place, upstream)) {
            Some((_, connections)) if connections.len() >= POOL_IDLE_CONNECTIONS_MAX => {}
            Some((_, connections)) => connections.push(connection),
            None => waiting.idle.push((Arc::clone(upstream), vec![connection])),
        }
    }
}

fn is_same(one: &Arc<UpstreamUrl>, other: &Arc<UpstreamUrl>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_connection_waits_for_some_ticks_and_no_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let place = Arc::new(UpstreamUrl::parse(&format!("http://{address}")).expect("a URL"));
        for (ticks, is_kept) in [(0, true), (POOL_IDLE_TICKS - 1, true), (POOL_IDLE_TICKS, false)] {
            let pool = Pool::default();
            let stream = TcpStream::connect(address).await.expect("a connection");
            let (_other_end, _) = listener.accept().await.expect("a connection");
            pool.put_back(&place, UpstreamConnection::new(Stream::Plain(stream)));
            pool.0.lock().now += ticks;
            assert_eq!(pool.take(&place).is_some(), is_kept, "after {ticks} ticks");
            assert!(pool.take(&place).is_none(), "nobody gets it twice");
        }
    }

    #[test]
    fn upstream_urls_have_no_path() {
        for text in ["http://127.0.0.1:5000", "https://s3.example.org", "http://[::1]:4566/"] {
            UpstreamUrl::parse(text).expect(text);
        }
        for text in ["", "127.0.0.1:5000", "ftp://h", "http://h/path", "http://u:p@h", "http://h/?q=1"] {
            UpstreamUrl::parse(text).expect_err(text);
        }
    }
}
