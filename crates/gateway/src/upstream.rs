//! Upstreams: the services that calls are forwarded to.

use std::time::Duration;

use http::header::{CONNECTION, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::RequestBody;
use crate::connector::UpstreamConnector;
use crate::settings::GatewaySettings;

/// Longest time that an idle connection to an upstream is kept for the next call. Short enough to be gone before the
/// common servers close it from their side (nginx 75 s, Node 5 s, most others 60 s or more).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Most idle connections that are kept per upstream.
const POOL_IDLE_CONNECTIONS_MAX: usize = 1024;

/// Where an upstream is: a base URL of scheme and authority.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    fn uri_for(&self, path_and_query: Option<&PathAndQuery>) -> Result<Uri, http::uri::InvalidUriParts> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query.cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts)
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
        source: hyper_util::client::legacy::Error,
    },
    /// The connection broke before the answer's head; the call may have taken effect.
    #[error("the upstream {upstream} closed the connection before it answered")]
    Broken {
        /// Its URL.
        upstream: String,
        /// Why.
        #[source]
        source: hyper_util::client::legacy::Error,
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

/// A pooled client for all upstreams.
#[derive(Debug, Clone)]
pub struct UpstreamClient {
    client: Client<HttpsConnector<UpstreamConnector>, RequestBody>,
    response_timeout: Duration,
}

impl UpstreamClient {
    /// A client with the time-outs, the trust and the detours of the settings.
    ///
    /// # Panics
    /// Never: the only fallible step is the choice of TLS versions, which is fixed.
    pub fn new(settings: &GatewaySettings) -> Self {
        let connector = UpstreamConnector::new(settings.connect_timeout, settings.detours.clone());
        let builder = HttpsConnectorBuilder::new();
        let builder = match &settings.upstream_tls {
            Some(tls) => builder.with_tls_config(rustls::ClientConfig::clone(tls)),
            None => builder.with_webpki_roots(),
        };
        let https = builder.https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS_MAX)
            .http1_preserve_header_case(true)
            .build(https);
        Self { client, response_timeout: settings.response_timeout }
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
    ) -> Result<Response<Incoming>, UpstreamError> {
        let uri = upstream
            .uri_for(head.uri.path_and_query())
            .map_err(|error| UpstreamError::Unforwardable { reason: error.to_string() })?;
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head.headers.clone();
        // Holds the case in which the header names came, and is of no use to the record.
        *request.extensions_mut() = std::mem::take(&mut head.extensions);
        remove_hop_by_hop(request.headers_mut());
        let answer = tokio::time::timeout(self.response_timeout, self.client.request(request)).await;
        match answer {
            Ok(Ok(mut response)) => {
                remove_hop_by_hop(response.headers_mut());
                Ok(response)
            }
            Ok(Err(source)) => Err(explain(upstream, source)),
            Err(_) => Err(UpstreamError::TimedOut { upstream: upstream.to_string(), after: self.response_timeout }),
        }
    }
}

fn explain(upstream: &UpstreamUrl, source: hyper_util::client::legacy::Error) -> UpstreamError {
    let upstream = upstream.to_string();
    if source.is_connect() {
        return UpstreamError::Unreachable { upstream, source };
    }
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&source);
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            return UpstreamError::ClientGone;
        }
        cause = error.source();
    }
    UpstreamError::Broken { upstream, source }
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
    use http::HeaderValue;

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
