//! Opens connections to upstreams; some hosts may be reached elsewhere than their name says.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::body::BodyError;
use crate::parent_proxy::ParentProxy;
use crate::settings::GatewaySettings;

/// Connections that go elsewhere than their URL says. Everything above TCP (Host, the name in the TLS handshake, the
/// name that the certificate must bear) stays that of the URL.
#[derive(Debug, Clone, Default)]
pub struct Detours {
    by_place: Arc<HashMap<(String, u16), Authority>>,
}

/// The text is not a detour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a detour: expected HOST:PORT:ADDRESS:PORT, such as s3.amazonaws.com:443:127.0.0.1:5001")]
pub struct DetourError {
    text: String,
}

impl Detours {
    /// Parses texts of the form `HOST:PORT:ADDRESS:PORT`: connections to the first pair go to the second. An IPv6
    /// address stands in brackets.
    ///
    /// # Errors
    /// The first text of another form.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, DetourError> {
        let by_place = texts
            .into_iter()
            .map(|text| parse_detour(text).ok_or_else(|| DetourError { text: text.to_owned() }))
            .collect::<Result<_, _>>()?;
        Ok(Self { by_place: Arc::new(by_place) })
    }

    /// Where connections to a URL really go; `None` when they go where it says.
    fn of(&self, uri: &Uri) -> Option<Uri> {
        if self.by_place.is_empty() {
            return None;
        }
        let port = uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
        let mut parts = uri.clone().into_parts();
        parts.authority = Some(self.place_of(uri.host()?, port)?.clone());
        Uri::from_parts(parts).ok()
    }

    /// Where connections to a host and port really go; `None` when they go there.
    pub fn place_of(&self, host: &str, port: u16) -> Option<&Authority> {
        self.by_place.get(&(host.to_ascii_lowercase(), port))
    }
}

fn parse_detour(text: &str) -> Option<((String, u16), Authority)> {
    let (host, rest) = text.split_once(':')?;
    let (port, place) = rest.split_once(':')?;
    let place: Authority = place.parse().ok()?;
    place.port_u16()?;
    (!host.is_empty()).then_some(((host.to_ascii_lowercase(), port.parse().ok()?), place))
}

/// Opens TCP connections to upstreams.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamConnector {
    tcp: HttpConnector,
    detours: Detours,
    parent: Option<ParentProxy>,
}

impl UpstreamConnector {
    pub(crate) fn new(settings: &GatewaySettings) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        Self { tcp, detours: settings.detours.clone(), parent: settings.parent_proxy.clone() }
    }

    /// The proxy that leads to a URL, its own URL, and the place to ask it for.
    fn way_through(&self, uri: &Uri) -> Option<(ParentProxy, Uri, String)> {
        let parent = self.parent.as_ref().filter(|_| uri.scheme() == Some(&Scheme::HTTPS))?;
        let host = uri.host().filter(|host| parent.leads_to(host))?;
        let place = format!("{host}:{}", uri.port_u16().unwrap_or(443));
        Some((parent.clone(), parent.uri()?, place))
    }
}

impl Service<Uri> for UpstreamConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BodyError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let detour = self.detours.of(&uri);
        if detour.is_none()
            && let Some((parent, its_uri, place)) = self.way_through(&uri)
        {
            let connecting = self.tcp.call(its_uri);
            return Box::pin(async move {
                let mut stream = connecting.await?.into_inner();
                parent.open_tunnel(&mut stream, &place).await?;
                Ok(TokioIo::new(stream))
            });
        }
        let connecting = self.tcp.call(detour.unwrap_or(uri));
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_moves_the_connection_only_of_its_place() {
        let detours = Detours::parse(["S3.example.com:443:127.0.0.1:5001", "iam.example.com:80:[::1]:5002"]);
        let detours = detours.expect("detours");
        for (from, to) in [
            ("https://s3.example.com", Some("https://127.0.0.1:5001/")),
            ("https://s3.example.com:443", Some("https://127.0.0.1:5001/")),
            ("http://s3.example.com", None),
            ("http://iam.example.com", Some("http://[::1]:5002/")),
            ("https://sts.example.com", None),
        ] {
            let uri = from.parse().expect("a URL");
            assert_eq!(detours.of(&uri).map(|uri| uri.to_string()).as_deref(), to, "{from}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "host", "host:443", "host:443:127.0.0.1", ":443:127.0.0.1:1", "host:x:127.0.0.1:1"] {
            assert!(Detours::parse([text]).is_err(), "{text}");
        }
    }
}
