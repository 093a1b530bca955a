//! The variables that lead a program's calls here.
//!
//! AWS endpoints are reached through `HTTPS_PROXY`, endpoints without TLS through `HTTP_PROXY`. Endpoints on this very
//! machine are often not reached through a proxy at all (Go, Node): variables that name one get the port of a recording
//! listener instead, and keep scheme, host and path, so that the program addresses and signs its calls as before.

use std::fmt;
use std::path::Path;

use gateway::upstream::UpstreamUrl;

use crate::authority::is_loopback;
use crate::tunnel_target::TunnelTarget;

/// Addresses that credentials are fetched from; a proxy would answer with its own machine's, or not at all.
///
/// Without brackets: httpx fails to start on an address with them. Who looks for brackets comes to us, and we are on the
/// same machine.
///
/// Source: EC2 instance metadata (IPv4 and IPv6), ECS task credentials, EKS Pod Identity (IPv4 and IPv6).
const NO_PROXY: &str = "169.254.169.254,fd00:ec2::254,169.254.170.2,169.254.170.23,fd00:ec2::23";

/// Variables that name a file of trusted certificates. Readers: AWS SDKs and CLI; Python requests; OpenSSL, Go and
/// rustls; Node; curl; Git; Deno; Cargo.
const CERTIFICATE_VARIABLES: [&str; 8] = [
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "DENO_CERT",
    "CARGO_HTTP_CAINFO",
];

/// Endpoint variables beside `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_{SERVICE}`. Source: Terraform's S3 backend.
const OTHER_ENDPOINT_VARIABLES: [&str; 5] =
    ["AWS_DYNAMODB_ENDPOINT", "AWS_IAM_ENDPOINT", "AWS_S3_ENDPOINT", "AWS_SSO_ENDPOINT", "AWS_STS_ENDPOINT"];

/// Leads agents of Node through the proxy; Node loads it before the program.
pub const NODE_SCRIPT: &str = include_str!("node_proxy.cjs");

/// An endpoint that a variable names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it has TLS.
    pub has_tls: bool,
    /// Host and port.
    pub target: TunnelTarget,
    /// Path and what follows, as it stands.
    path: String,
}

/// A variable that names an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointVariable {
    /// Its name.
    pub name: String,
    /// What it names.
    pub endpoint: Endpoint,
}

impl Endpoint {
    /// Parses an `http` or `https` URL; `None` for anything else, which is left alone.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let (has_tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let target = TunnelTarget::parse(authority)
            .or_else(|_| TunnelTarget::parse(&format!("{authority}:{default_port}")))
            .ok()?;
        Some(Self { has_tls, target, path: path.to_owned() })
    }

    /// Its scheme.
    pub fn scheme(&self) -> &'static str {
        if self.has_tls { "https" } else { "http" }
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(self.target.host())
    }

    /// Whether another endpoint is at the same place; paths may differ.
    pub fn has_the_place_of(&self, other: &Self) -> bool {
        (self.has_tls, &self.target) == (other.has_tls, &other.target)
    }

    /// Where requests for it go.
    pub fn origin(&self) -> Option<UpstreamUrl> {
        self.target.origin(self.scheme()).ok()
    }

    /// The same URL with another port.
    fn with_port(&self, port: u16) -> String {
        format!("{}://{}:{port}{}", self.scheme(), self.target.host(), self.path)
    }
}

/// The endpoints that variables name.
pub fn endpoint_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<EndpointVariable> {
    let is_endpoint = |name: &str| {
        name == "AWS_ENDPOINT_URL" || name.starts_with("AWS_ENDPOINT_URL_") || OTHER_ENDPOINT_VARIABLES.contains(&name)
    };
    variables
        .into_iter()
        .filter(|(name, _)| is_endpoint(name))
        .filter_map(|(name, value)| Some(EndpointVariable { name: name.to_owned(), endpoint: Endpoint::parse(value)? }))
        .collect()
}

/// Files of trusted certificates that variables name, each once.
pub fn certificate_files<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<&'a Path> {
    let mut files: Vec<&Path> = Vec::new();
    for (name, value) in variables {
        if CERTIFICATE_VARIABLES.contains(&name) && !value.is_empty() && !files.contains(&Path::new(value)) {
            files.push(Path::new(value));
        }
    }
    files
}

/// What the program is led to.
#[derive(Debug, Clone, Copy)]
pub struct Wiring<'a> {
    /// Port of the forward proxy on 127.0.0.1.
    pub proxy_port: u16,
    /// File of trusted certificates, the run's own among them.
    pub certificates: &'a Path,
    /// File with [`NODE_SCRIPT`].
    pub node_script: &'a Path,
}

/// A variable of the program: its name, and its value or `None` to remove it.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the variable.
    pub name: String,
    /// Its value; `None` removes it.
    pub value: Option<String>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => write!(f, "-{}", self.name),
        }
    }
}

/// The changes to a program's environment. `listeners` gives the port of the recording listener of a local endpoint.
pub fn changes(
    wiring: &Wiring<'_>,
    endpoints: &[EndpointVariable],
    node_options: Option<&str>,
    listeners: impl Fn(&Endpoint) -> Option<u16>,
) -> Vec<Change> {
    let set = |name: &str, value: String| Change { name: name.to_owned(), value: Some(value) };
    let proxy = format!("http://127.0.0.1:{}", wiring.proxy_port);
    let mut changes = Vec::new();
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        changes.push(set(name, proxy.clone()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        changes.push(set(name, NO_PROXY.to_owned()));
    }
    for name in ["ALL_PROXY", "all_proxy"] {
        changes.push(Change { name: name.to_owned(), value: None });
    }
    let certificates = wiring.certificates.to_string_lossy();
    for name in CERTIFICATE_VARIABLES {
        changes.push(set(name, certificates.clone().into_owned()));
    }
    // For `fetch` of Node 22.21 and 24.5 and newer, which has no agent to lead.
    changes.push(set("NODE_USE_ENV_PROXY", "1".to_owned()));
    let own = format!("--require \"{}\"", wiring.node_script.display());
    changes.push(set("NODE_OPTIONS", node_options.map_or(own.clone(), |before| format!("{before} {own}"))));
    for variable in endpoints.iter().filter(|variable| variable.endpoint.is_local()) {
        if let Some(port) = listeners(&variable.endpoint) {
            changes.push(set(&variable.name, variable.endpoint.with_port(port)));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(endpoints: &[(&str, &str)]) -> Vec<Change> {
        let wiring = Wiring {
            proxy_port: 4444,
            certificates: Path::new("/tmp/ca.pem"),
            node_script: Path::new("/tmp/node.cjs"),
        };
        let variables = endpoint_variables(endpoints.iter().copied());
        changes(&wiring, &variables, None, |endpoint| Some(if endpoint.has_tls { 7002 } else { 7001 }))
    }

    fn value<'a>(changes: &'a [Change], name: &str) -> Option<&'a str> {
        changes.iter().find(|change| change.name == name)?.value.as_deref()
    }

    #[test]
    fn the_proxy_and_its_certificates() {
        let changes = changed(&[]);
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            assert_eq!(value(&changes, name), Some("http://127.0.0.1:4444"), "{name}");
        }
        for name in ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"] {
            assert_eq!(value(&changes, name), Some("/tmp/ca.pem"), "{name}");
        }
        for address in ["169.254.169.254", "169.254.170.2"] {
            assert!(value(&changes, "NO_PROXY").is_some_and(|list| list.split(',').any(|one| one == address)));
        }
        assert!(changes.iter().any(|change| change.name == "ALL_PROXY" && change.value.is_none()));
    }

    #[test]
    fn local_endpoints_change_their_port_and_others_stay() {
        let changes = changed(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ("AWS_ENDPOINT_URL_S3", "https://s3.localhost:5001/base"),
            ("AWS_ENDPOINT_URL_STS", "http://[::1]"),
            ("AWS_ENDPOINT_URL_IAM", "http://minio.corp:9000"),
            ("AWS_ENDPOINT_URL_SQS", "not a URL"),
            ("AWS_S3_ENDPOINT", "http://localhost:4566"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338"),
        ]);
        for (name, expected) in [
            ("AWS_ENDPOINT_URL", Some("http://127.0.0.1:7001")),
            ("AWS_ENDPOINT_URL_S3", Some("https://s3.localhost:7002/base")),
            ("AWS_ENDPOINT_URL_STS", Some("http://[::1]:7001")),
            ("AWS_ENDPOINT_URL_IAM", None),
            ("AWS_ENDPOINT_URL_SQS", None),
            ("AWS_S3_ENDPOINT", Some("http://localhost:7001")),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", None),
        ] {
            assert_eq!(value(&changes, name), expected, "{name}");
        }
    }

    #[test]
    fn origins_of_endpoints() {
        for (url, origin) in [
            ("http://127.0.0.1:5000/path", "http://127.0.0.1:5000"),
            ("https://LOCALHOST", "https://localhost"),
            ("HTTP://host:80?x", "http://host"),
        ] {
            assert_eq!(
                Endpoint::parse(url).and_then(|one| one.origin()).map(|one| one.to_string()).as_deref(),
                Some(origin)
            );
        }
        for url in ["", "host:80", "ftp://host", "http://", "http://u:p@host"] {
            assert_eq!(Endpoint::parse(url), None, "{url}");
        }
    }

    #[test]
    fn options_of_node_are_kept() {
        let wiring = Wiring {
            proxy_port: 1,
            certificates: Path::new("/tmp/ca.pem"),
            node_script: Path::new("/tmp/a b/node.cjs"),
        };
        let changes = changes(&wiring, &[], Some("--max-old-space-size=64"), |_| None);
        let expected = "--max-old-space-size=64 --require \"/tmp/a b/node.cjs\"";
        assert_eq!(value(&changes, "NODE_OPTIONS"), Some(expected));
    }

    #[test]
    fn certificate_files_are_named_once() {
        let variables =
            [("AWS_CA_BUNDLE", "/a.pem"), ("SSL_CERT_FILE", "/a.pem"), ("CURL_CA_BUNDLE", ""), ("HOME", "/root")];
        assert_eq!(certificate_files(variables), [Path::new("/a.pem")]);
    }
}
