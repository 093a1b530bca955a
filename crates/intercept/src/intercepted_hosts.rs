//! Which connections are opened and recorded; all others are tunnelled unread.

use aws_wire::classify::is_aws_host;

use crate::tunnel_target::TunnelTarget;

/// Port of the AWS endpoints. Other ports of AWS hosts (databases, caches) speak other protocols.
const HTTPS_PORT: u16 = 443;

/// AWS endpoints, and what the user named.
#[derive(Debug, Clone, Default)]
pub struct InterceptedHosts {
    named: Vec<NamedHost>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedHost {
    host: String,
    port: Option<u16>,
    with_subdomains: bool,
}

/// The text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' names no host: expected HOST, HOST:PORT or *.HOST")]
pub struct NamedHostError {
    text: String,
}

impl InterceptedHosts {
    /// Adds a host: `HOST` on any port, `HOST:PORT`, or `*.HOST` for everything under it.
    ///
    /// # Errors
    /// A text of another form.
    pub fn add(&mut self, text: &str) -> Result<(), NamedHostError> {
        let error = || NamedHostError { text: text.to_owned() };
        let (with_subdomains, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        // A port is put behind a host that has none, so that one parser checks both forms.
        let target = if has_port { TunnelTarget::parse(rest) } else { TunnelTarget::parse(&format!("{rest}:1")) };
        let target = target.map_err(|_| error())?;
        let port = has_port.then(|| target.port());
        self.named.push(NamedHost { host: target.host().to_owned(), port, with_subdomains });
        Ok(())
    }

    /// Whether a connection is to be opened and recorded.
    pub fn contains(&self, target: &TunnelTarget) -> bool {
        (target.port() == HTTPS_PORT && is_aws_host(target.host())) || self.is_named(target)
    }

    /// Whether requests without encryption to this place are recorded whatever they are.
    pub fn contains_plain(&self, target: &TunnelTarget) -> bool {
        is_aws_host(target.host()) || self.is_named(target)
    }

    fn is_named(&self, target: &TunnelTarget) -> bool {
        self.named.iter().any(|named| {
            let fits = if named.with_subdomains {
                target.host().strip_suffix(&named.host).is_some_and(|before| before.ends_with('.'))
            } else {
                target.host() == named.host
            };
            fits && named.port.is_none_or(|port| port == target.port())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_endpoints_and_named_hosts() {
        let mut hosts = InterceptedHosts::default();
        for text in ["minio.corp", "localhost:5001", "*.garage.corp", "[::1]:9000"] {
            hosts.add(text).expect(text);
        }
        for (text, expected) in [
            ("s3.us-east-1.amazonaws.com:443", true),
            ("bucket.s3.amazonaws.com:443", true),
            ("sts.cn-north-1.amazonaws.com.cn:443", true),
            ("lambda.us-east-1.api.aws:443", true),
            ("db.x.eu-west-1.rds.amazonaws.com:5432", false),
            ("amazonaws.com.evil.example:443", false),
            ("notamazonaws.com:443", false),
            ("pypi.org:443", false),
            ("MINIO.corp:9000", true),
            ("localhost:5001", true),
            ("localhost:5002", false),
            ("b.garage.corp:3900", true),
            ("garage.corp:3900", false),
            ("[::1]:9000", true),
        ] {
            assert_eq!(hosts.contains(&TunnelTarget::parse(text).expect(text)), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "*.", "a b", "host:x", "http://host"] {
            assert!(InterceptedHosts::default().add(text).is_err(), "{text}");
        }
    }
}
