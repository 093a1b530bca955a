//! A proxy between the gateway and its upstreams, as companies have them: TLS connections go through its tunnels.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes of a proxy's answer to CONNECT; its headers say nothing to us.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Time that a proxy has to open a tunnel: it resolves and connects in our place.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP proxy that opens tunnels, and the hosts that are reached without it.
#[derive(Clone)]
pub struct ParentProxy {
    inner: Arc<Inner>,
}

struct Inner {
    authority: Authority,
    /// Value of `Proxy-Authorization`, a secret.
    authorization: Option<String>,
    exempt: Vec<String>,
    exempts_all: bool,
}

/// The text is not the URL of a proxy that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy cannot be used: {reason}; expected a form such as http://proxy.corp:3128")]
pub struct ParentProxyError {
    reason: &'static str,
}

impl fmt::Debug for ParentProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParentProxy({})", self.inner.authority)
    }
}

impl ParentProxy {
    /// Parses the values of `HTTPS_PROXY` and `NO_PROXY`. A proxy without a scheme is an HTTP proxy.
    ///
    /// `NO_PROXY` is a list of names with commas between: a name stands for itself and everything under it, with or
    /// without a leading dot; `*` for all. Ports in it are not looked at.
    ///
    /// # Errors
    /// Another scheme, or no host. The text itself, which may hold a password, is not in the error.
    pub fn parse(url: &str, no_proxy: &str) -> Result<Self, ParentProxyError> {
        let error = |reason| ParentProxyError { reason };
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(error("its scheme is not http")),
            None => url,
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let authority: Authority = place.parse().map_err(|_| error("it names no host"))?;
        if authority.host().is_empty() {
            return Err(error("it names no host"));
        }
        let authorization = user.map(|user| {
            let decoded: Vec<u8> = percent_decode_str(user).collect();
            format!("Basic {}", STANDARD.encode(decoded))
        });
        let names =
            no_proxy.split(',').map(|name| without_port(name.trim().trim_start_matches('.')).to_ascii_lowercase());
        let exempt: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        let exempts_all = exempt.iter().any(|name| name == "*");
        Ok(Self { inner: Arc::new(Inner { authority, authorization, exempt, exempts_all }) })
    }

    /// Whether connections to a host go through the proxy. Those to this machine never do.
    pub fn leads_to(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let is_local = host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let is_under = |name: &String| {
            host.strip_suffix(name.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        !is_local && !self.inner.exempts_all && !self.inner.exempt.iter().any(is_under)
    }

    /// Where the proxy is.
    pub fn authority(&self) -> &Authority {
        &self.inner.authority
    }

    pub(crate) fn uri(&self) -> Option<Uri> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.inner.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).ok()
    }

    /// Asks the proxy at the other end of a stream for a tunnel to `place` (`host:port`). From then on the stream is
    /// that of the place.
    ///
    /// # Errors
    /// The proxy refuses, is too slow, or answers with something that is not HTTP.
    pub async fn open_tunnel<S>(&self, stream: &mut S, place: &str) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::time::timeout(TUNNEL_TIMEOUT, self.ask(stream, place)).await?
    }

    async fn ask<S>(&self, stream: &mut S, place: &str) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
        if let Some(authorization) = &self.inner.authorization {
            request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let head = read_head(stream).await?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
        if status.starts_with('2') {
            return Ok(());
        }
        let line: String = head.lines().next().unwrap_or_default().chars().take(100).collect();
        Err(io::Error::other(format!("the proxy {} opens no tunnel to {place}: {line}", self.inner.authority)))
    }
}

/// Reads up to the empty line and not a byte further: what follows is the tunnel's.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= ANSWER_BYTES_MAX {
            return Err(io::Error::other("the proxy's answer does not end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn without_port(name: &str) -> &str {
    match name.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_reached_without_it() {
        let proxy =
            ParentProxy::parse("http://proxy.corp:3128", "corp, .example.com,10.0.0.1,host:8080").expect("a proxy");
        for host in ["s3.amazonaws.com", "corp.example.org", "notcorp", "10.0.0.2", "[2001:db8::1]"] {
            assert!(proxy.leads_to(host), "{host}");
        }
        for host in ["CORP", "minio.corp", "example.com", "a.example.com", "10.0.0.1", "host", "localhost", "[::1]"] {
            assert!(!proxy.leads_to(host), "{host}");
        }
        assert!(!ParentProxy::parse("proxy:1", "*").expect("a proxy").leads_to("s3.amazonaws.com"));
    }

    #[test]
    fn other_urls_are_refused_without_their_password() {
        for url in ["socks5://u:secret@h:1", "https://u:secret@h:1", "http://", "http://u:secret@", ""] {
            let error = ParentProxy::parse(url, "").expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let proxy = ParentProxy::parse("http://u:secret@h:1", "").expect("a proxy");
        assert_eq!(format!("{proxy:?}"), "ParentProxy(h:1)");
    }

    async fn ask(url: &str, answer: &'static str) -> (io::Result<()>, String) {
        let proxy = ParentProxy::parse(url, "").expect("a proxy");
        let (mut near, mut far) = tokio::io::duplex(4096);
        let other_end = tokio::spawn(async move {
            let asked = read_head(&mut far).await.expect("a request");
            far.write_all(answer.as_bytes()).await.expect("an answer");
            asked
        });
        let outcome = proxy.open_tunnel(&mut near, "s3.amazonaws.com:443").await;
        if outcome.is_ok() {
            let mut rest = [0; 3];
            near.read_exact(&mut rest).await.expect("the tunnel's own bytes");
            assert_eq!(&rest, b"TLS");
        }
        (outcome, other_end.await.expect("a request"))
    }

    #[tokio::test]
    async fn tunnels() {
        let (outcome, asked) = ask("http://ana:p%40ss@proxy:3128", "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nTLS").await;
        outcome.expect("a tunnel");
        assert_eq!(
            asked,
            "CONNECT s3.amazonaws.com:443 HTTP/1.1\r\nHost: s3.amazonaws.com:443\r\n\
             Proxy-Authorization: Basic YW5hOnBAc3M=\r\n\r\n"
        );
        let (outcome, asked) = ask("proxy:3128", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        let error = outcome.expect_err("no tunnel").to_string();
        assert!(error.contains("407") && !asked.contains("Authorization"), "{error}");
        ask("proxy:3128", "nonsense\r\n\r\n").await.0.expect_err("no HTTP");
    }
}
