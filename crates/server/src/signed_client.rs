//! Calls of AWS services that commands make, signed with one key: against this installation or AWS.

use std::time::Duration;

use access::RootKey;
use anyhow::{Context, anyhow, bail};
use aws_wire::RequestHead;
use aws_wire::sigv4::{PayloadDeclaration, SigningIdentity, sign_headers};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::EventTime;
use sha2::{Digest, Sha256};

/// Wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer, bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client of one endpoint with one key.
pub(crate) struct SignedClient<'a> {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    authority: String,
    key: &'a RootKey,
    session_token: Option<String>,
}

/// What is called.
pub(crate) struct SignedCall<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The token of temporary credentials, where the environment has one.
pub(crate) fn session_token() -> Option<String> {
    std::env::var("AWS_SESSION_TOKEN").ok().filter(|token| !token.is_empty())
}

impl<'a> SignedClient<'a> {
    pub(crate) fn new(endpoint: &str, key: &'a RootKey) -> anyhow::Result<Self> {
        let uri: Uri = endpoint.parse().with_context(|| format!("--endpoint {endpoint} is not a URL"))?;
        let authority = match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) => authority.to_string(),
            _ => bail!("--endpoint {endpoint}: expected http:// or https:// and a host, such as http://127.0.0.1:4600"),
        };
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { http, endpoint, authority, key, session_token: session_token() })
    }

    /// Status and body of the answer, whatever it says.
    pub(crate) async fn call(&self, call: SignedCall<'_>) -> anyhow::Result<(StatusCode, Bytes)> {
        let SignedCall { service, region, method, path, query, mut headers, body } = call;
        headers.insert(HOST, HeaderValue::from_str(&self.authority).context("the host of --endpoint")?);
        let identity = SigningIdentity {
            access_key_id: &self.key.access_key_id,
            secret: &self.key.secret,
            session_token: self.session_token.as_deref(),
            region,
            service,
        };
        let now = EventTime::from_micros(jiff::Timestamp::now().as_microsecond());
        let payload = PayloadDeclaration::Exact(Sha256::digest(&body).into());
        let head = RequestHead { method: &method, path, query, headers: &headers };
        headers.extend(sign_headers(&head, &identity, payload, now).context("sign the request")?);
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}{query}", self.endpoint).parse().context("--endpoint")?;
        *request.headers_mut() = headers;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.http.request(request)).await;
        let answer = answer
            .map_err(|_| anyhow!("{} does not answer within {} seconds", self.endpoint, ANSWER_TIMEOUT.as_secs()))?
            .with_context(|| format!("nothing answers at {}: say with --endpoint where it is", self.endpoint))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("read the answer of {}: {error}", self.endpoint))?.to_bytes();
        Ok((status, body))
    }
}
