//! What a CONNECT request asks for.

use std::fmt;

use gateway::upstream::{UpstreamUrl, UpstreamUrlError};

use crate::authority::bare_host;

/// Host and port of a tunnel. The host is lower case; an IPv6 address has its brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TunnelTarget {
    host: String,
    port: u16,
}

/// The text is not the target of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a host and a port, such as s3.amazonaws.com:443")]
pub struct TunnelTargetError {
    text: String,
}

impl TunnelTarget {
    /// Parses `host:port`, the authority form of RFC 9112, section 3.2.3.
    ///
    /// # Errors
    /// No port, port 0, no host, an IPv6 address without brackets, or a character that no host has.
    pub fn parse(text: &str) -> Result<Self, TunnelTargetError> {
        let error = || TunnelTargetError { text: text.chars().take(300).collect() };
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let bare = bare_host(host);
        let is_address = bare.len() != host.len();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || (is_address && byte == b':');
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| *port != 0 && is_number).ok_or_else(error)?;
        if bare.is_empty() || !bare.bytes().all(fits) {
            return Err(error());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The origin of requests that come out of the tunnel. The port is left out where it is the scheme's own.
    ///
    /// # Errors
    /// The host cannot stand in a URL.
    pub fn origin(&self, scheme: &str) -> Result<UpstreamUrl, UpstreamUrlError> {
        let is_default = matches!((scheme, self.port), ("https", 443) | ("http", 80));
        if is_default {
            UpstreamUrl::parse(&format!("{scheme}://{}", self.host))
        } else {
            UpstreamUrl::parse(&format!("{scheme}://{self}"))
        }
    }
}

impl fmt::Display for TunnelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (text, origin) in [
            ("S3.amazonaws.com:443", "https://s3.amazonaws.com"),
            ("localhost:5001", "https://localhost:5001"),
            ("[::1]:443", "https://[::1]"),
            ("10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("my_host-1.internal:443", "https://my_host-1.internal"),
        ] {
            let target = TunnelTarget::parse(text).expect(text);
            assert_eq!(target.origin("https").expect(text).to_string(), origin);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "host",
            "host:",
            "host:0",
            "host:70000",
            "host:+1",
            ":443",
            "a b:443",
            "::1:443",
            "[]:1",
            "u@h:1",
            "h/:1",
        ] {
            assert!(TunnelTarget::parse(text).is_err(), "{text}");
        }
    }
}
